"""Requests that customers are filling in, and the language in which they were made

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("return_requests", sa.Column("locale", sa.Text(), nullable=True))
    op.create_table(
        "return_drafts",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("order_pk", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column(
            "wish", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["order_pk"], ["orders.id"], name=op.f("fk_return_drafts_order_pk_orders")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["return_requests.id"], name=op.f("fk_return_drafts_request_id_return_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_return_drafts")),
    )
    op.create_index(op.f("ix_return_drafts_order_pk"), "return_drafts", ["order_pk"])
    op.create_index(op.f("ix_return_drafts_updated_at"), "return_drafts", ["updated_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("return_drafts")
    op.drop_column("return_requests", "locale")
