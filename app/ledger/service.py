"""Books refunds and supplier credits. Every posting adds up to zero and is made once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.db.base import new_id
from app.db.work import Work
from app.ledger.models import Account, CreditStatus, LedgerEntry, SupplierCredit
from app.money import Money
from app.outbound import service as outbound
from app.outbound.vocabulary import EventType

_UNPAID = frozenset({CreditStatus.EXPECTED, CreditStatus.CLAIMED, CreditStatus.PARTLY_PAID, CreditStatus.SHORT})


async def post(
    work: Work, posting: str, case_id: UUID, debit: Account, credit: Account, amount: Money, ahead: bool = False
) -> None:
    """Moves `amount` from `credit` to `debit`; the same posting twice is booked once. `ahead`: of the supplier."""
    for account, minor in ((debit, amount.minor), (credit, -amount.minor)):
        await work.session.execute(
            insert(LedgerEntry)
            .values(
                id=new_id(),
                posting=posting,
                case_id=case_id,
                account=account,
                amount=minor,
                currency=amount.currency,
                exponent=amount.exponent,
                ahead_of_supplier=ahead,
                created_at=work.now,
            )
            .on_conflict_do_nothing()
        )


async def refund_paid(
    work: Work, refund_id: UUID, case_id: UUID, amount: Money, recoverable: bool, ahead: bool = False
) -> None:
    """A refund is proven: its cost is expected back from the supplier, or it is a loss; never nothing.

    `ahead`: the supplier has not confirmed what was paid, so what it is to pay back is marked.
    """
    cost = Account.RECOVERY_EXPECTED if recoverable else Account.LOSS_ACCEPTED
    ahead = ahead and recoverable
    await post(work, f"refund:{refund_id}", case_id, cost, Account.REFUNDS_PAID, amount, ahead)
    credit = await credit_of(work, case_id) if ahead else None
    if credit is not None:
        credit.ahead_of_supplier = True


async def goods_sent(
    work: Work, replacement_id: UUID, case_id: UUID, cost: Money, recoverable: bool, ahead: bool = False
) -> None:
    """A replacement is proven: what its goods cost is expected back from the supplier, or it is a loss.

    A `cost` of nothing is one that is not known: then only the supplier's credit itself tells what comes back.
    """
    ahead = ahead and recoverable
    if cost.minor:
        account = Account.RECOVERY_EXPECTED if recoverable else Account.LOSS_ACCEPTED
        await post(work, f"replacement:{replacement_id}", case_id, account, Account.GOODS_SENT, cost, ahead)
    credit = await credit_of(work, case_id) if ahead else None
    if credit is not None:
        credit.ahead_of_supplier = True


async def fee_kept(work: Work, refund_id: UUID, case_id: UUID, amount: Money) -> None:
    """A lawful fee settles so much of what was owed to the customer."""
    if amount.minor:
        posting = f"refund-fee:{refund_id}"
        await post(work, posting, case_id, Account.CUSTOMER_PAYABLE, Account.FEES_KEPT, amount)


async def credit_of(work: Work, case_id: UUID) -> SupplierCredit | None:
    """What the supplier owes for this case."""
    return await work.session.scalar(select(SupplierCredit).where(SupplierCredit.case_id == case_id))


async def is_settled(work: Work, case_id: UUID) -> bool:
    """Whether the supplier's credit for the case was paid in full already."""
    credit = await credit_of(work, case_id)
    return credit is not None and credit.status == CreditStatus.PAID


async def expect_credit(work: Work, case_id: UUID, supplier: str, promise: Mapping[str, Any] | None) -> SupplierCredit:
    """The supplier owes for this case; `promise` (amount, currency, reference, expected_at) says how much."""
    credit = await credit_of(work, case_id)
    known = (credit.amount, credit.currency) if credit else ()
    credit = await _expect(work, case_id, supplier, promise)
    if known != (credit.amount, credit.currency):
        await outbound.credit_changed(work, EventType.CREDIT_EXPECTED, credit)
    return credit


