"""Photos in a table of their own, perhaps in a bucket; declarations of withdrawal, and mails about no request

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_THERE = sa.text("content IS NOT NULL")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _photos()
    _withdrawals()


def _photos() -> None:
    op.create_table(
        "photos",
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=True),
        sa.Column("bucket_key", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("likeness", sa.BigInteger(), nullable=True),
        sa.Column("bands", postgresql.ARRAY(sa.Integer()), server_default="{}", nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sweep_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photos")),
    )
    op.execute(
        "INSERT INTO photos (id, content, sha256, created_at, erased_at) "
        "SELECT id, content, sha256, created_at, CASE WHEN content IS NULL THEN now() END "
        "FROM evidence WHERE kind = 'photo'"
    )
    swept, kept = sa.text("sweep_at IS NOT NULL"), sa.text("erased_at IS NULL")
    op.create_index("ix_photos_sweep", "photos", ["sweep_at"], unique=False, postgresql_where=swept)
    op.create_index("ix_photos_kept", "photos", ["created_at"], unique=False, postgresql_where=kept)
    op.create_index("ix_photos_sha256", "photos", ["sha256"], unique=False)
    op.create_index("ix_photos_bands", "photos", ["bands"], unique=False, postgresql_using="gin")
    op.add_column("evidence", sa.Column("photo_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_evidence_photo_id_photos"), "evidence", "photos", ["photo_id"], ["id"])
    op.execute("UPDATE evidence SET photo_id = id WHERE kind = 'photo'")
    op.create_index("ix_evidence_photo_id", "evidence", ["photo_id"], unique=False)
    op.drop_index("ix_evidence_photos", table_name="evidence", postgresql_where=_THERE)
    op.drop_column("evidence", "content")


def _withdrawals() -> None:
    op.alter_column("messages", "request_id", existing_type=sa.Uuid(), nullable=True)
    op.create_table(
        "withdrawals",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("order_named", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("goods", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_pk", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("receipt_id", sa.Uuid(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["order_pk"], ["orders.id"], name=op.f("fk_withdrawals_order_pk_orders")),
        sa.ForeignKeyConstraint(["receipt_id"], ["messages.id"], name=op.f("fk_withdrawals_receipt_id_messages")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["return_requests.id"], name=op.f("fk_withdrawals_request_id_return_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawals")),
        sa.UniqueConstraint("store", "source", name=op.f("uq_withdrawals_store_source")),
    )
    due, kept = sa.text("next_try_at IS NOT NULL"), sa.text("erased_at IS NULL")
    op.create_index("ix_withdrawals_due", "withdrawals", ["next_try_at"], unique=False, postgresql_where=due)
    op.create_index("ix_withdrawals_kept", "withdrawals", ["declared_at"], unique=False, postgresql_where=kept)
    op.create_index("ix_withdrawals_order_pk", "withdrawals", ["order_pk"], unique=False)
    op.create_index("ix_withdrawals_request_id", "withdrawals", ["request_id"], unique=False)
    op.create_index("ix_withdrawals_status_id", "withdrawals", ["status", "id"], unique=False)
    op.create_index("ix_withdrawals_store_email", "withdrawals", ["store", sa.text("lower(email)")], unique=False)


def downgrade() -> None:
    # What lies in a bucket stays there, and the release before does not find it: bring it back first.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("withdrawals")
    op.execute("DELETE FROM messages WHERE request_id IS NULL")
    op.alter_column("messages", "request_id", existing_type=sa.Uuid(), nullable=False)
    op.add_column("evidence", sa.Column("content", sa.LargeBinary(), nullable=True))
    op.execute("UPDATE evidence SET content = photos.content FROM photos WHERE photos.id = evidence.photo_id")
    op.create_index("ix_evidence_photos", "evidence", ["created_at"], unique=False, postgresql_where=_THERE)
    op.drop_index("ix_evidence_photo_id", table_name="evidence")
    op.drop_column("evidence", "photo_id")
    op.drop_table("photos")
