"""A person says what became of a refund whose outcome no machine can know."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from app.cases import refunding
from app.cases import service as cases
from app.cases.models import Case
from app.db.work import Work
from app.errors import Conflict
from app.orders import service as orders
from app.orders.models import ObservedRefund, Order
from app.orders.snapshot import RefundState
from app.refunds import service
from app.refunds.models import Refund
from app.refunds.states import RefundNotMovable, RefundStatus

_MAY_BE_MONEY = (RefundState.SUCCEEDED, RefundState.PENDING, RefundState.UNCLEAR)
SETTLEABLE = (RefundStatus.NEEDS_REVIEW, RefundStatus.UNKNOWN)


class StoreShowsRefund(Conflict):
    """The store shows the refund that is said not to be made."""

    code = "store_shows_refund"
    title = "The store shows this refund"


class StoreRefundTaken(Conflict):
    """The store's refund is known as another one, so it cannot be the proof of this one."""

    code = "store_refund_taken"
    title = "This store refund belongs elsewhere"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the person found out, how they know, and who they are."""

    succeeded: bool
    store_refund_id: str | None
    reason: str
    actor: str


async def settle(work: Work, refund_id: UUID, found: Finding, traces: str | None = None) -> None:
    """Moves the refund and its case as a proof would. Locks the order, then the case.

    `traces` is what the store shows of it that no order tells (a coupon).

    Raises `RefundNotMovable` from any status but `needs_review` and `unknown`, `StoreRefundTaken` and
    `StoreShowsRefund`.
    """
    case_id = (await work.session.get_one(Refund, refund_id)).case_id
    order, case = await refunding.lock_both(work, case_id)
    refund = await service.get(work, refund_id)
    if refund.status not in SETTLEABLE:
        raise RefundNotMovable(
            f"The refund is {refund.status}; only one whose outcome is in doubt can be settled by a person.",
            allowed_statuses=[str(status) for status in SETTLEABLE],
        )
    if not found.succeeded:
        await _deny(work, order, refund, traces)
    await _write_down(work, case, refund, found)
    detail = f"settled by a person: {found.reason}"
    if found.succeeded:
        named = found.store_refund_id or refund.store_refund_id
        if named is not None and not service.found_by_code(refund, orders.snapshot_of(order).platform):
            await _claim(work, order, refund, named)
        service.succeed(work, refund, named or "", detail)
        refund.store_refund_id = named
        await refunding.refund_succeeded(work, order, case, refund)
    else:
        service.reject(work, refund, detail)
        await refunding.refund_failed(work, order, case, refund)


async def _deny(work: Work, order: Order, refund: Refund, traces: str | None) -> None:
    """What the store shows with our marker cannot be denied: a second refund would follow."""
    if traces is not None:
        raise StoreShowsRefund(
            f"The store shows this for the refund: {traces}. Settle it as succeeded; or delete that in the store first "
            "and settle it again."
        )
    rows = await orders.observed(work, order.id)
    shown = [row for row in rows if row.operation_id == refund.id and row.state in _MAY_BE_MONEY]
    if shown:
        raise StoreShowsRefund(
            f"The store shows this refund as {shown[0].store_refund_id}. Settle it as succeeded; or, if no money "
            "moved, delete it in the store first and settle it again."
        )


async def _write_down(work: Work, case: Case, refund: Refund, found: Finding) -> None:
    outcome = "succeeded" if found.succeeded else "not_made"
    text = f"The refund {refund.id} was settled by a person as {outcome}: {found.reason}"
    data = {"refund_id": refund.id, "outcome": outcome, "store_refund_id": found.store_refund_id}
    await cases.note(work, case, text, found.actor, {**data, "reason": found.reason})


async def _claim(work: Work, order: Order, refund: Refund, store_refund_id: str) -> None:
    """Marks the store's refund as ours, so that it is not counted a second time as somebody else's."""
    row = await work.session.scalar(
        select(ObservedRefund).where(
            ObservedRefund.order_pk == order.id, ObservedRefund.store_refund_id == store_refund_id
        )
    )
    if row is None:
        row = ObservedRefund(
            order_pk=order.id,
            store_refund_id=store_refund_id,
            amount=refund.amount,
            state=RefundState.SUCCEEDED,
            lines={line["line_id"]: line["quantity"] for line in refund.lines},
            extras={extra["line_id"]: extra["total"] for extra in refund.extras},
            first_seen_at=work.now,
        )
        work.session.add(row)
    if row.operation_id not in (None, refund.id):
        raise StoreRefundTaken(f"The store's refund {store_refund_id} is the refund {row.operation_id} already.")
    if row.applied:
        raise StoreRefundTaken(
            f"The store's refund {store_refund_id} was counted as somebody else's already; the customer has that money "
            "once, so settle this one as not_made."
        )
    row.operation_id = refund.id
    if row.state in (RefundState.FAILED, RefundState.NO_MONEY):
        # The person knows that, and paid another way: it is no news later.
        row.applied_at = work.now
    await work.session.flush()