async def _expect(work: Work, case_id: UUID, supplier: str, promise: Mapping[str, Any] | None) -> SupplierCredit:
    credit = await credit_of(work, case_id)
    if credit is None:
        credit = SupplierCredit(
            id=new_id(), case_id=case_id, supplier=supplier, status=CreditStatus.EXPECTED, created_at=work.now, paid=0
        )
        work.session.add(credit)
    if promise and promise.get("amount") and promise.get("currency"):
        await _promise(work, credit, promise)
    await work.session.flush()
    return credit


async def _promise(work: Work, credit: SupplierCredit, promise: Mapping[str, Any]) -> None:
    amount = Money.parse(str(promise["amount"]), str(promise["currency"]))
    before = credit.amount if credit.currency == amount.currency and credit.amount is not None else 0
    if credit.amount is not None and credit.currency not in (None, amount.currency):
        # Another currency is another promise; the one before is taken back in its own.
        gone = Money(-credit.amount, str(credit.currency), credit.exponent or 0)
        await _receivable(work, credit, gone)
    await _receivable(work, credit, amount.with_minor(amount.minor - before))
    credit.amount, credit.currency, credit.exponent = amount.minor, amount.currency, amount.exponent
    credit.reference = promise.get("reference") or credit.reference
    credit.expected_at = _moment(promise.get("expected_at")) or credit.expected_at
    if credit.status == CreditStatus.OVERDUE:
        credit.status = CreditStatus.EXPECTED


async def _receivable(work: Work, credit: SupplierCredit, change: Money) -> None:
    """Books a change of what is owed. Each is news of its own, in its event's transaction, so its key is new."""
    if change.minor:
        posting = f"credit:{credit.case_id}:{new_id()}"
        await post(work, posting, credit.case_id, Account.SUPPLIER_RECEIVABLE, Account.RECOVERY_EXPECTED, change)


async def credit_paid(work: Work, case_id: UUID, supplier: str, payment: Mapping[str, Any]) -> bool:
    """The supplier paid. Answers whether the credit is settled; a payment short of the promise leaves it open."""
    credit = await _expect(work, case_id, supplier, None)
    if credit.amount is None:
        credit = await _expect(work, case_id, supplier, payment)
    paid = Money.parse(str(payment["amount"]), str(payment["currency"]))
    if credit.currency != paid.currency:
        return False
    # The same payment may be told twice; part payments under one reference differ in date or amount.
    told = (payment.get("reference"), payment.get("paid_at"), paid.text)
    posting = f"credit-paid:{case_id}:" + ":".join(str(part or "") for part in told)
    await post(work, posting, case_id, Account.SUPPLIER_CREDIT_RECEIVED, Account.SUPPLIER_RECEIVABLE, paid)
    known = credit.paid
    credit.paid = await _received(work, case_id, paid.currency)
    credit.paid_at = _moment(payment.get("paid_at")) or work.now
    settled = credit.paid >= (credit.amount or 0)
    credit.status = CreditStatus.PAID if settled else CreditStatus.SHORT
    if credit.paid != known:
        await outbound.credit_changed(work, EventType.CREDIT_PAID, credit)
    return settled


async def credit_overdue(work: Work, case_id: UUID) -> None:
    """The supplier has not paid in its time, or not all of it."""
    credit = await credit_of(work, case_id)
    if credit is not None and credit.status in _UNPAID:
        credit.status = CreditStatus.OVERDUE
        await outbound.credit_changed(work, EventType.CREDIT_OVERDUE, credit)


async def _received(work: Work, case_id: UUID, currency: str) -> int:
    rows = await work.session.scalars(
        select(LedgerEntry.amount).where(
            LedgerEntry.case_id == case_id,
            LedgerEntry.account == Account.SUPPLIER_CREDIT_RECEIVED,
            LedgerEntry.currency == currency,
        )
    )
    return sum(rows)


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None
