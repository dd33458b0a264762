"""Mails that did not arrive: shown on their cases, so that somebody tells the reader in another way.

Locks are taken case first, then message, as where mails are written and erased.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from app.cases import service as cases
from app.cases.models import Case
from app.db.work import Work
from app.errors import Conflict, NotFound
from app.messages.models import Message, MessageStatus
from app.messages.render import TO_OPERATOR
from app.outbound import service as outbound

BOUNCED, NOT_SENT = "mail_bounced", "mail_not_sent"
_WENT_OUT = (MessageStatus.SENT, MessageStatus.UNCERTAIN, MessageStatus.FAILED, MessageStatus.BOUNCED)


class MailNotSent(Conflict):
    """The mail has not gone out, so nothing can have come back."""

    code = "mail_not_sent"
    title = "The mail has not been sent"


async def came_back(work: Work, message_id: UUID, detail: str | None) -> Message:
    """Somebody says that a mail came back. Harmless to repeat. Raises `NotFound` and `MailNotSent`."""
    message = await work.session.get(Message, message_id)
    if message is None:
        raise NotFound(f"There is no message {message_id}.")
    if message.status not in _WENT_OUT:
        raise MailNotSent(f"The message is {message.status}; only one that was sent can come back.")
    affected = await lock_cases(work, message)
    message = await work.session.get_one(Message, message_id, with_for_update=True)
    if message.status != MessageStatus.BOUNCED:
        message.status, message.error = MessageStatus.BOUNCED, (detail or "it came back")[:500]
        await show(work, message, affected)
    return message


async def lock_cases(work: Work, message: Message) -> list[Case]:
    """The cases that a message is about, locked; none for what only the operator reads."""
    if message.kind in TO_OPERATOR:
        return []
    ids = [message.case_id] if message.case_id else []
    if not ids and message.request_id:
        named = select(Case.id).where(Case.request_id == message.request_id).order_by(Case.id)
        ids = list(await work.session.scalars(named))
    return [await cases.lock(work, case_id) for case_id in ids]


async def show(work: Work, message: Message, affected: list[Case]) -> None:
    """Says on locked cases that a message of theirs did not arrive. The address stays in the message alone."""
    await outbound.message_failed(work, message)
    bounced = message.status == MessageStatus.BOUNCED
    what = "came back" if bounced else "could not be sent"
    text = f"The mail {message.kind} ({message.id}) {what}: check the address, and tell them another way."
    for case in affected:
        await cases.add_problem(work, case, BOUNCED if bounced else NOT_SENT, text)
