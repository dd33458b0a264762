"""Where the goods of a request go, and whether taking them back is worth it. Pure; amounts are minor units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from app.cases.vocabulary import Reason, Route
from app.policy.decision import Step
from app.policy.law.model import Payer, Right
from app.policy.lines import LineCase
from app.policy.model import Policy
from app.policy.question import Question, SupplierTerms

# Faults for which a supplier's own "below this value it need not come back" speaks.
_DAMAGE = frozenset({Reason.DAMAGED_IN_TRANSIT, Reason.WRONG_ITEM, Reason.DEFECTIVE, Reason.NOT_AS_DESCRIBED})


@dataclass(frozen=True, slots=True)
class Chosen:
    """The route of the whole case, why (`section` key or rule id), and the numbers of the comparison."""

    route: Route
    why: str
    steps: tuple[Step, ...] = ()


def wants_goods(terms: SupplierTerms | None, reason: Reason, value: int) -> bool | None:
    """Whether the supplier wants these goods back to pay: its term, less what it waives for low values."""
    if terms is None:
        return None
    if terms.returnless_below is not None and reason in _DAMAGE and value < terms.returnless_below:
        return False
    return terms.requires_goods


def wholesale(question: Question, value: int) -> int | None:
    """What the goods cost the merchant, from the supplier's `cost_ratio`; None when that is not known."""
    ratio = question.supplier.cost_ratio if question.supplier else None
    return None if ratio is None else int((ratio * value).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def line_route(one: LineCase, question: Question, policy: Policy) -> Route:
    """The route of one line before it is asked whether taking it back is worth it."""
    rule = one.by.get("route")
    if rule is not None and rule.route is not None:
        return rule.route
    reason = one.line.reason
    wanted = wants_goods(question.supplier, reason, one.line.value)
    not_delivered = reason is Reason.LATE and one.right is Right.NON_DELIVERY
    if (
        not_delivered
        or reason in policy.routes.claim
        or (reason in policy.routes.claim_unless_goods_wanted and wanted is not True)
        or (reason in policy.routes.claim_if_goods_not_wanted and wanted is False)
    ):
        return Route.CLAIM
    local = policy.local
    return Route.LOCAL if reason in local.reasons and question.order.country in local.countries else Route.RETURN


def choose(looked: Sequence[LineCase], question: Question, policy: Policy, way_back: Payer, fee: int) -> Chosen:
    """The route of the case: one parcel, one route.

    Lines that differ go the way on which every one of them can go: `return` when any goods have to come back.
    """
    routes = {line_route(one, question, policy) for one in looked}
    if routes == {Route.RETURNLESS}:
        return Chosen(Route.RETURNLESS, "rule")
    ruled = any("route" in one.by for one in looked)
    if not ruled:
        returnless = _returnless(looked, question, policy, way_back, fee)
        if returnless is not None:
            return returnless
    if len(routes) == 1:
        return Chosen(next(iter(routes)), "rule" if ruled else "routes")
    if routes <= {Route.CLAIM, Route.RETURNLESS}:
        return Chosen(Route.CLAIM, "mixed")
    return Chosen(Route.RETURN, "mixed")


def _returnless(
    looked: Sequence[LineCase], question: Question, policy: Policy, way_back: Payer, fee: int
) -> Chosen | None:
    section, order = policy.returnless, question.order
    if not all(one.line.reason in section.reasons for one in looked):
        return None
    value = sum(one.line.value for one in looked)
    cap = section.up_to.minor(order.currency, order.exponent)
    if cap is not None and value <= cap:
        return Chosen(Route.RETURNLESS, "returnless.up_to", (Step("value", value), Step("returnless_cap", cap)))
    highest = section.cheaper_up_to.minor(order.currency, order.exponent)
    if highest is None or value > highest:
        return None
    often = section.recent_damage
    if often is not None and all(one.line.recent_damage >= often for one in looked):
        seen = min(one.line.recent_damage for one in looked)
        return Chosen(Route.RETURNLESS, "returnless.recent_damage", (Step("recent_damage", number=str(seen)),))
    return _compare(looked, question, policy, way_back, fee)


def _compare(
    looked: Sequence[LineCase], question: Question, policy: Policy, way_back: Payer, fee: int
) -> Chosen | None:
    """Returnless when the way back costs at least what it brings: the wholesale price, and the fee that is kept.

    Goods that the supplier does not want back bring nothing. Without a cost ratio the whole value counts as brought,
    so that nothing is given away unseen; without any cost told nothing is compared.
    """
    order, costs = question.order, policy.costs
    handling = costs.handling.minor(order.currency, order.exponent)
    freight = costs.freight.minor(order.currency, order.exponent)
    if handling is None and freight is None:
        return None
    paid = (freight or 0) if way_back is Payer.MERCHANT else 0
    costly = paid + (handling or 0)
    brings = fee
    for one in looked:
        if wants_goods(question.supplier, one.line.reason, one.line.value) is not False:
            bought = wholesale(question, one.line.value)
            brings += one.line.value if bought is None else bought
    if costly < brings:
        return None
    value = sum(one.line.value for one in looked)
    steps = (
        Step("value", value),
        Step("freight", paid),
        Step("handling", handling or 0),
        Step("return_costs", costly),
        Step("wholesale", brings - fee),
        Step("fee", fee),
        Step("return_brings", brings),
    )
    return Chosen(Route.RETURNLESS, "returnless.cheaper_up_to", steps)
