"""What is kept, who pays the way back, and what stays with the merchant. Pure; amounts are minor units.

The law's floor always wins: where it forbids what the policy wants, the lawful value is used and a note says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from app.cases.vocabulary import Route
from app.money import Money
from app.policy.decision import Note, Step
from app.policy.law.calendar import local_day
from app.policy.law.model import Forbidden, LegalView, Payer, Right
from app.policy.lines import LineCase
from app.policy.model import Policy
from app.policy.question import Question
from app.policy.routes import wants_goods, wholesale


@dataclass(slots=True)
class Fee:
    """What is kept, how it was worked out, and what the law changed."""

    kept: int = 0
    steps: list[Step] = field(default_factory=list)
    corrected: list[Note] = field(default_factory=list)


def bound_by(one: LineCase) -> LegalView | None:
    """The law that binds the merchant for a line; None once the right to withdraw is over (then it is a favour)."""
    return None if one.right is Right.WITHDRAWAL and not one.law.alive else one.law


def fee_of(looked: Sequence[LineCase], question: Question, policy: Policy) -> Fee:
    """The restocking fee of the case: the policy's percentage, its own cap, and then what each right allows."""
    found = Fee()
    wanted, names = _wanted_by_right(looked, policy)
    if not any(wanted.values()):
        return found
    order, section = question.order, policy.restocking_fee
    for percent, value, minor in names:
        found.steps += [Step("value", value), Step("fee_percent", number=percent), Step("fee_wanted", minor)]
    left = sum(wanted.values())
    if section.at_most:
        cap = section.at_most.minor(order.currency, order.exponent) or 0
        left = min(left, cap)
        found.steps.append(Step("fee_cap", cap))
    for right, minor in wanted.items():
        wish = min(minor, left)
        left -= wish
        lines = [one for one in looked if one.right is right]
        law = bound_by(lines[0])
        kept = wish if law is None else min(wish, _allowed(law, lines, question, wish, found.kept))
        if law is not None and kept < wish:
            code = "fee_limited" if kept else "fee_forbidden"
            found.corrected.append(Note(code, {"wanted_minor": wish, "kept_minor": kept}))
            found.steps.append(Step("fee_law_limit", kept))
        found.kept += kept
    found.steps.append(Step("fee", found.kept))
    return found


def _wanted_by_right(looked: Sequence[LineCase], policy: Policy) -> tuple[dict[Right, int], list[tuple[str, int, int]]]:
    wanted: dict[Right, int] = {}
    shown = []
    for one in looked:
        rule, section = one.by.get("fee_percent"), policy.restocking_fee
        percent = section.percent if one.line.reason in section.reasons else Decimal(0)
        if rule is not None and rule.fee_percent is not None:
            percent = rule.fee_percent
        if percent:
            minor = int((percent * one.line.value / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
            wanted[one.right] = wanted.get(one.right, 0) + minor
            shown.append((f"{percent.normalize():f}", one.line.value, minor))
    return wanted, shown


def _allowed(law: LegalView, lines: Sequence[LineCase], question: Question, wish: int, kept: int) -> int:
    if Forbidden.RESTOCKING_FEE in law.forbids:
        return 0
    order = question.order
    value = Money(sum(one.line.value for one in lines), order.currency, order.exponent)
    limit = law.fee.of(value, question.fee_kept + kept)
    return wish if limit is None else max(0, limit)


def way_back_of(looked: Sequence[LineCase], policy: Policy) -> tuple[Payer, list[Note]]:
    """Who pays the way back of the one parcel: the merchant as soon as it is theirs to pay for any line."""
    payers, corrected = set(), []
    for one in looked:
        rule = one.by.get("way_back")
        payer = Payer.CUSTOMER if one.line.reason in policy.way_back.customer_pays else Payer.MERCHANT
        if rule is not None and rule.way_back is not None:
            payer = rule.way_back
        law = bound_by(one)
        if payer is Payer.CUSTOMER and law is not None and law.way_back is Payer.MERCHANT:
            payer = Payer.MERCHANT
            corrected.append(Note("way_back_merchant", {"line": one.line.line_id}))
        payers.add(payer)
    return (Payer.MERCHANT if Payer.MERCHANT in payers else Payer.CUSTOMER), corrected


def merchant_cost(
    looked: Sequence[LineCase], question: Question, policy: Policy, route: Route, way_back: Payer
) -> list[Note]:
    """What the supplier's stricter terms and the law leave with the merchant, never with the customer."""
    found: list[Note] = []
    order, terms = question.order, question.supplier
    if terms is not None:
        lost = wholesale(question, sum(one.line.value for one in looked))
        amount = {} if lost is None else {"minor": lost}
        last = _last_day_to_claim(looked, question)
        if last is not None and question.now > last[0]:
            found.append(Note("claim_window_over", {"day": last[1], "days": terms.claim_window_days or 0, **amount}))
        nothing_moves = route in (Route.CLAIM, Route.RETURNLESS)
        if nothing_moves and any(wants_goods(terms, one.line.reason, one.line.value) is True for one in looked):
            found.append(Note("supplier_wants_goods", amount))
    freight = policy.costs.freight.minor(order.currency, order.exponent)
    if route in (Route.RETURN, Route.LOCAL) and way_back is Payer.MERCHANT:
        found.append(Note("way_back_paid", {"minor": freight} if freight is not None else {}))
    if any((law := bound_by(one)) is not None and law.alive and law.outbound_shipping for one in looked):
        found.append(Note("outbound_shipping"))
    return found


def _last_day_to_claim(looked: Sequence[LineCase], question: Question) -> tuple[datetime, str] | None:
    order, days = question.order, question.supplier.claim_window_days if question.supplier else None
    if days is None:
        return None
    last = min(one.start for one in looked) + timedelta(days=days)
    return last, f"{local_day(order.country, last, order.region)}"
