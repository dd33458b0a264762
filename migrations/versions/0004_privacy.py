"""Requests about personal data, erasing it, and stores whose app was removed

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STILL_THERE = sa.text("erased_at IS NULL")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _tables()
    op.add_column("orders", sa.Column("redacted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_orders_personal", "orders", ["updated_at"], postgresql_where=sa.text("redacted_at IS NULL"))
    op.add_column("deliveries", sa.Column("body_sha256", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_deliveries_kept", "deliveries", ["received_at"], postgresql_where=_STILL_THERE)
    op.add_column("messages", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_messages_kept", "messages", ["created_at"], postgresql_where=_STILL_THERE)
    op.create_index("ix_evidence_photos", "evidence", ["created_at"], postgresql_where=sa.text("content IS NOT NULL"))
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    _redaction()


def _tables() -> None:
    op.create_table(
        "store_states",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("uninstalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("store", name=op.f("pk_store_states")),
    )
    op.create_table(
        "privacy_requests",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("orders", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_requests")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_privacy_requests_delivery_id")),
    )
    due, email = sa.text("next_try_at IS NOT NULL"), sa.text("email IS NOT NULL")
    op.create_index("ix_privacy_requests_due", "privacy_requests", ["next_try_at"], postgresql_where=due)
    op.create_index("ix_privacy_requests_email", "privacy_requests", ["received_at"], postgresql_where=email)


def _redaction() -> None:
    """The only change that a row of the audit trail allows is the one that this function computes."""
    op.execute(
        """
        CREATE FUNCTION makegood_redacted(data jsonb, actor text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
            SELECT CASE WHEN data ? 'privacy_request' THEN data ELSE coalesce((
                SELECT jsonb_object_agg(key, CASE
                    WHEN key IN ('note', 'notes', 'text', 'items', 'tracking_number', 'tracking_url')
                        THEN '"[redacted]"'::jsonb
                    WHEN key = 'reason' AND actor <> 'makegood' AND actor <> 'clock' AND actor NOT LIKE 'policy:%'
                        THEN '"[redacted]"'::jsonb
                    ELSE value END)
                FROM jsonb_each(data)), '{}'::jsonb) END
        $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION makegood_redaction_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND NEW.data = makegood_redacted(OLD.data, OLD.actor)
                AND to_jsonb(NEW) - 'data' = to_jsonb(OLD) - 'data' THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME;
        END $$
        """
    )
    op.execute("DROP TRIGGER append_only ON case_events")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON case_events "
        "FOR EACH ROW EXECUTE FUNCTION makegood_redaction_only()"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TRIGGER append_only ON case_events")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON case_events "
        "FOR EACH ROW EXECUTE FUNCTION makegood_append_only()"
    )
    op.execute("DROP FUNCTION makegood_redaction_only()")
    op.execute("DROP FUNCTION makegood_redacted(jsonb, text)")
    op.drop_index("ix_idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_index("ix_evidence_photos", table_name="evidence")
    op.drop_index("ix_messages_kept", table_name="messages")
    op.drop_column("messages", "erased_at")
    op.drop_index("ix_deliveries_kept", table_name="deliveries")
    op.drop_column("deliveries", "erased_at")
    op.drop_column("deliveries", "body_sha256")
    op.drop_index("ix_orders_personal", table_name="orders")
    op.drop_column("orders", "redacted_at")
    op.drop_table("privacy_requests")
    op.drop_table("store_states")
