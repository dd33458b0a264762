"""Remedies other than money back: replacements, where a refund goes, and the variant that an exchange is for

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_JSON = postgresql.JSONB(astext_type=sa.Text())
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("refunds", sa.Column("method", sa.Text(), server_default="original", nullable=False))
    op.add_column("refunds", sa.Column("amount_only", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("refunds", sa.Column("credit_code", sa.Text(), nullable=True))
    op.add_column("case_lines", sa.Column("replaced", sa.Integer(), server_default="0", nullable=False))
    op.add_column("case_lines", sa.Column("variant_id", sa.Text(), nullable=True))
    op.add_column("case_lines", sa.Column("variant_title", sa.Text(), nullable=True))
    op.create_table(
        "replacements",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("order_pk", sa.Uuid(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("lines", _JSON, nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("evidence", _JSON, nullable=False),
        sa.Column("request", _JSON, nullable=True),
        sa.Column("store_order_id", sa.Text(), nullable=True),
        sa.Column("order_name", sa.Text(), nullable=True),
        sa.Column("next_check_at", _TIME, nullable=True),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_replacements_case_id_cases")),
        sa.ForeignKeyConstraint(["order_pk"], ["orders.id"], name=op.f("fk_replacements_order_pk_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replacements")),
    )
    op.create_index(op.f("ix_replacements_case_id"), "replacements", ["case_id"])
    op.create_index(op.f("ix_replacements_order_pk"), "replacements", ["order_pk"])
    op.create_index("ix_replacements_status_id", "replacements", ["status", "id"])
    op.create_index(
        "ix_replacements_due",
        "replacements",
        ["next_check_at"],
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_table(
        "replacement_attempts",
        sa.Column("replacement_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("again", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("request", _JSON, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("answer", _JSON, nullable=True),
        sa.ForeignKeyConstraint(
            ["replacement_id"],
            ["replacements.id"],
            name=op.f("fk_replacement_attempts_replacement_id_replacements"),
        ),
        sa.PrimaryKeyConstraint("replacement_id", "number", name=op.f("pk_replacement_attempts")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("replacement_attempts")
    op.drop_table("replacements")
    for column in ("variant_title", "variant_id", "replaced"):
        op.drop_column("case_lines", column)
    for column in ("credit_code", "amount_only", "method"):
        op.drop_column("refunds", column)
