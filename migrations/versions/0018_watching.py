"""Where deliveries and refunds come from, for traces and logs; and what is counted at every scrape found by index

Revision ID: 0018
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0013"
branch_labels = None
depends_on = None

_OWED = "status NOT IN ('paid', 'written_off')"
_UNPAID = (
    "legal_due_at IS NOT NULL AND state NOT IN ('resolved', 'cancelled', 'closed', 'expired', 'rejected', 'superseded')"
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # It waits for transactions that are older than itself, and nobody waits for it.
        op.execute("SET lock_timeout = 0")
        for name, table, columns, where in _indexes():
            # What an interrupted upgrade left behind is not valid, and would be taken for the whole.
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_where=sa.text(where), postgresql_concurrently=True)
    op.execute("SET lock_timeout = '5s'")
    op.add_column("deliveries", sa.Column("trace", sa.Text(), nullable=True))
    op.add_column("refunds", sa.Column("origin", sa.Text(), nullable=True))


def _indexes() -> list[tuple[str, str, list[str], str]]:
    return [
        ("ix_cases_legal_due", "cases", ["legal_due_at"], _UNPAID),
        (
            "ix_supplier_credits_open",
            "supplier_credits",
            ["supplier", "status"],
            "status NOT IN ('paid', 'written_off')",
        ),
    ]


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_supplier_credits_open", table_name="supplier_credits")
    op.drop_index("ix_cases_legal_due", table_name="cases")
    op.drop_column("refunds", "origin")
    op.drop_column("deliveries", "trace")
