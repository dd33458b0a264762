"""Several steps for each clock, and the cases that need attention in the order of their dates

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_RUNNING = "fired_at IS NULL AND cancelled_at IS NULL"
_ATTENTION = "attention <> '{}'"
_LEGAL_FIRST = (
    "GREATEST(COALESCE(legal_due_at, 'infinity'::timestamp with time zone), "
    "(ARRAY['-infinity'::timestamp with time zone, 'infinity'::timestamp with time zone])"
    "[1 + (state = ANY (ARRAY['resolved'::text, 'cancelled'::text, 'closed'::text, 'expired'::text, "
    "'rejected'::text, 'superseded'::text]))::integer])"
)
_DUE_NEXT = "COALESCE(due_at, 'infinity'::timestamp with time zone)"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("timers", sa.Column("step", sa.Text(), server_default="end", nullable=False))
    op.add_column("timers", sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("timers", sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("timers", sa.Column("skipped", sa.Boolean(), server_default="false", nullable=False))
    op.drop_index("ix_timers_due", table_name="timers", postgresql_where=sa.text(_RUNNING))
    op.create_index(
        "ix_timers_due",
        "timers",
        [sa.text("coalesce(next_try_at, due_at)")],
        unique=False,
        postgresql_where=sa.text(_RUNNING),
    )
    op.add_column("cases", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cases", sa.Column("claim_until", sa.Date(), nullable=True))
    op.add_column("cases", sa.Column("claim_filed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE cases SET due_at = found.due_at FROM (SELECT case_id, min(due_at) AS due_at FROM timers "
        "WHERE fired_at IS NULL AND cancelled_at IS NULL AND kind NOT LIKE 'legal%' GROUP BY case_id) AS found "
        "WHERE found.case_id = cases.id"
    )
    op.drop_index("ix_cases_attention", table_name="cases", postgresql_where=sa.text(_ATTENTION))
    op.create_index(
        "ix_cases_attention",
        "cases",
        [sa.text(_LEGAL_FIRST), sa.text(_DUE_NEXT), "id"],
        unique=False,
        postgresql_where=sa.text(_ATTENTION),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_cases_attention", table_name="cases", postgresql_where=sa.text(_ATTENTION))
    op.create_index("ix_cases_attention", "cases", ["id"], unique=False, postgresql_where=sa.text(_ATTENTION))
    for name in ("claim_filed_at", "claim_until", "due_at"):
        op.drop_column("cases", name)
    # Reminders and clocks that the release before does not know must not fire there as time-outs.
    op.execute(
        "UPDATE timers SET cancelled_at = now() WHERE fired_at IS NULL AND cancelled_at IS NULL "
        "AND (step <> 'end' OR kind IN ('reply', 'review', 'claim', 'credit'))"
    )
    op.drop_index("ix_timers_due", table_name="timers", postgresql_where=sa.text(_RUNNING))
    op.create_index("ix_timers_due", "timers", ["due_at"], unique=False, postgresql_where=sa.text(_RUNNING))
    for name in ("skipped", "next_try_at", "planned_at", "step"):
        op.drop_column("timers", name)
