"""Cases as stored: the machine's view in columns, and the append-only audit trail."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, HasId
from app.evidence.models import Photo

_ENDED = "'cancelled', 'closed', 'expired', 'rejected', 'superseded'"
_UNPAID = f"legal_due_at IS NOT NULL AND state NOT IN ('resolved', {_ENDED})"
# How cases that need attention are sorted: by the law's date while it can still be kept, then by the nearest clock's
# end, then the oldest. What has no date comes last; that is written as infinity, so that pages can be cut by comparing.
# Spelt as PostgreSQL spells it back (it breaks a CASE into lines), so that the schema can be compared with the tables.
LEGAL_FIRST = text(
    "GREATEST(COALESCE(legal_due_at, 'infinity'::timestamp with time zone), "
    "(ARRAY['-infinity'::timestamp with time zone, 'infinity'::timestamp with time zone])"
    "[1 + (state = ANY (ARRAY['resolved'::text, 'cancelled'::text, 'closed'::text, 'expired'::text, "
    "'rejected'::text, 'superseded'::text]))::integer])"
)
DUE_NEXT = text("COALESCE(due_at, 'infinity'::timestamp with time zone)")
# Written out, not bound, so that the partial indexes over open cases are used.
NOT_ENDED = text(f"cases.state NOT IN ({_ENDED})")


class Case(HasId, Base):
    """The part of a request that one supplier handles.

    `problems` are things only a person can mend; `attention` is why a person should look (empty: nobody needs to).
    `seq` is the number of the last event. `due_at` is the end of its nearest clock but the legal one. `claim_until` is
    the supplier's last day to file a claim, as far as it is known; `claim_filed_at` is when the supplier was asked.
    `right_alive`: the customer declared a statutory right in time, which lasts
    until `statutory_until` for a new declaration; `legal_due_at` is when the refund is due by law, and `legal` what is
    known of that date beside (`legal_dates.Dates`).
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_attention", LEGAL_FIRST, DUE_NEXT, text("id"), postgresql_where=text("attention <> '{}'")),
        Index("ix_cases_state_id", "state", "id"),
        Index("ix_cases_open", "store", "order_pk", postgresql_where=text(f"state NOT IN ({_ENDED})")),
        Index("ix_cases_undated", "id", postgresql_where=text(f"legal IS NULL AND state NOT IN ({_ENDED})")),
        Index("ix_cases_store_updated_at", "store", "updated_at"),
        Index("ix_cases_store_id", "store", "id"),
        Index("ix_cases_supplier_id", "supplier", "id"),
        Index("ix_cases_supplier_open", "supplier", "id", postgresql_where=text(f"state NOT IN ({_ENDED})")),
        Index("ix_cases_updated_at_id", "updated_at", "id"),
        Index("ix_cases_legal_due", "legal_due_at", postgresql_where=text(_UNPAID)),
    )

    reference: Mapped[str] = mapped_column(unique=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("return_requests.id"), index=True)
    order_pk: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    store: Mapped[str]
    supplier: Mapped[str | None]
    state: Mapped[str]
    route: Mapped[str | None]
    remedy: Mapped[str]
    cycle: Mapped[int] = mapped_column(default=1, server_default="1")
    requires_rma: Mapped[bool]
    holds: Mapped[list[str]] = mapped_column(server_default="{}")
    ground: Mapped[str | None]
    gate: Mapped[dict[str, Any] | None]
    credit_open: Mapped[bool] = mapped_column(default=False, server_default="false")
    right_alive: Mapped[bool] = mapped_column(default=False, server_default="false")
    statutory_until: Mapped[datetime | None]
    legal_due_at: Mapped[datetime | None]
    legal: Mapped[dict[str, Any] | None]
    policy_version: Mapped[str]
    law_version: Mapped[str | None]
    rma_number: Mapped[str | None]
    return_address: Mapped[dict[str, Any] | None]
    instructions: Mapped[str | None]
    tracking: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'::jsonb"))
    store_return_id: Mapped[str | None]
    problems: Mapped[list[str]] = mapped_column(server_default="{}")
    attention: Mapped[list[str]] = mapped_column(server_default="{}")
    supplier_call_at: Mapped[datetime | None] = mapped_column(index=True)
    supplier_call: Mapped[dict[str, Any] | None]
    due_at: Mapped[datetime | None]
    claim_until: Mapped[date | None]
    claim_filed_at: Mapped[datetime | None]
    seq: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    lines: Mapped[list[CaseLine]] = relationship(lazy="selectin", order_by="CaseLine.position")


class CaseLine(Base):
    """One order line within a case, with its counters in units."""

    __tablename__ = "case_lines"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    line_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    sku: Mapped[str | None] = mapped_column(index=True)
    title: Mapped[str]
    reason: Mapped[str] = mapped_column(index=True)
    note: Mapped[str | None]
    condition: Mapped[str | None]
    requested: Mapped[int]
    approved: Mapped[int] = mapped_column(server_default="0")
    shipped: Mapped[int] = mapped_column(server_default="0")
    received: Mapped[int] = mapped_column(server_default="0")
    accepted: Mapped[int] = mapped_column(server_default="0")
    cleared: Mapped[int] = mapped_column(server_default="0")
    refunded: Mapped[int] = mapped_column(server_default="0")
    external: Mapped[int] = mapped_column(server_default="0")


class CaseEventRow(Base):
    """One row of the audit trail; the database refuses to delete it and to change more than personal data in it."""

    __tablename__ = "case_events"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    type: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    data: Mapped[dict[str, Any]]


class Evidence(HasId, Base):
    """A photo, a link or an answer that belongs to a case. `sha256` tells what is shown or told twice."""

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("case_id", "sha256"),)

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[str]
    text: Mapped[str | None]
    url: Mapped[str | None]
    content_type: Mapped[str | None]
    photo_id: Mapped[UUID | None] = mapped_column(ForeignKey(Photo.id), index=True)
    sha256: Mapped[str]
    added_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
