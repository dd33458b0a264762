"""What a case wants sent again, and what a settled replacement does to its case.

Locks are taken in one sequence everywhere: the order, then the case.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from app.cases import observe
from app.cases import service as cases
from app.cases.models import Case
from app.cases.refunding import PAYING, finish, is_ahead_of_supplier, is_recoverable, lock_both, unreserved
from app.cases.vocabulary import BY_NEW_ORDER, Event, Remedy
from app.db.work import Work
from app.jobs import defer
from app.ledger import service as ledger
from app.messages import service as messages
from app.orders import service as orders
from app.orders.models import Order
from app.policy.service import value_of
from app.refunds import service as refunds
from app.remedies import service as remedies
from app.remedies.models import Replacement
from app.stores.asked import NewOrderLine


async def plan_replacement(work: Work, case_id: UUID) -> Replacement | None:
    """Plans the new order that the case may have now, on the same grounds on which a refund would go out.

    Answers None when there is nothing to plan. Repeating it plans nothing twice.
    """
    order, case = await lock_both(work, case_id)
    view = cases.view_of(case)
    if case.state not in PAYING or view.holds or view.remedy not in BY_NEW_ORDER:
        return None
    await refunds.void_planned(work, case.id, f"no longer wanted: the remedy is {view.remedy}")
    wanted = await unreserved(work, case)
    if not wanted or view.ground is None:
        await finish(work, case)
        return None
    left = await _left(work, order, wanted)
    reason = _why_not(order, left)
    if reason is not None:
        await cases.record(work, case, Event.REMEDY_IMPOSSIBLE, {"reason": reason, "lines": wanted}, "makegood")
        await cases.add_problem(work, case, "nothing_left_to_replace", f"No replacement was planned: {reason}.")
        return None
    chosen = {line.line_id: line.variant_id for line in case.lines} if view.remedy is Remedy.EXCHANGE else {}
    lines = [NewOrderLine(line_id, units, chosen.get(line_id)) for line_id, units in left.items()]
    return await remedies.plan(work, order, remedies.Plan(case.id, lines, view.ground, dict(case.gate or {})))


async def _left(work: Work, order: Order, wanted: Mapping[str, int]) -> dict[str, int]:
    """The wanted units by line that are still in the order and that nobody has refunded or replaced."""
    taken = await refunds.taken(work, order)
    there = {line.line_id: line.quantity - taken.units(line.line_id) for line in orders.snapshot_of(order).lines}
    left = {line_id: min(units, there.get(line_id, 0)) for line_id, units in wanted.items()}
    return {line_id: units for line_id, units in left.items() if units > 0}


def _why_not(order: Order, left: Mapping[str, int]) -> str | None:
    if orders.snapshot_of(order).cancelled:
        return "the order was cancelled in the store, so no goods go out for it"
    return None if left else "nothing is left to replace: these units are refunded, replaced or gone from the order"


async def replacement_made(work: Work, order: Order, case: Case, replacement: Replacement) -> None:
    """The new order is proven: counters, ledger, mail, and the case is done when nothing else is owed."""
    data = {
        "replacement_id": replacement.id,
        "store_order_id": replacement.store_order_id,
        "order_name": replacement.order_name,
        "lines": {line["line_id"]: line["quantity"] for line in replacement.lines},
    }
    await cases.record(work, case, Event.REPLACEMENT_MADE, data, f"store:{case.store}")
    recoverable = is_recoverable(work, order, case, replacement.ground)
    cost = orders.money_of(order, _wholesale(work, order, case, replacement))
    await ledger.goods_sent(work, replacement.id, case.id, cost, recoverable, is_ahead_of_supplier(case))
    await messages.goods_sent(work, case, replacement)
    await finish(work, case)
    await defer(work.session, "refunds.plan", case_id=str(case.id))
    await observe.apply_observed(work, order)


def _wholesale(work: Work, order: Order, case: Case, replacement: Replacement) -> int:
    """What the goods cost the merchant by the supplier's cost ratio, in minor units; 0 where that is not known."""
    supplier = work.settings.suppliers.get(case.supplier or "")
    if supplier is None or supplier.cost_ratio is None:
        return 0
    snapshot = orders.snapshot_of(order)
    value = sum(value_of(snapshot.line(line["line_id"]), int(line["quantity"])) for line in replacement.lines)
    return int((supplier.cost_ratio * value).quantize(Decimal(1), rounding=ROUND_HALF_UP))


async def replacement_failed(work: Work, order: Order, case: Case, replacement: Replacement) -> None:
    """It is proven that no order was made: a person or the customer chooses another way, or the law has chosen."""
    await _tell_failed(work, case, replacement)
    await observe.apply_observed(work, order)


async def _tell_failed(work: Work, case: Case, replacement: Replacement) -> None:
    reason = replacement.detail or "the store refused the new order"
    if case.remedy not in BY_NEW_ORDER:
        await cases.note(work, case, f"The replacement was not made: {reason}", "makegood")
        await defer(work.session, "refunds.plan", case_id=str(case.id))
        return
    if case.state in PAYING:
        data = {"reason": reason, "replacement_id": replacement.id}
        await cases.record(work, case, Event.REMEDY_IMPOSSIBLE, data, f"store:{case.store}")
    await cases.add_problem(work, case, "replacement_rejected", f"The replacement was not made: {reason}")


async def replacement_in_review(work: Work, case: Case, replacement: Replacement) -> None:
    """No machine can know whether the new order was made."""
    text = f"A person must settle the replacement {replacement.id}: {replacement.detail}"
    await cases.add_problem(work, case, "replacement_needs_review", text)
