"""What the merchant keeps of a refund: the fee of the decision within the limits of the law, and the extra for express.

Both are worked out anew for each refund, by the law as pinned on the case: what a policy wanted at first never outlives
what the law allows when money moves.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.cases import legal
from app.cases.models import Case
from app.cases.vocabulary import Reason
from app.db.work import Work
from app.money import allocate, units_share
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import OrderSnapshot
from app.policy import service as policy
from app.policy import store
from app.policy.decision import Decision
from app.policy.facts import right_of
from app.policy.law.model import LegalView, Right
from app.policy.model import Policy
from app.refunds import service as refunds
from app.refunds.amounts import Kept, decide
from app.refunds.states import RESERVED


async def kept_of(work: Work, order: Order, case: Case, wanted: Mapping[str, int]) -> Kept:
    """What is kept of a refund of `wanted` units by line of a locked order."""
    snapshot = orders.snapshot_of(order)
    rights = {line.line_id: right_of(Reason(line.reason), snapshot) for line in case.lines if wanted.get(line.line_id)}
    file = await policy.policy_of(work, case)
    shipping = standard_delivery(snapshot, file.policy) if set(rights.values()) == {Right.WITHDRAWAL} else {}
    kept = (await store.latest(work, [case.id])).get(case.id)
    decision = Decision.from_json(kept[0].data) if kept is not None else None
    if decision is None or decision.fee <= 0:
        return Kept({}, shipping)
    views = await legal.views_of(work, case)
    before = await refunds.units_of_case(work, case.id)
    asked = fee_shares(decision, {right: view for right, view in views.items() if not view.fee.none_allowed}, rights)
    fees = {
        line_id: units_share(share, units, min(before.get(line_id, 0), units), _within(wanted, before, line_id, units))
        for line_id, (share, units) in asked.items()
    }
    already = sum(one.fee for one in await refunds.of_order(work, order.id) if one.status in RESERVED)
    worth = decide(snapshot, wanted, await refunds.taken(work, order))
    totals = {line.line_id: line.total for line in worth.lines}
    return Kept(lawful(fees, totals, rights, views, already, order), shipping)


def _within(wanted: Mapping[str, int], before: Mapping[str, int], line_id: str, units: int) -> int:
    return max(0, min(wanted.get(line_id, 0), units - before.get(line_id, 0)))


def fee_shares(
    decision: Decision, views: Mapping[Right, LegalView], rights: Mapping[str, Right]
) -> dict[str, tuple[int, int]]:
    """The decision's fee by line, with the units it was decided for; lines whose right allows none bear none of it."""
    lines = [line for line in decision.lines if rights.get(line.line_id) in views and line.quantity > 0]
    weights = [max(0, line.value) for line in lines]
    if not any(weights):
        return {}
    shares = allocate(decision.fee, weights)
    return {line.line_id: (share, line.quantity) for line, share in zip(lines, shares, strict=True)}


def lawful(
    fees: Mapping[str, int],
    totals: Mapping[str, int],
    rights: Mapping[str, Right],
    views: Mapping[Right, LegalView],
    already: int,
    order: Order,
) -> dict[str, int]:
    """`fees` by line, cut to what the law allows to keep of `totals` when `already` was kept on the same order."""
    found: dict[str, int] = {}
    for right, view in views.items():
        mine = {line_id: fee for line_id, fee in fees.items() if rights.get(line_id) is right and fee > 0}
        if not mine:
            continue
        amount = orders.money_of(order, sum(totals.get(line_id, 0) for line_id in mine))
        limit = view.fee.of(amount, already)
        wanted = sum(mine.values())
        parts = list(mine.values()) if limit is None or wanted <= limit else allocate(limit, list(mine.values()))
        found |= dict(zip(mine, parts, strict=True))
        already += sum(parts)
    return found


def standard_delivery(order: OrderSnapshot, policy: Policy) -> dict[str, int]:
    """The most that goes back of each shipping line that is known to be express: what standard delivery costs."""
    standard = policy.shipping.standard.minor(order.currency, order.exponent)
    if standard is None:
        return {}
    words = [word.casefold() for word in policy.shipping.express]
    return {
        extra.line_id: standard
        for extra in order.extras
        if extra.kind == "shipping" and any(word in extra.title.casefold() for word in words)
    }
