"""How a decided case ends: whether and when it is paid, on which ground, and what it costs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.cases.vocabulary import Route
from app.policy.decision import Decision
from app.policy.law.model import Payer
from app.policy.model import Policy
from app.policy.terms import Outcome
from app.whatif.answers import VERDICT_DAYS, Course, wholesale
from app.whatif.past import PastCase


@dataclass(frozen=True, slots=True)
class Payment:
    """Days after the request on which the refund goes out, and whether the law's date was what opened the gate."""

    day: int
    by_law: bool = False


def payment(
    case: PastCase, policy: Policy, decision: Decision, way: Course, waited: int, ask_law: Callable[[], int | None]
) -> Payment | None:
    """When the case is paid; None when it is not.

    `waited` are the days before the goods or the claim could move. `ask_law` answers the day on which the law opens the
    gate; it is asked only about cases that can be paid, because that takes as long as all the rest.
    """
    if decision.outcome is Outcome.REJECT or way.ends:
        return None
    if decision.outcome is not Outcome.APPROVE and not _person_pays(case, decision):
        return None
    if decision.outcome is Outcome.APPROVE and decision.route is Route.RETURNLESS:
        return Payment(waited)
    day = _settled_day(case, policy, decision, way, waited)
    due_day = ask_law()
    if due_day is not None and (day is None or due_day < day):
        return Payment(max(due_day, 0), by_law=True)
    return None if day is None else Payment(day)


def _settled_day(case: PastCase, policy: Policy, decision: Decision, way: Course, waited: int) -> int | None:
    """The day on which supplier, policy or a person opens the gate; None when nobody does."""
    if way.settled is not None and (way.credited or decision.route in (Route.RETURNLESS, Route.LOCAL)):
        return waited + way.settled
    contested = waited + (way.settled if way.settled is not None else (way.sent or 0) + VERDICT_DAYS)
    cap = policy.absorb.up_to.minor(decision.currency, decision.exponent)
    if cap is not None and decision.value <= cap:
        return contested
    # Goods that came back as agreed are paid for, whatever the supplier says; a refused claim needs a reason.
    pays = decision.route is Route.RETURN or _person_pays(case, decision)
    return contested + policy.times.merchant_days if pays else None


def _person_pays(case: PastCase, decision: Decision) -> bool:
    """What a person decided; where nobody knows, they pay as far as the law makes them."""
    if case.story.paid_by_person is not None:
        return case.story.paid_by_person
    return decision.law is not None and decision.law.alive


def money(case: PastCase, decision: Decision, way: Course) -> Mapping[str, int]:
    """What a paid case moves, by the names of `report.MONEY`, in minor units of the order's currency."""
    shipping = sum(extra.total for extra in case.question.order.extras if extra.kind == "shipping")
    refund = decision.value - decision.fee + (shipping if decision.law and decision.law.outbound_shipping else 0)
    moves = way.sent is not None
    freight = (case.story.freight or 0) if moves and decision.way_back is Payer.MERCHANT else 0
    bought_for = wholesale(case.question)
    recovery = bought_for * way.credited // 100
    restocked = bought_for if decision.route is Route.LOCAL else 0
    return {
        "refunds": refund,
        "fees": decision.fee,
        "freight": freight,
        "recovery": recovery,
        "restocked": restocked,
        "cost": refund + freight - recovery - restocked,
    }
