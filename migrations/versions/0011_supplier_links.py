"""Links to a supplier's page can be taken back

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_OPEN = "state NOT IN ('cancelled', 'closed', 'expired', 'rejected', 'superseded')"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "supplier_links",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_supplier_links")),
    )
    op.create_index(
        "ix_cases_supplier_open", "cases", ["supplier", "id"], unique=False, postgresql_where=sa.text(_OPEN)
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_cases_supplier_open", table_name="cases", postgresql_where=sa.text(_OPEN))
    op.drop_table("supplier_links")
