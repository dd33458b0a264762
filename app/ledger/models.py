"""Two ledgers in one table of balanced, append-only entries; and what each supplier owes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId


class Account(StrEnum):
    """Where money is paid, owed back, lost or kept. A refund is either expected back from a supplier or a loss."""

    REFUNDS_PAID = "refunds_paid"
    RECOVERY_EXPECTED = "recovery_expected"
    LOSS_ACCEPTED = "loss_accepted"
    SUPPLIER_RECEIVABLE = "supplier_receivable"
    SUPPLIER_CREDIT_RECEIVED = "supplier_credit_received"
    CUSTOMER_PAYABLE = "customer_payable"
    FEES_KEPT = "fees_kept"


class CreditStatus(StrEnum):
    """Where a supplier's credit stands."""

    EXPECTED = "expected"
    CLAIMED = "claimed"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    SHORT = "short"
    OVERDUE = "overdue"
    DISPUTED = "disputed"
    WRITTEN_OFF = "written_off"


class LedgerEntry(HasId, Base):
    """One side of a posting; the entries of a posting add up to zero. `amount` is minor units, debit positive.

    `ahead_of_supplier`: the customer was paid before the supplier had confirmed anything of it.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (UniqueConstraint("posting", "account"),)

    posting: Mapped[str]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    account: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    exponent: Mapped[int]
    ahead_of_supplier: Mapped[bool] = mapped_column(default=False, server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SupplierCredit(HasId, Base):
    """What a supplier owes for one case. `amount` is None until the supplier says how much.

    `ahead_of_supplier`: the customer was paid before the supplier confirmed, so the merchant's money is out.
    """

    __tablename__ = "supplier_credits"
    __table_args__ = (
        Index(
            "ix_supplier_credits_open",
            "supplier",
            "status",
            postgresql_where=text("status NOT IN ('paid', 'written_off')"),
        ),
    )

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), unique=True)
    supplier: Mapped[str]
    status: Mapped[str]
    amount: Mapped[int | None] = mapped_column(BigInteger)
    paid: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str | None]
    exponent: Mapped[int | None]
    reference: Mapped[str | None]
    ahead_of_supplier: Mapped[bool] = mapped_column(default=False, server_default="false")
    expected_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
