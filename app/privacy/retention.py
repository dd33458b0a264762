"""Erases what has been kept long enough: a little at a time, and each step in a transaction of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy import delete, exists, func, or_, select, tuple_, update

from app.cases.models import Case, Evidence
from app.cases.vocabulary import ENDED
from app.db.idempotency import IdempotencyKey
from app.db.work import Work
from app.evidence.models import Photo
from app.messages.models import Message, MessageStatus
from app.orders.models import Order
from app.privacy.bodies import empty
from app.privacy.erase import ERASED_MAIL, erase_order
from app.privacy.models import PrivacyKind, PrivacyRequest
from app.privacy.pruning import prune_deliveries, prune_jobs
from app.refunds.models import Refund
from app.refunds.states import UNSETTLED
from app.remedies import states as replacing
from app.remedies.models import Replacement
from app.requests import drafts
from app.runtime import Runtime
from app.webhooks.models import Delivery, DeliveryStatus
from app.withdrawals.models import Withdrawal

# Rows of each kind in one run; a run comes every few seconds while there are any.
BATCH = 200
_ORDERS = 20
# What was kept for days may be kept a minute longer.
REST = timedelta(minutes=1)
_READ = (DeliveryStatus.PROCESSED, DeliveryStatus.IGNORED)
_OVER = (MessageStatus.SENT, MessageStatus.STORED, MessageStatus.FAILED, MessageStatus.UNCERTAIN, MessageStatus.BOUNCED)


async def sweep_at_leisure(runtime: Runtime) -> None:
    """As `sweep`; but when there was nothing, the next look is worth its ten transactions only a while later."""
    now, until = runtime.clock.now(), runtime.retention_rests_until
    if until is not None and until - REST <= now < until:
        return
    runtime.retention_rests_until = None if await sweep(runtime) else now + REST


async def sweep(runtime: Runtime) -> bool:
    """Looks once for data of every kind that is too old. Answers whether there was some: then there may be more."""
    found = False
    for step in _STEPS:
        async with runtime.work() as work:
            await step(work)
            # A transaction gets an id when it locks or writes its first row.
            found |= await work.session.scalar(select(func.pg_current_xact_id_if_assigned())) is not None
    return found


async def _bodies(work: Work) -> None:
    """Those that were read, after a while; those that failed are kept longer, because they may be replayed."""
    read = work.now - timedelta(days=work.settings.retention_delivery_days)
    failed = work.now - timedelta(days=work.settings.retention_failed_delivery_days)
    old_read = Delivery.status.in_(_READ) & (Delivery.processed_at <= read)
    old_failed = (Delivery.status == DeliveryStatus.FAILED) & (Delivery.received_at <= failed)
    statement = (
        select(Delivery.id)
        .where(Delivery.erased_at.is_(None), Delivery.received_at <= max(read, failed), or_(old_read, old_failed))
        .order_by(Delivery.received_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    found = list(await work.session.scalars(statement))
    if found:
        await empty(work, found)


async def _answers(work: Work) -> None:
    before = work.now - timedelta(days=work.settings.retention_idempotency_days)
    place = tuple_(IdempotencyKey.caller, IdempotencyKey.key)
    old = (
        select(IdempotencyKey.caller, IdempotencyKey.key)
        .where(IdempotencyKey.created_at <= before)
        .order_by(IdempotencyKey.created_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    await work.session.execute(delete(IdempotencyKey).where(place.in_(old)))


async def _messages(work: Work) -> None:
    before = work.now - timedelta(days=work.settings.retention_message_days)
    old = (
        select(Message.id)
        .where(Message.erased_at.is_(None), Message.created_at <= before, Message.status.in_(_OVER))
        .order_by(Message.created_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    await work.session.execute(
        update(Message).where(Message.id.in_(old)).values(**ERASED_MAIL, error=None, erased_at=work.now)
    )


async def _photos(work: Work) -> None:
    """Those whose cases have all ended long ago; one that is nobody's evidence is swept by its own clock."""
    before = work.now - timedelta(days=work.settings.retention_photo_days)
    mine = (Evidence.photo_id == Photo.id) & (Case.id == Evidence.case_id)
    alive = exists().where(mine, or_(Case.state.not_in([str(one) for one in ENDED]), Case.updated_at > before))
    old = (
        select(Photo)
        .where(Photo.erased_at.is_(None), Photo.created_at <= before, Photo.sweep_at.is_(None), ~alive)
        .order_by(Photo.created_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=Photo)
    )
    for photo in await work.session.scalars(old):
        photo.empty(work.now)


async def _withdrawals(work: Work) -> None:
    """Declarations whose order was never found go as mails do; those of an order are erased with it."""
    before = work.now - timedelta(days=work.settings.retention_message_days)
    old = (
        select(Withdrawal)
        .where(Withdrawal.erased_at.is_(None), Withdrawal.declared_at <= before, Withdrawal.order_pk.is_(None))
        .order_by(Withdrawal.declared_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    for withdrawal in await work.session.scalars(old):
        withdrawal.erase(work.now)


async def _emails(work: Work) -> None:
    """A request to show data that was answered long ago needs no e-mail any more."""
    before = work.now - timedelta(days=work.settings.retention_privacy_days)
    old = (
        select(PrivacyRequest.id)
        .where(
            PrivacyRequest.email.is_not(None),
            PrivacyRequest.received_at <= before,
            PrivacyRequest.kind == PrivacyKind.DATA_REQUEST,
        )
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    await work.session.execute(update(PrivacyRequest).where(PrivacyRequest.id.in_(old)).values(email=None))


async def _personal(work: Work) -> None:
    """Orders that nothing has happened to for long, and whose cases have all ended. Off unless a number is set."""
    days = work.settings.retention_personal_days
    if days is None:
        return
    before = work.now - timedelta(days=days)
    alive = exists().where(
        Case.order_pk == Order.id, or_(Case.state.not_in([str(one) for one in ENDED]), Case.updated_at > before)
    )
    owed = exists().where(Refund.order_pk == Order.id, Refund.status.in_([str(one) for one in UNSETTLED]))
    open_ones = [str(one) for one in replacing.UNSETTLED]
    sent = exists().where(Replacement.order_pk == Order.id, Replacement.status.in_(open_ones))
    statement = (
        select(Order.id)
        .where(Order.redacted_at.is_(None), Order.updated_at <= before, ~alive, ~owed, ~sent)
        .order_by(Order.updated_at)
        .limit(_ORDERS)
        .with_for_update(skip_locked=True)
    )
    for order_pk in (await work.session.scalars(statement)).all():
        await erase_order(work, order_pk, {"reason": "retention"})


_STEPS: tuple[Callable[[Work], Awaitable[None]], ...] = (
    _bodies,
    _answers,
    _messages,
    _photos,
    _withdrawals,
    _emails,
    _personal,
    drafts.prune,
    prune_deliveries,
    prune_jobs,
)
