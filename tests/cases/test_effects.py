"""What each event does to the counters, the gate, the holds and the credit of a case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.cases.effects import EFFECTS, told_by_law
from app.cases.view import CaseView, LineView, quantities
from app.cases.vocabulary import Event, Ground, Hold, Remedy, Route, State

ASKED = LineView("L1", requested=3)
APPROVED = LineView("L1", requested=3, approved=3)
OTHER = LineView("L2", requested=2, approved=2)
NAMES = ("approved", "shipped", "received", "accepted", "cleared", "refunded", "external", "replaced")


def case(*lines: LineView, **more: Any) -> CaseView:
    return replace(CaseView(State.CONTESTED, lines or (APPROVED,)), **more)


def after(view: CaseView, event: Event, **data: Any) -> CaseView:
    return EFFECTS[event](view, data)


def counters(line: LineView) -> dict[str, int]:
    """What is not zero."""
    return {name: getattr(line, name) for name in NAMES if getattr(line, name)}


def test_a_new_case_has_nothing_decided() -> None:
    view = CaseView(State.REQUESTED, (ASKED,))
    assert counters(view.lines[0]) == {}
    assert (view.route, view.remedy, view.requires_rma, view.has_supplier) == (None, Remedy.REFUND, True, True)
    assert (view.holds, view.ground, view.credit_open, view.statutory_until, view.cycle) == (
        frozenset(), None, False, None, 1,
    )  # fmt: skip
    assert view.line("L1") is view.lines[0]
    assert view.line("L9") is None


def test_what_is_owed_and_what_is_open() -> None:
    line = LineView("L1", 9, approved=8, cleared=6, refunded=2, external=1)
    assert (line.owed, line.open) == (3, 5)
    paid_twice = replace(line, refunded=9)
    assert (paid_twice.owed, paid_twice.open) == (0, 0)


@pytest.mark.parametrize(
    ("name", "touched"), [("refunded", True), ("shipped", True), ("received", True), ("cleared", False)]
)
def test_what_counts_as_moved(name: str, touched: bool) -> None:
    changed: dict[str, Any] = {name: 1}
    assert case(OTHER, replace(APPROVED, **changed)).touched is touched


def test_covered_means_every_line() -> None:
    paid = replace(OTHER, refunded=1, external=1)
    assert case(paid).covered
    assert not case(paid, APPROVED).covered


def test_quantities_are_read_from_any_json() -> None:
    assert quantities({"lines": {1: "2"}}) == {"1": 2}
    assert quantities({"lines": None}) == quantities({}) == {}


def test_approval_takes_all_or_what_was_chosen_within_what_was_asked() -> None:
    lines = (ASKED, replace(OTHER, approved=0))
    whole = after(case(*lines), Event.APPROVED, route="claim")
    assert [line.approved for line in whole.lines] == [3, 2]
    chosen = after(case(*lines), Event.APPROVED, route="claim", lines={"L1": 9})
    assert [line.approved for line in chosen.lines] == [3, 0]
    none = after(case(*lines), Event.APPROVED, route="claim", lines={"L1": -1})
    assert [line.approved for line in none.lines] == [0, 0]
    assert (whole.route, whole.remedy, whole.ground, whole.credit_open) == (Route.CLAIM, Remedy.REFUND, None, False)


def test_approval_may_change_the_remedy_and_never_opens_more_than_it_approves() -> None:
    view = case(replace(APPROVED, cleared=3), remedy=Remedy.EXCHANGE)
    changed = after(view, Event.APPROVED, route="return", remedy="replacement", lines={"L1": 2})
    assert (changed.remedy, counters(changed.lines[0])) == (Remedy.REPLACEMENT, {"approved": 2, "cleared": 2})
    assert after(view, Event.APPROVED, route="return").remedy is Remedy.EXCHANGE


def test_a_returnless_approval_opens_the_gate_at_once() -> None:
    view = case(ASKED)
    by_policy = after(view, Event.APPROVED, route="returnless")
    assert (by_policy.ground, by_policy.lines[0].cleared, by_policy.credit_open) == (Ground.POLICY, 3, True)
    by_person = after(view, Event.APPROVED, route="returnless", ground="operator")
    assert by_person.ground is Ground.OPERATOR
    assert not after(replace(view, has_supplier=False), Event.APPROVED, route="returnless").credit_open


def test_a_refusal_keeps_only_what_the_gate_was_opened_for() -> None:
    view = case(replace(APPROVED, shipped=3, received=3, accepted=2, cleared=2, refunded=1))
    assert counters(after(view, Event.REJECTED).lines[0]) == {
        "approved": 2, "shipped": 2, "received": 2, "accepted": 2, "cleared": 2, "refunded": 1,
    }  # fmt: skip
    little = case(replace(APPROVED, shipped=1, cleared=2))
    assert counters(after(little, Event.REJECTED).lines[0]) == {"approved": 2, "shipped": 1, "cleared": 2}


def test_a_parcel_carries_what_was_approved() -> None:
    assert counters(after(case(replace(APPROVED, approved=2)), Event.TRACKING_ADDED).lines[0])["shipped"] == 2


def test_receipt_counts_what_arrived_and_takes_nothing_back() -> None:
    view = case(APPROVED, OTHER)
    whole = after(view, Event.GOODS_RECEIVED)
    assert [(line.received, line.shipped) for line in whole.lines] == [(3, 3), (2, 2)]
    some = after(view, Event.GOODS_RECEIVED, lines={"L1": 1})
    assert [(line.received, line.shipped) for line in some.lines] == [(1, 1), (0, 0)]
    assert after(whole, Event.GOODS_RECEIVED, lines={"L1": 1}).lines[0].received == 3
    assert after(view, Event.GOODS_RECEIVED, lines={"L1": 9}).lines[0].received == 3
    shipped = case(replace(APPROVED, shipped=3))
    assert counters(after(shipped, Event.GOODS_RECEIVED, lines={"L1": 1}).lines[0])["shipped"] == 3


@pytest.mark.parametrize(("route", "moved"), [("return", 2), ("local", 2), ("claim", 0), ("returnless", 0)])
def test_a_verdict_opens_the_gate_for_what_it_accepts(route: str, moved: int) -> None:
    found = after(case(APPROVED, OTHER, route=Route(route)), Event.SUPPLIER_CONFIRMED, lines={"L1": 2})
    moves = {"shipped": moved, "received": moved} if moved else {}
    assert counters(found.lines[0]) == {"approved": 3, "accepted": 2, "cleared": 2, **moves}
    assert counters(found.lines[1]) == {"approved": 2}
    assert (found.ground, found.credit_open) == (Ground.SUPPLIER, True)


def test_a_verdict_takes_nothing_back_and_accepts_no_more_than_was_approved() -> None:
    full = replace(APPROVED, shipped=3, received=3, accepted=2, cleared=3)
    again = after(case(full, route=Route.RETURN), Event.SUPPLIER_CONFIRMED, lines={"L1": 1})
    assert again.lines[0] == full
    assert after(case(), Event.SUPPLIER_CONFIRMED, lines={"L1": 9}).lines[0].accepted == 3


def test_a_credit_that_was_settled_before_the_verdict_is_not_owed_again() -> None:
    verdict = {"lines": {"L1": 3}}
    assert not after(case(), Event.SUPPLIER_CONFIRMED, **verdict, credit_settled=True).credit_open
    assert not after(case(has_supplier=False), Event.SUPPLIER_CONFIRMED, **verdict).credit_open


def test_absorbing_opens_the_gate_for_all_that_was_approved() -> None:
    decided = after(case(replace(APPROVED, approved=2), replace(OTHER, approved=0)), Event.ABSORBED)
    assert [counters(line) for line in decided.lines] == [{"approved": 2, "cleared": 2}, {}]
    undecided = after(case(ASKED), Event.ABSORBED, ground="policy")
    assert (counters(undecided.lines[0]), undecided.ground) == ({"approved": 3, "cleared": 3}, Ground.POLICY)
    assert (decided.ground, decided.credit_open) == (Ground.OPERATOR, False)


def test_replaced_units_are_settled_and_stay_so() -> None:
    view = after(case(replace(APPROVED, cleared=3, refunded=1)), Event.REPLACEMENT_MADE, lines={"L1": 1})
    (line,) = view.lines
    assert (line.replaced, line.settled, line.owed, line.open, view.covered, view.touched) == (1, 2, 1, 1, False, True)
    again = after(view, Event.REOPENED)
    assert counters(again.lines[0]) == {"approved": 2, "cleared": 2, "refunded": 1, "replaced": 1}
    left = after(view, Event.ORDER_CANCELLED, lines={"L1": 0})
    assert left.lines[0].approved == 2


def test_the_legal_date_turns_a_new_order_into_a_refund_and_leaves_money_as_it_is() -> None:
    for remedy, becomes in (
        (Remedy.REPLACEMENT, Remedy.REFUND),
        (Remedy.EXCHANGE, Remedy.REFUND),
        (Remedy.STORE_CREDIT, Remedy.STORE_CREDIT),
        (Remedy.KEEP_ITEM, Remedy.REFUND),
    ):
        assert after(case(APPROVED, remedy=remedy), Event.LEGAL_DATE_REACHED, lines={"L1": 3}).remedy is becomes
    kept = case(APPROVED, remedy=Remedy.KEEP_ITEM, route=Route.RETURNLESS)
    assert after(kept, Event.LEGAL_DATE_REACHED, lines={"L1": 3}).remedy is Remedy.KEEP_ITEM
    credit = case(APPROVED, remedy=Remedy.STORE_CREDIT)
    assert after(credit, Event.LEGAL_DATE_REACHED, lines={"L1": 3}, imposed=True).remedy is Remedy.REFUND


def test_a_gate_that_is_open_is_not_opened_anew_by_the_legal_date() -> None:
    view = case(replace(APPROVED, cleared=2), remedy=Remedy.REPLACEMENT, ground=Ground.SUPPLIER)
    view = replace(view, state=State.RESOLVING)
    assert after(view, Event.LEGAL_DATE_REACHED, lines={"L1": 3}) == replace(view, remedy=Remedy.REFUND)


def test_who_keeps_the_goods_waits_for_nobody() -> None:
    view = case(APPROVED, route=Route.RETURN, remedy=Remedy.REFUND)
    kept = after(view, Event.REMEDY_CHANGED, remedy="keep_item", ground="operator")
    assert (kept.remedy, kept.route, kept.ground) == (Remedy.KEEP_ITEM, Route.RETURNLESS, Ground.OPERATOR)
    assert (kept.lines[0].cleared, kept.credit_open) == (APPROVED.approved, False)
    other = after(view, Event.REMEDY_CHANGED, remedy="store_credit")
    assert (other.remedy, other.route, other.ground) == (Remedy.STORE_CREDIT, Route.RETURN, view.ground)
    assert other.lines[0].cleared == APPROVED.cleared


def test_the_law_opens_the_gate_and_the_supplier_owes() -> None:
    paid = after(case(), Event.LEGAL_DATE_REACHED)
    assert (paid.ground, paid.lines[0].cleared, paid.credit_open) == (Ground.LAW, 3, True)
    assert not after(case(has_supplier=False), Event.LEGAL_DATE_REACHED).credit_open


def test_money_is_counted_by_who_paid_it() -> None:
    view = case(replace(APPROVED, refunded=1, external=1), OTHER)
    ours = after(view, Event.REFUND_SUCCEEDED, lines={"L1": 1})
    assert [(line.refunded, line.external) for line in ours.lines] == [(2, 1), (0, 0)]
    theirs = after(view, Event.EXTERNAL_REFUND_OBSERVED, lines={"L1": 1})
    assert [(line.refunded, line.external) for line in theirs.lines] == [(1, 2), (0, 0)]
    gone = after(theirs, Event.EXTERNAL_REFUND_REMOVED, lines={"L1": 1})
    assert [(line.refunded, line.external) for line in gone.lines] == [(1, 1), (0, 0)]
    assert after(view, Event.EXTERNAL_REFUND_REMOVED, lines={"L1": 5}).lines[0].external == 0
    assert after(view, Event.EXTERNAL_REFUND_REMOVED, lines={"L2": 1}).lines[0].external == 1


@pytest.mark.parametrize("event", [Event.CREDIT_SETTLED, Event.CREDIT_WRITTEN_OFF])
def test_the_end_of_a_credit(event: Event) -> None:
    assert after(case(credit_open=True), event).credit_open is False


def test_holds_come_and_go() -> None:
    held = after(case(holds=frozenset({Hold.FRAUD})), Event.HOLD_SET, kind="merchant")
    assert held.holds == {Hold.FRAUD, Hold.MERCHANT}
    assert after(held, Event.HOLD_LIFTED, kind="fraud").holds == {Hold.MERCHANT}
    assert after(held, Event.HOLD_LIFTED).holds == frozenset()
    disputed = after(held, Event.CHARGEBACK_OPENED)
    assert disputed.holds == {Hold.FRAUD, Hold.MERCHANT, Hold.CHARGEBACK}
    for end in (Event.CHARGEBACK_WON, Event.CHARGEBACK_LOST):
        assert after(disputed, end).holds == {Hold.FRAUD, Hold.MERCHANT}


def test_a_reopened_case_keeps_only_what_was_paid() -> None:
    line = replace(APPROVED, shipped=3, received=2, accepted=3, cleared=3, refunded=2, external=1)
    again = after(case(line, ground=Ground.SUPPLIER, cycle=2), Event.REOPENED)
    assert counters(again.lines[0]) == {
        "approved": 2, "shipped": 2, "received": 2, "accepted": 2, "cleared": 2, "refunded": 2, "external": 1,
    }  # fmt: skip
    assert (again.ground, again.cycle) == (None, 3)
    unpaid = after(case(replace(APPROVED, shipped=3, received=3, accepted=1, cleared=3)), Event.REOPENED)
    assert counters(unpaid.lines[0]) == {}
    beyond = after(case(replace(APPROVED, approved=1, refunded=2)), Event.REOPENED)
    assert counters(beyond.lines[0]) == {"approved": 1, "cleared": 1, "refunded": 2}
    sent = after(case(replace(APPROVED, shipped=1, refunded=2)), Event.REOPENED)
    assert counters(sent.lines[0]) == {"approved": 2, "shipped": 1, "cleared": 2, "refunded": 2}


def test_only_events_that_change_the_view_have_an_effect() -> None:
    """All others, a note or a refused remedy, leave the counters alone."""
    assert {str(event) for event in EFFECTS} == {
        "request_changed", "approved", "rejected", "tracking_added", "goods_received", "supplier_confirmed", "absorbed",
        "legal_date_reached", "refund_succeeded", "credit_settled", "credit_written_off", "external_refund_observed",
        "external_refund_removed", "chargeback_opened", "chargeback_won", "chargeback_lost", "reopened", "hold_set",
        "hold_lifted", "order_cancelled", "remedy_changed", "replacement_made",
    }  # fmt: skip


def test_the_law_opens_the_gate_for_what_is_due_and_leaves_the_rest_to_be_decided() -> None:
    undecided = after(case(ASKED, LineView("L2", requested=2)), Event.LEGAL_DATE_REACHED, lines={"L1": 2})
    assert [(line.approved, line.cleared) for line in undecided.lines] == [(3, 2), (2, 0)]
    assert (undecided.ground, undecided.credit_open) == (Ground.LAW, True)
    nothing = after(case(APPROVED), Event.LEGAL_DATE_REACHED, lines={})
    assert nothing.lines[0].cleared == APPROVED.cleared
    whole = after(case(APPROVED, OTHER), Event.LEGAL_DATE_REACHED)
    assert [line.cleared for line in whole.lines] == [APPROVED.approved, OTHER.approved]


def test_an_event_tells_what_the_law_says_where_it_has_changed() -> None:
    told = {"alive": True, "statutory_until": "2026-12-24T22:59:59.999999+00:00"}
    view = told_by_law(case(), {"legal": told})
    assert (view.right_alive, view.statutory_until) == (True, datetime(2026, 12, 24, 22, 59, 59, 999999, tzinfo=UTC))
    assert told_by_law(view, {"text": "a note"}) is view
    gone = told_by_law(view, {"legal": {"alive": False}})
    assert (gone.right_alive, gone.statutory_until) == (False, None)
