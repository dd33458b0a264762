"""Deliveries that wait and those that failed have an index each

They shared one. Those that failed stay until a person replays them, and whoever looked for the oldest that waits passed
all of them by; PostgreSQL took that index for reading the inbox, too, when thousands had waited not long ago.

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_NEW = {"ix_deliveries_pending": "status = 'pending'", "ix_deliveries_failed_id": "status = 'failed'"}
_OLD = "ix_deliveries_waiting"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # It waits for every transaction that is under way, and holds nobody up meanwhile.
        op.execute("SET lock_timeout = 0")
        for name, condition in _NEW.items():
            # One that was broken off is left behind, invalid.
            op.drop_index(name, table_name="deliveries", if_exists=True, postgresql_concurrently=True)
            op.create_index(
                name, "deliveries", ["id"], postgresql_where=sa.text(condition), postgresql_concurrently=True
            )
        op.drop_index(_OLD, table_name="deliveries", if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(_OLD, table_name="deliveries", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            _OLD,
            "deliveries",
            ["id"],
            postgresql_where=sa.text("status IN ('pending', 'failed')"),
            postgresql_concurrently=True,
        )
        for name in _NEW:
            op.drop_index(name, table_name="deliveries", if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")
