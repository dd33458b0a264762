"""Sends mails. One that may have gone out is never sent again."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from procrastinate import JobContext
from sqlalchemy import select

from app import tracing, watching
from app.crashpoints import Point, reached
from app.db.work import Work
from app.jobs import blueprint, defer
from app.messages import bounces
from app.messages.digest import send_digest
from app.messages.models import Message, MessageStatus
from app.messages.smtp import SendOutcome, SmtpSender
from app.outcomes import Ok, Rejected, Unknown
from app.runtime import Runtime, runtime_of

_FIRST_RETRY = timedelta(seconds=30)
_MOST_TRIES = 10
# What a mail server says of the address alone; anything else may be about us.
_BAD_ADDRESS = ("recipient_refused", "bad_address")
# Longer than the longest exchange with a mail server.
_LEASE = timedelta(minutes=5)


@blueprint.task(name="messages.send", pass_context=True)
async def send(context: JobContext, message_id: str) -> None:
    """Sends one mail that is queued: marked as being sent first, so that a crash leaves doubt and not a second mail."""
    runtime = runtime_of(context)
    sender = runtime.mail
    async with runtime.work() as work:
        message = await work.session.get_one(Message, UUID(message_id), with_for_update=True)
        if message.status != MessageStatus.QUEUED or sender is None:
            return
        message.status = MessageStatus.SENDING
        message.attempts += 1
        message.next_try_at = work.now + _LEASE
        mail = (message.recipient, message.subject, message.text, message.html)
        reply_to = message.reply_to
    reached(Point.MAIL_TAKEN)
    with tracing.span("send mail", "client", mail=message_id):
        outcome = await sender.send(*mail, message_id=_name(sender, message_id), reply_to=reply_to)
    reached(Point.MAIL_SENT)
    async with runtime.work() as work:
        await _settled(work, UUID(message_id), outcome)
    reached(Point.MAIL_SETTLED)


async def _settled(work: Work, message_id: UUID, outcome: SendOutcome) -> None:
    """Keeps what became of a sending; a mail that is given up is shown on its cases."""
    message = await work.session.get_one(Message, message_id)
    given_up = isinstance(outcome, Rejected) and not _again(message, outcome)
    affected = await bounces.lock_cases(work, message) if given_up else []
    message = await work.session.get_one(Message, message_id, with_for_update=True)
    _settle(message, outcome)
    watching.mail_ended(work.session, str(message.id), message.status)
    if isinstance(outcome, Ok):
        message.sent_at = work.now
    if message.status == MessageStatus.QUEUED:
        message.next_try_at = work.now + _FIRST_RETRY * 2 ** min(message.attempts, 10)
    if given_up:
        await bounces.show(work, message, affected)


def _name(sender: SmtpSender, message_id: str) -> str:
    return f"<{message_id}@{sender.mail_from.rpartition('@')[2].rstrip('>') or 'makegood.invalid'}>"


def _again(message: Message, outcome: Rejected) -> bool:
    return outcome.retryable and message.attempts < _MOST_TRIES


def _settle(message: Message, outcome: SendOutcome) -> None:
    message.next_try_at = None
    if isinstance(outcome, Ok):
        message.status, message.error = MessageStatus.SENT, None
    elif isinstance(outcome, Rejected):
        given_up = MessageStatus.BOUNCED if outcome.code in _BAD_ADDRESS else MessageStatus.FAILED
        message.status = MessageStatus.QUEUED if _again(message, outcome) else given_up
        message.error = outcome.detail[:500]
    else:
        message.status, message.error = MessageStatus.UNCERTAIN, outcome.detail[:500]


async def sweep(runtime: Runtime) -> None:
    """Enqueues mails that are due, and marks those whose sender died in mid-sending as uncertain."""
    async with runtime.work() as work:
        statement = select(Message).where(Message.next_try_at <= work.now).limit(100).with_for_update(skip_locked=True)
        for message in await work.session.scalars(statement):
            if message.status == MessageStatus.SENDING:
                _settle(message, Unknown("sender_died", "the process that sent it ended before the server's answer"))
                watching.mail_ended(work.session, str(message.id), message.status)
            else:
                message.next_try_at = work.now + _LEASE
                await defer(work.session, "messages.send", message_id=str(message.id))


async def sweep_digest(runtime: Runtime) -> None:
    """Writes the operator's daily digest when its hour has come."""
    async with runtime.work() as work:
        await send_digest(work)
