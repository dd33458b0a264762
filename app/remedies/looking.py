"""Settles an open outcome by what the store shows; called by tasks, under the locks."""

from __future__ import annotations

from datetime import timedelta

from app.cases.models import Case
from app.cases.replacing import replacement_failed, replacement_in_review, replacement_made
from app.db.work import Work
from app.orders.models import Order
from app.remedies import service
from app.remedies.models import Replacement
from app.remedies.states import ReplacementStatus, Unseen, Verdict, judge, next_look
from app.stores.base import NewOrderProof


async def look(work: Work, order: Order, case: Case, replacement: Replacement, found: NewOrderProof | None) -> None:
    """Settles an open outcome: `found` is the order with the operation's marker."""
    if replacement.status == ReplacementStatus.SUBMITTING:
        service.doubt(work, replacement, "the process that sent it ended before the answer came", timedelta(0))
    if replacement.status != ReplacementStatus.UNKNOWN:
        return
    if found is not None:
        service.succeed(work, replacement, found.store_order_id, found.name, "found in the store by its marker")
        await replacement_made(work, order, case, replacement)
        return
    replacement.looks += 1
    made = await service.attempts(work, replacement.id)
    unseen = Unseen(
        refused=all(one.outcome in ("rejected", "not_sent") for one in made),
        waited=work.now - made[-1].started_at,
        looks=replacement.looks,
    )
    verdict = judge(unseen, timedelta(minutes=work.settings.refund_review_minutes))
    if verdict is Verdict.REJECTED:
        service.reject(work, replacement, replacement.detail or "the store refused it")
        await replacement_failed(work, case, replacement)
    elif verdict is Verdict.NEEDS_REVIEW:
        service.hand_over(replacement, "no such order in the store, which is no proof that none was made: look there")
        await replacement_in_review(work, case, replacement)
    else:
        service.doubt(work, replacement, "no such order in the store yet; that proves nothing", next_look(unseen.looks))
