"""Where deliveries and refunds come from, for traces and logs

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("deliveries", sa.Column("trace", sa.Text(), nullable=True))
    op.add_column("refunds", sa.Column("origin", sa.Text(), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("refunds", "origin")
    op.drop_column("deliveries", "trace")
