"""Messages about declarations of withdrawal: the receipt for the consumer, and the operator's task."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from app.db.base import new_id
from app.db.work import Work
from app.messages.facts import MessageFacts, MessageKind
from app.messages.service import OPERATOR, Letter, store_facts, write
from app.withdrawals.models import Withdrawal


async def confirm_receipt(work: Work, withdrawal: Withdrawal) -> UUID:
    """Confirms to the consumer what they declared, with content, date and time; answers the message's id."""
    message_id = new_id()
    key = f"{MessageKind.WITHDRAWAL_RECEIPT}:{withdrawal.id}"
    facts = replace(_facts(work, withdrawal, MessageKind.WITHDRAWAL_RECEIPT), locale=withdrawal.language)
    await write(work, facts, Letter(key, withdrawal.email, withdrawal.store, message_id=message_id))
    return message_id


async def ask_operator(work: Work, withdrawal: Withdrawal) -> None:
    """Asks the operator to say what a declaration is about: once for each."""
    key = f"{MessageKind.WITHDRAWAL_TASK}:{withdrawal.id}"
    facts = replace(_facts(work, withdrawal, MessageKind.WITHDRAWAL_TASK), reason=withdrawal.detail)
    await write(work, facts, Letter(key, work.settings.operator_email or OPERATOR, withdrawal.store))


def _facts(work: Work, withdrawal: Withdrawal, kind: MessageKind) -> MessageFacts:
    return replace(
        store_facts(work.settings, withdrawal.store, kind),
        order_number=withdrawal.order_named,
        received_at=withdrawal.declared_at,
        consumer=withdrawal.name,
        consumer_email=withdrawal.email,
        goods=withdrawal.goods,
    )
