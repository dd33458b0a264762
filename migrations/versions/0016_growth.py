"""Indexes for lists and look-ups in large tables, and the paces of stores and suppliers

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ENDED = "'cancelled', 'closed', 'expired', 'rejected', 'superseded'"
_LOWER = sa.text("lower(email)")
# Name, table, columns, condition.
_NEW: tuple[tuple[str, str, list[Any], str | None], ...] = (
    ("ix_timers_running", "timers", ["case_id", "due_at"], "fired_at IS NULL AND cancelled_at IS NULL"),
    ("ix_case_lines_reason_case_id", "case_lines", ["reason", "case_id"], None),
    ("ix_case_lines_owing", "case_lines", ["case_id"], "cleared > refunded + replaced + external"),
    ("ix_cases_created_at", "cases", ["created_at"], None),
    ("ix_cases_legal_due_at", "cases", ["legal_due_at"], f"state NOT IN ({_ENDED})"),
    ("ix_orders_order_id", "orders", ["order_id"], None),
    ("ix_orders_number_store", "orders", ["number", "store"], None),
    ("ix_orders_email_store", "orders", [_LOWER, "store"], None),
    ("ix_return_requests_email", "return_requests", [_LOWER], None),
    ("ix_deliveries_emptied", "deliveries", ["erased_at"], "erased_at IS NOT NULL"),
    ("ix_deliveries_failed", "deliveries", ["source_kind", "source", "id"], "status = 'failed'"),
    ("ix_deliveries_ignored", "deliveries", ["id"], "status = 'ignored'"),
    ("ix_deliveries_topic", "deliveries", ["topic", "source_kind", "source", "id"], None),
    ("ix_privacy_requests_store_id", "privacy_requests", ["store", "id"], None),
    # The queue's own table: jobs that are over and stay because they failed.
    ("ix_procrastinate_jobs_over", "procrastinate_jobs", ["id"], "status NOT IN ('todo', 'doing')"),
    ("ix_refunds_settled_at", "refunds", ["settled_at"], "settled_at IS NOT NULL"),
    ("ix_supplier_credits_open", "supplier_credits", ["supplier", "status"], "status NOT IN ('paid', 'written_off')"),
)
# What the new ones do as well.
_OLD: tuple[tuple[str, str, list[Any]], ...] = (
    ("ix_case_lines_reason", "case_lines", ["reason"]),
    ("ix_orders_store_number", "orders", ["store", "number"]),
    ("ix_orders_store_email", "orders", ["store", _LOWER]),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # It waits for every transaction that is under way, and holds nobody up meanwhile.
        op.execute("SET lock_timeout = 0")
        for name, table, columns, where in _NEW:
            # One that was broken off is left behind, invalid.
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            condition = sa.text(where) if where else None
            op.create_index(name, table, columns, postgresql_where=condition, postgresql_concurrently=True)
        for name, table, _ in _OLD:
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")
    # Last, because what comes before an autocommit block is kept when the rest is broken off.
    op.create_table(
        "paces",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("burst", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leases", postgresql.ARRAY(sa.DateTime(timezone=True)), server_default="{}", nullable=False),
        sa.Column("throttled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("throttled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_paces")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("paces")
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for name, table, columns in _OLD:
            op.create_index(name, table, columns, postgresql_concurrently=True)
        for name, table, _, _ in _NEW:
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")
