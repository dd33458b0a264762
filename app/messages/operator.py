"""Messages to the operator: what a person should do, and by when.

They go to `MAKEGOOD_OPERATOR_EMAIL`; without it, those that nothing else tells of are kept among the messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.cases.models import Case
from app.db.work import Work
from app.messages.render import MessageFacts, MessageKind, Task
from app.messages.service import OPERATOR, Letter, Reminder, lines_of, store_facts, write
from app.orders.models import Order

# Words of attention that are news to the operator. Of legal dates and claim windows they hear by messages of their own,
# and of holds that people set they know.
_CALLS = ("under_review", "contested", "supplier_by_hand", "problem:", "hold:chargeback")


@dataclass(frozen=True, slots=True)
class LegalDate:
    """A legal date that the operator is warned of; `warning` tells the warnings about one date apart."""

    warning: str
    due_at: datetime
    articles: Sequence[str]


async def ask_operator(work: Work, case: Case, task: Task, reminder: Reminder) -> None:
    """Asks the operator to do something. Without `MAKEGOOD_OPERATOR_EMAIL` the message is only stored."""
    supplier = work.settings.suppliers.get(case.supplier or "")
    facts = replace(
        await _about(work, case, MessageKind.OPERATOR_TASK),
        lines=lines_of(case),
        task=task,
        supplier=(supplier.name if supplier else None) or case.supplier,
        last_day=reminder.last_day,
        days_left=reminder.days_left,
    )
    await _write(work, case, facts, f"{MessageKind.OPERATOR_TASK}:{task}:{reminder.key}")


async def warn_of_date(work: Work, case: Case, about: LegalDate) -> None:
    """Warns the operator of a legal date of the case: one message for each date and warning."""
    facts = replace(
        await _about(work, case, MessageKind.LEGAL_ALARM),
        due_at=about.due_at,
        articles=about.articles,
        holds=case.holds,
    )
    await _write(work, case, facts, f"{MessageKind.LEGAL_ALARM}:{case.id}:{about.warning}:{about.due_at.isoformat()}")


async def call_operator(work: Work, case: Case, news: Sequence[str]) -> None:
    """Tells the operator that a case needs a person, when that is `news`: words of attention it did not have before.

    Nothing is written without `MAKEGOOD_OPERATOR_EMAIL`: the list of cases that need attention says the same.
    """
    if work.settings.operator_email is None or not any(word.startswith(_CALLS) for word in news):
        return
    dates = [at for at in (case.due_at, case.legal_due_at) if at is not None]
    facts = replace(
        await _about(work, case, MessageKind.NEEDS_ATTENTION),
        lines=lines_of(case),
        why=case.attention,
        due_at=min(dates, default=None),
    )
    await _write(work, case, facts, f"{MessageKind.NEEDS_ATTENTION}:{case.id}:{case.seq}")


async def _about(work: Work, case: Case, kind: MessageKind) -> MessageFacts:
    order = await work.session.get_one(Order, case.order_pk)
    return replace(store_facts(work.settings, case.store, kind), order_number=order.number, reference=case.reference)


async def _write(work: Work, case: Case, facts: MessageFacts, dedupe_key: str) -> None:
    recipient = work.settings.operator_email or OPERATOR
    await write(work, facts, Letter(dedupe_key, recipient, case.store, case.request_id, case.id))
