"""How far each store has been asked what changed, and how its webhooks are

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPEN = "state NOT IN ('cancelled', 'closed', 'expired', 'rejected', 'superseded')"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "store_polls",
        *_turn(),
        sa.Column("watermark", _time(), nullable=False),
        sa.Column("since", _time(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("newest", _time(), nullable=True),
        sa.Column("started_at", _time(), nullable=True),
        sa.Column("complete_as_of", _time(), nullable=True),
        sa.PrimaryKeyConstraint("store", name=op.f("pk_store_polls")),
    )
    op.create_table(
        "webhook_checks",
        *_turn(),
        sa.Column("checked_at", _time(), nullable=True),
        sa.Column("good_at", _time(), nullable=True),
        sa.Column("good_ids", _texts(), server_default="{}", nullable=False),
        sa.Column("findings", _texts(), server_default="{}", nullable=False),
        sa.Column("repairs", _texts(), server_default="{}", nullable=False),
        sa.Column("repaired_at", _time(), nullable=True),
        sa.PrimaryKeyConstraint("store", name=op.f("pk_webhook_checks")),
    )
    op.add_column("orders", sa.Column("reread_at", _time(), nullable=True))
    op.add_column("return_requests", sa.Column("store_status", sa.Text(), nullable=True))
    op.create_index("ix_cases_open", "cases", ["store", "order_pk"], postgresql_where=sa.text(_OPEN))
    op.create_index("ix_cases_store_updated_at", "cases", ["store", "updated_at"])


def _turn() -> list[sa.Column[object]]:
    """What both tables have: when a store is due, and who works on it."""
    return [
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("next_due", _time(), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", _time(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", _time(), server_default=sa.text("now()"), nullable=False),
    ]


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _texts() -> postgresql.ARRAY[str]:
    return postgresql.ARRAY(sa.Text())


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_cases_store_updated_at", table_name="cases")
    op.drop_index("ix_cases_open", table_name="cases", postgresql_where=sa.text(_OPEN))
    op.drop_column("return_requests", "store_status")
    op.drop_column("orders", "reread_at")
    op.drop_table("webhook_checks")
    op.drop_table("store_polls")
