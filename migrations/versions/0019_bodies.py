"""Bodies of deliveries are not compressed

Half of PostgreSQL's time for a webhook of 4 kB went into compressing its body, and reading it undid that. Uncompressed
it takes about twice the room, until retention deletes it. Rows that are there stay as they are.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE deliveries ALTER COLUMN body SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE deliveries ALTER COLUMN body SET STORAGE EXTENDED")
