"""Feedback and thank-yous; messages that are about no request

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.alter_column("messages", "request_id", existing_type=sa.Uuid(), nullable=True)
    _feedback()
    _thanks()


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_feedback_score_in_range")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_feedback_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["return_requests.id"], name=op.f("fk_feedback_request_id_return_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sa.UniqueConstraint("request_id", name=op.f("uq_feedback_request_id")),
    )
    op.create_index(op.f("ix_feedback_case_id"), "feedback", ["case_id"])
    op.create_index("ix_feedback_store_id", "feedback", ["store", "id"])
    op.create_index("ix_feedback_updated_at", "feedback", ["updated_at"])


def _thanks() -> None:
    op.create_table(
        "thanks",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("coupon", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("percent", sa.Numeric(5, 2), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("exponent", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "coupon IS NULL OR (percent IS NULL) <> (amount IS NULL)", name=op.f("ck_thanks_percent_or_amount")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_thanks_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["return_requests.id"], name=op.f("fk_thanks_request_id_return_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thanks")),
        sa.UniqueConstraint("request_id", name=op.f("uq_thanks_request_id")),
    )
    op.create_index(op.f("ix_thanks_case_id"), "thanks", ["case_id"])
    due = sa.text("next_try_at IS NOT NULL")
    op.create_index("ix_thanks_due", "thanks", ["next_try_at"], postgresql_where=due)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("thanks")
    op.drop_table("feedback")
    # The release before knows no message without a request; digests are of use for a day.
    op.execute("DELETE FROM messages WHERE request_id IS NULL")
    op.execute("UPDATE messages SET status = 'failed' WHERE status = 'bounced'")
    op.alter_column("messages", "request_id", existing_type=sa.Uuid(), nullable=False)
