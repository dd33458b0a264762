"""The policy bears what a supplier does not, where that is little."""

from __future__ import annotations

from uuid import UUID

from app.cases import service as cases
from app.cases.keeping import kept_of
from app.cases.refunding import lock_both
from app.cases.vocabulary import Event, Ground, Remedy, State
from app.db.work import Work
from app.orders import service as orders
from app.policy import service as policy
from app.refunds import service as refunds
from app.refunds.amounts import decide


async def absorb_small(work: Work, case_id: UUID) -> bool:
    """Absorbs the rest of a contested case that comes to no more than the policy's cap; answers whether it did.

    What the supplier accepted must have been planned before, so that only the rest becomes a loss. A hold leaves the
    choice to a person. Repeating it absorbs nothing twice.
    """
    order, case = await lock_both(work, case_id)
    if case.state != State.CONTESTED or case.holds or case.remedy not in (Remedy.REFUND, Remedy.STORE_CREDIT):
        return False
    file = await policy.policy_of(work, case)
    cap = file.policy.absorb.up_to.minor(order.currency, order.exponent)
    reserved = await refunds.reserved_units(work, case.id)
    rest = {line.line_id: line.open - reserved.get(line.line_id, 0) for line in cases.view_of(case).lines}
    rest = {line_id: units for line_id, units in rest.items() if units > 0}
    if not cap or not rest:
        return False
    kept = await kept_of(work, order, case, rest)
    amount = decide(orders.snapshot_of(order), rest, await refunds.taken(work, order), kept).amount
    if not 0 < amount <= cap:
        return False
    said = f"{orders.money_of(order, amount)} is within the policy's cap of {orders.money_of(order, cap)}"
    data = {"ground": Ground.POLICY, "reason": said, "rest": rest}
    await cases.record(work, case, Event.ABSORBED, data, f"policy:{file.version}")
    return True
