"""Deliveries read in batches: what is due at a glance, and whose reading ended a process

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index()
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("deliveries", sa.Column("deaths", sa.Integer(), server_default="0", nullable=False))
    op.add_column("orders", sa.Column("news_sha256", sa.LargeBinary(), nullable=True))
    op.create_table(
        "readings",
        sa.Column("reader", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("deliveries", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("server_started", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_readings")),
    )


def _index() -> None:
    """While webhooks go on coming in: it waits for transactions under way and holds nobody up."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        # A run that was interrupted leaves an index that is not valid.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_deliveries_due")
        op.create_index(
            "ix_deliveries_due",
            "deliveries",
            [sa.text("source_kind DESC"), "id"],
            postgresql_where=sa.text("status = 'pending'"),
            postgresql_concurrently=True,
        )
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.drop_table("readings")
    op.drop_column("orders", "news_sha256")
    op.drop_column("deliveries", "deaths")
