"""What the law says of a case, fees kept, and refunds ahead of the supplier

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_UNDATED = "legal IS NULL AND state NOT IN ('cancelled', 'closed', 'expired', 'rejected', 'superseded')"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("cases", _flag("right_alive"))
    op.add_column("cases", sa.Column("legal", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_index("ix_cases_undated", "cases", ["id"], postgresql_where=sa.text(_UNDATED))
    op.add_column("refunds", sa.Column("fee", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("ledger_entries", _flag("ahead_of_supplier"))
    op.add_column("supplier_credits", _flag("ahead_of_supplier"))


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default="false", nullable=False)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("supplier_credits", "ahead_of_supplier")
    op.drop_column("ledger_entries", "ahead_of_supplier")
    op.drop_column("refunds", "fee")
    op.drop_index("ix_cases_undated", table_name="cases", postgresql_where=sa.text(_UNDATED))
    op.drop_column("cases", "legal")
    op.drop_column("cases", "right_alive")
