"""Settles an open outcome by what the store shows; called by tasks, under the locks."""

from __future__ import annotations

from datetime import timedelta

from app.cases.models import Case
from app.cases.refunding import refund_failed, refund_in_review, refund_succeeded
from app.db.work import Work
from app.jobs import defer
from app.orders.models import Order
from app.orders.snapshot import SeenRefund
from app.refunds import reconcile, service
from app.refunds.models import Refund, RefundAttempt
from app.refunds.states import RefundStatus
from app.stores.base import Store


async def look(work: Work, order: Order, case: Case, refund: Refund, store: Store, seen: SeenRefund | None) -> None:
    """Settles an open outcome by what the store shows."""
    attempt = await service.last_attempt(work, refund.id)
    if refund.status == RefundStatus.SUBMITTING:
        service.doubt(work, refund, "the process that sent it ended before the answer came", timedelta(0))
    if refund.status not in (RefundStatus.UNKNOWN, RefundStatus.PLANNED):
        return
    refund.looks += 1
    sent_at = attempt.started_at if attempt else work.now
    operation = reconcile.Operation(
        platform=store.platform,
        amount=refund.amount,
        first_sent_at=refund.first_sent_at or work.now,
        last_sent_at=sent_at,
        refused=attempt is not None and attempt.outcome == "rejected",
        may_send_again=_may_send_again(attempt),
    )
    settings = work.settings
    settlement = reconcile.decide(
        operation,
        seen,
        work.now,
        timedelta(seconds=settings.refund_first_look_seconds),
        timedelta(minutes=settings.refund_review_minutes),
    )
    if seen is not None:
        refund.store_refund_id = seen.store_refund_id
        refund.shop_amount = seen.shop_amount if refund.shop_amount is None else refund.shop_amount
    await _carry_out(work, order, case, refund, settlement)


def _may_send_again(attempt: RefundAttempt | None) -> bool:
    """Not after the store said that the key belongs to another request: that is our own fault, for a person."""
    code = (attempt.answer or {}).get("code", "") if attempt else ""
    return "mismatch" not in str(code)


async def _carry_out(work: Work, order: Order, case: Case, refund: Refund, settlement: reconcile.Settlement) -> None:
    verdict = settlement.verdict
    if verdict is reconcile.Verdict.SUCCEEDED:
        service.succeed(work, refund, refund.store_refund_id or "", settlement.detail)
        await refund_succeeded(work, order, case, refund)
    elif verdict is reconcile.Verdict.REJECTED:
        service.reject(work, refund, f"{refund.detail or ''} ({settlement.detail})".strip())
        await refund_failed(work, order, case, refund)
    elif verdict is reconcile.Verdict.NEEDS_REVIEW:
        service.hand_over(refund, settlement.detail)
        await refund_in_review(work, case, refund)
    elif verdict is reconcile.Verdict.SEND_AGAIN:
        service.postpone(work, refund, settlement.detail, timedelta(0))
        await defer(work.session, "refunds.advance", refund_id=str(refund.id))
    else:
        service.doubt(work, refund, settlement.detail, reconcile.next_look(refund.looks))
