"""Settles an open outcome by what the store shows; called by tasks, under the locks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from app.cases.models import Case
from app.cases.refunding import refund_failed, refund_in_review, refund_succeeded
from app.db.work import Work
from app.jobs import defer
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import RefundState, SeenRefund
from app.refunds import reconcile, service
from app.refunds.models import Refund, RefundAttempt
from app.refunds.states import RefundStatus
from app.stores.base import Store

# The key belongs to another request, which is our own fault, or to a try that failed: either is for a person.
_KEY_IS_SPENT = ("idempotency_mismatch", "idempotency_previous_failed")


async def look(work: Work, order: Order, case: Case, refund: Refund, store: Store, seen: Sequence[SeenRefund]) -> None:
    """Settles an open outcome by what the store shows: `seen` are the refunds with the operation's marker."""
    if refund.status == RefundStatus.SUBMITTING:
        await service.doubt(work, refund, "the process that sent it ended before the answer came", timedelta(0))
    if refund.status not in (RefundStatus.UNKNOWN, RefundStatus.PLANNED):
        return
    refund.looks += 1
    live = [one for one in seen if one.state not in (RefundState.FAILED, RefundState.NO_MONEY)] or seen
    shown = live[0] if live else None
    settlement = reconcile.decide_twice()
    if len(live) < 2:
        settlement = reconcile.decide(
            await _operation(work, order, refund, store),
            shown,
            work.now,
            timedelta(seconds=work.settings.refund_first_look_seconds),
            timedelta(minutes=work.settings.refund_review_minutes),
        )
    at_work = settlement.verdict is reconcile.Verdict.STILL_UNKNOWN and shown and shown.state is RefundState.UNCLEAR
    if shown is not None and not at_work:
        refund.store_refund_id = shown.store_refund_id
        refund.shop_amount = shown.shop_amount if refund.shop_amount is None else refund.shop_amount
    await _carry_out(work, order, case, refund, settlement)


async def _operation(work: Work, order: Order, refund: Refund, store: Store) -> reconcile.Operation:
    made = await service.attempts(work, refund.id)
    last = made[-1] if made else None
    doubtful = [one.started_at for one in made[:-1] if one.outcome not in ("rejected", "not_sent")]
    # Only an answer about the key says what became of earlier tries with it; a locked shop or a bad token does not.
    about_all = last is not None and (not doubtful or _code(last) == "user_errors")
    return reconcile.Operation(
        platform=store.platform,
        amount=refund.amount,
        first_sent_at=refund.first_sent_at or work.now,
        last_sent_at=last.started_at if last else work.now,
        refused=last is not None and last.outcome == "rejected" and about_all,
        may_send_again=last is None or _code(last) not in _KEY_IS_SPENT,
        lines=None if refund.amount_only else {line["line_id"]: int(line["quantity"]) for line in refund.lines},
        repeats_removed=service.found_by_code(refund, store.platform),
        differs=last is not None and _code(last) == "coupon_differs",
        doubtful_at=max(doubtful, default=None),
        may_try_anew=await _may_try_anew(work, order, made),
    )


async def _may_try_anew(work: Work, order: Order, made: Sequence[RefundAttempt]) -> bool:
    """One new attempt where no money could move: no gateway was asked, and nobody has refunded anything since."""
    sent = [one for one in made if one.outcome != "not_sent"]
    if len(sent) != 1 or _code(sent[0]) != "cannot_create" or sent[0].request.get("api_refund") is not False:
        return False
    return all(row.first_seen_at < sent[0].started_at for row in await orders.observed(work, order.id))


def _code(attempt: RefundAttempt) -> str:
    return str((attempt.answer or {}).get("code", ""))


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
        await service.doubt(work, refund, settlement.detail, reconcile.next_look(refund.looks))
