"""Messages to suppliers that are written to: what is asked of them, and where they answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from app.cases.models import Case
from app.db.work import Work
from app.messages.facts import Ask, MessageKind
from app.messages.service import Letter, store_facts, write
from app.money import Money
from app.orders.models import Order


@dataclass(frozen=True, slots=True)
class SupplierLetter:
    """What a mail to a supplier tells beside the case. `key` names its event: one mail for each. `locale` is the
    supplier's; the links lead to its pages."""

    key: str
    recipient: str
    locale: str
    answer_url: str | None
    ask: Ask | None = None
    again: bool = False
    last_day: date | None = None
    final: bool = False
    amount: Money | None = None
    all_url: str | None = None
    open_cases: int = 0


async def to_supplier(work: Work, case: Case, kind: MessageKind, letter: SupplierLetter) -> None:
    """Writes to the supplier about its part of a case: articles and reasons, nothing of the customer, no price."""
    order = await work.session.get_one(Order, case.order_pk)
    asked = [line for line in case.lines if line.approved]
    facts = replace(
        store_facts(work.settings, case.store, kind),
        locale=letter.locale,
        order_number=order.number,
        reference=case.reference,
        rma_number=case.rma_number,
        lines=[(f"{line.title} ({line.sku})" if line.sku else line.title, line.approved) for line in asked],
        reasons=list(dict.fromkeys(line.reason for line in asked)),
        ask=letter.ask,
        again=letter.again,
        answer_url=letter.answer_url,
        all_url=letter.all_url,
        open_cases=letter.open_cases,
        last_day=letter.last_day,
        final=letter.final,
        amount=letter.amount,
    )
    key = f"{kind}:{letter.key}"
    await write(work, facts, Letter(key, letter.recipient, case.store, case.request_id, case.id))
