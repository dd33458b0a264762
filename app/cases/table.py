"""The transitions of a case, as data. Pure.

Rows of the same event are tried in order; the first whose guard holds is taken. `number` is the row of the published
table; a letter marks a row that this table adds, and `why` says what for.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.cases import guards
from app.cases.guards import Guard
from app.cases.vocabulary import BEFORE_RESOLVING, ENDED, OPEN, Command, Event, State

ANY = frozenset(State)
_VERDICT_FROM = frozenset(
    {State.AWAITING_SHIPMENT, State.IN_TRANSIT, State.INSPECTING, State.CLAIMING, State.CONTESTED, State.AUTHORIZING}
)
_DECIDABLE = frozenset({State.REQUESTED, State.EVIDENCE_NEEDED, State.UNDER_REVIEW})
_CANCELLABLE = frozenset(
    {State.REQUESTED, State.EVIDENCE_NEEDED, State.UNDER_REVIEW, State.AUTHORIZING, State.AWAITING_SHIPMENT,
     State.CLAIMING, State.CONTESTED}
)  # fmt: skip
_REOPENABLE = ENDED
_CHANGES_REMEDY = frozenset(
    {State.AUTHORIZING, State.AWAITING_SHIPMENT, State.IN_TRANSIT, State.INSPECTING, State.CLAIMING, State.CONTESTED,
     State.RESOLVING}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One transition. `target` None leaves the state as it is; `sources` None is the beginning."""

    number: str
    event: Event
    sources: frozenset[State] | None
    target: State | None
    commands: tuple[Command, ...] = ()
    guard: Guard | None = None
    why: str = ""


def _row(
    number: str,
    event: Event,
    sources: frozenset[State] | set[State] | None,
    target: State | None,
    *commands: Command,
    guard: Guard | None = None,
    why: str = "",
) -> Row:
    return Row(number, event, frozenset(sources) if sources is not None else None, target, commands, guard, why)


E_, S, C = Event, State, Command

TRANSITIONS: tuple[Row, ...] = (
    _row("1", E_.REQUEST_SUBMITTED, None, S.REQUESTED, C.DECIDE),
    _row("1a", E_.REQUEST_CHANGED, {S.EVIDENCE_NEEDED, S.UNDER_REVIEW}, S.REQUESTED, C.DECIDE,
         guard=guards.something_asked, why="who asks may correct the request until somebody has decided it"),
    _row("2", E_.POLICY_NEEDS_EVIDENCE, {S.REQUESTED, S.UNDER_REVIEW}, S.EVIDENCE_NEEDED, C.MAIL_EVIDENCE,
         why="an operator may ask for evidence too"),
    _row("3", E_.EVIDENCE_ADDED, {S.EVIDENCE_NEEDED}, S.REQUESTED, C.DECIDE),
    _row("3a", E_.EVIDENCE_ADDED, OPEN - {S.EVIDENCE_NEEDED}, None, why="evidence nobody asked for is kept"),
    _row("4", E_.EVIDENCE_TIMED_OUT, {S.EVIDENCE_NEEDED}, S.EXPIRED, C.DECLINE_STORE_RETURN,
         guard=guards.no_statutory_right),
    _row("4a", E_.EVIDENCE_TIMED_OUT, {S.EVIDENCE_NEEDED}, S.UNDER_REVIEW),
    _row("5", E_.POLICY_DEFERRED, {S.REQUESTED}, S.UNDER_REVIEW),
    _row("9", E_.APPROVED, _DECIDABLE, S.RESOLVING, C.APPROVE_STORE_RETURN, C.PLAN_REMEDY, C.ASK_SUPPLIER,
         C.EXPECT_CREDIT, C.MAIL_APPROVED, guard=guards.route_returnless),
    _row("8", E_.APPROVED, _DECIDABLE, S.CLAIMING, C.APPROVE_STORE_RETURN, C.ASK_SUPPLIER,
         C.MAIL_APPROVED, guard=guards.route_claim),
    _row("6", E_.APPROVED, _DECIDABLE, S.AUTHORIZING, C.APPROVE_STORE_RETURN, C.ASK_SUPPLIER,
         guard=guards.route_return_with_rma),
    _row("7", E_.APPROVED, _DECIDABLE, S.AWAITING_SHIPMENT, C.APPROVE_STORE_RETURN, C.ISSUE_OWN_RMA, C.ASK_SUPPLIER,
         C.MAIL_RMA, guard=guards.route_without_rma),
    _row("10", E_.REJECTED, _DECIDABLE, S.REJECTED, C.DECLINE_STORE_RETURN, C.MAIL_REFUSED,
         guard=guards.may_refuse),
    _row("10a", E_.REJECTED, {S.CONTESTED}, S.REJECTED, C.VOID_REMEDY, C.WITHDRAW_FROM_SUPPLIER,
         C.CLOSE_STORE_RETURN, C.MAIL_REFUSED,
         guard=guards.may_refuse_all,
         why="the merchant may agree with a supplier that refuses; without it a contested case had no exit but paying"),
    _row("10b", E_.REJECTED, {S.CONTESTED}, S.RESOLVING, C.PLAN_REMEDY, C.MAIL_REFUSED, guard=guards.may_refuse,
         why="the accepted part is paid, the rest is refused"),
    _row("11", E_.SUPPLIER_AUTHORIZED, {S.AUTHORIZING}, S.AWAITING_SHIPMENT, C.MAIL_RMA),
    _row("11a", E_.SUPPLIER_AUTHORIZED, {S.CONTESTED}, S.AWAITING_SHIPMENT, C.MAIL_RMA, guard=guards.nothing_moved,
         why="a supplier that was silent answers after all"),
    _row("11b", E_.SUPPLIER_AUTHORIZED, {S.AWAITING_SHIPMENT}, None, C.MAIL_RMA, guard=guards.number_is_new,
         why="the supplier corrects its number or address"),
    _row("11c", E_.SUPPLIER_AUTHORIZED, {S.CLAIMING}, None, guard=guards.number_is_new,
         why="a claim may have a number too"),
    _row("12", E_.SUPPLIER_REFUSED, {S.AUTHORIZING}, S.CONTESTED, C.ABSORB_SMALL),
    _row("12a", E_.SUPPLIER_REFUSED, {S.CLAIMING}, S.CONTESTED, C.ABSORB_SMALL,
         why="a claim is refused like an authorisation"),
    _row("12b", E_.SUPPLIER_SILENT, {S.AUTHORIZING}, S.CONTESTED, C.ABSORB_SMALL),
    _row("13", E_.TRACKING_ADDED, {S.AWAITING_SHIPMENT}, S.IN_TRANSIT),
    _row("13a", E_.TRACKING_ADDED, {S.IN_TRANSIT}, None, why="a second parcel or a corrected number"),
    _row("13b", E_.TRACKING_ADDED, {S.CONTESTED}, None,
         why="who sends goods back although the supplier is silent has proved dispatch: the legal clock counts it"),
    _row("14", E_.SHIPMENT_TIMED_OUT, {S.AWAITING_SHIPMENT}, S.EXPIRED, C.WITHDRAW_FROM_SUPPLIER,
         C.CLOSE_STORE_RETURN),
    _row("15", E_.GOODS_RECEIVED, {S.AWAITING_SHIPMENT, S.IN_TRANSIT, S.EXPIRED, S.AUTHORIZING}, S.INSPECTING,
         C.MAIL_RECEIVED, guard=guards.was_approved, why="from authorizing: events may come in any order"),
    _row("15a", E_.GOODS_RECEIVED, {S.INSPECTING, S.CLAIMING, S.CONTESTED}, None, why="a second parcel arrives"),
    _row("16", E_.PARCEL_STALLED, {S.IN_TRANSIT}, S.CONTESTED),
    _row("17", E_.SUPPLIER_CONFIRMED, _VERDICT_FROM, S.RESOLVING, C.PLAN_REMEDY, C.EXPECT_CREDIT,
         C.MAIL_VERDICT, guard=guards.confirmed_in_full, why="from authorizing: events may come in any order"),
    _row("18", E_.SUPPLIER_CONFIRMED, _VERDICT_FROM, S.CONTESTED, C.PLAN_REMEDY, C.EXPECT_CREDIT,
         C.ABSORB_SMALL, C.MAIL_VERDICT, guard=guards.confirmed_in_part),
    _row("17a", E_.SUPPLIER_CONFIRMED, {S.RESOLVING, S.RESOLVED}, None, C.EXPECT_CREDIT, guard=guards.confirms_more,
         why="the supplier confirms what was refunded ahead of it: only the credit changes"),
    _row("19", E_.SUPPLIER_REJECTED, {S.INSPECTING, S.CLAIMING, S.AUTHORIZING, S.IN_TRANSIT, S.AWAITING_SHIPMENT},
         S.CONTESTED, C.ABSORB_SMALL, C.MAIL_VERDICT, why="from earlier states: events may come in any order"),
    _row("20", E_.VERDICT_TIMED_OUT, {S.INSPECTING, S.CLAIMING}, S.CONTESTED, C.ABSORB_SMALL),
    _row("21", E_.ABSORBED, {S.CONTESTED}, S.RESOLVING, C.PLAN_REMEDY),
    _row("22", E_.APPEALED, {S.CONTESTED}, S.CLAIMING, C.ASK_SUPPLIER),
    _row("23", E_.LEGAL_DATE_REACHED, BEFORE_RESOLVING, S.RESOLVING, C.VOID_REMEDY, C.PLAN_REMEDY,
         C.EXPECT_CREDIT, guard=guards.law_pays_all),
    _row("23a", E_.LEGAL_DATE_REACHED, BEFORE_RESOLVING, S.CONTESTED, C.VOID_REMEDY, C.PLAN_REMEDY,
         C.EXPECT_CREDIT, guard=guards.law_pays_part,
         why="the share due by law goes out at once; the rest is decided apart"),
    _row("23e", E_.LEGAL_DATE_REACHED, {S.RESOLVING}, None, C.VOID_REMEDY, C.PLAN_REMEDY, guard=guards.law_pays_part,
         why="what was to be replaced and has not been is refunded"),
    _row("23b", E_.REMEDY_CHANGED, _CHANGES_REMEDY, S.RESOLVING, C.VOID_REMEDY, C.WITHDRAW_FROM_SUPPLIER,
         C.PLAN_REMEDY, guard=guards.is_kept, why="who keeps the goods for a part of the price waits for nobody"),
    _row("23c", E_.REMEDY_CHANGED, {S.CONTESTED}, S.RESOLVING, C.VOID_REMEDY, C.PLAN_REMEDY,
         guard=guards.goes_out_whole, why="what one remedy could not bring, another may"),
    _row("23d", E_.REMEDY_CHANGED, _CHANGES_REMEDY, None, C.VOID_REMEDY, C.PLAN_REMEDY,
         guard=guards.remedy_may_change, why="the customer may choose another remedy until one has gone out"),
    _row("24a", E_.REFUND_SUCCEEDED, ANY, None, why="proven money is booked whatever the state"),
    _row("24b", E_.REPLACEMENT_MADE, ANY, None, why="a new order that is proven counts whatever the state"),
    _row("24", E_.REMEDY_DONE, {S.RESOLVING}, S.RESOLVED, C.CLOSE_STORE_RETURN, C.PLAN_THANKS,
         guard=guards.lines_covered),
    _row("25", E_.REMEDY_IMPOSSIBLE, {S.RESOLVING}, S.CONTESTED),
    _row("25a", E_.REMEDY_IMPOSSIBLE, {S.CONTESTED}, None, why="the accepted share of a contested case"),
    _row("26", E_.CREDIT_SETTLED, {S.RESOLVED}, S.CLOSED),
    _row("26a", E_.CREDIT_SETTLED, ANY - {S.RESOLVED}, None, why="a credit may be paid before the refund is proven"),
    _row("26b", E_.CREDIT_WRITTEN_OFF, {S.RESOLVED}, S.CLOSED),
    _row("26c", E_.CREDIT_WRITTEN_OFF, ANY - {S.RESOLVED}, None),
    _row("26d", E_.CLOSE_DUE, {S.RESOLVED}, S.CLOSED, guard=guards.no_credit_open),
    _row("27", E_.EXTERNAL_REFUND_OBSERVED, OPEN - {S.RESOLVED}, S.SUPERSEDED, C.VOID_REMEDY,
         C.WITHDRAW_FROM_SUPPLIER, C.CLOSE_STORE_RETURN, guard=guards.external_covers),
    _row("27a", E_.EXTERNAL_REFUND_OBSERVED, ANY, None, C.VOID_REMEDY, C.PLAN_REMEDY),
    _row("28", E_.EXTERNAL_REFUND_REMOVED, {S.SUPERSEDED}, S.CONTESTED),
    _row("28b", E_.EXTERNAL_REFUND_REMOVED, {S.RESOLVED}, S.CONTESTED, guard=guards.not_covered,
         why="what the customer was paid by others is gone again"),
    _row("28a", E_.EXTERNAL_REFUND_REMOVED, ANY - {S.SUPERSEDED}, None),
    _row("29", E_.CHARGEBACK_OPENED, ANY, None, C.VOID_REMEDY),
    _row("29a", E_.CHARGEBACK_WON, ANY, None, C.PLAN_REMEDY),
    _row("29b", E_.CHARGEBACK_LOST, OPEN, S.SUPERSEDED, C.VOID_REMEDY, C.WITHDRAW_FROM_SUPPLIER,
         C.CLOSE_STORE_RETURN),
    _row("30", E_.ORDER_CANCELLED, BEFORE_RESOLVING, S.SUPERSEDED, C.VOID_REMEDY, C.WITHDRAW_FROM_SUPPLIER,
         guard=guards.made_whole_before_moving),
    _row("30a", E_.ORDER_CANCELLED, ANY, None,
         why="cancelled without giving the money back, or edited: lines shrink and the case goes on"),
    _row("31", E_.CUSTOMER_CANCELLED, _CANCELLABLE, S.CANCELLED, C.VOID_REMEDY,
         C.WITHDRAW_FROM_SUPPLIER, C.CLOSE_STORE_RETURN,
         C.MAIL_CANCELLED, guard=guards.nothing_moved),
    _row("32", E_.REOPENED, _REOPENABLE, S.UNDER_REVIEW, guard=guards.has_reason),
    _row("33", E_.HOLD_SET, ANY, None, C.VOID_REMEDY),
    _row("33a", E_.HOLD_LIFTED, ANY, None, C.PLAN_REMEDY, guard=guards.is_held),
    _row("33b", E_.NOTE_ADDED, ANY, None),
)  # fmt: skip
