"""An index for each part of a photo's hash, instead of one for all of them

Of an array PostgreSQL guesses how many rows share an element with it: it took a third of all photos for alike, and read
every one of them for each photo that came in.

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_PARTS = (1, 2, 3, 4)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # It waits for every transaction that is under way, and holds nobody up meanwhile.
        op.execute("SET lock_timeout = 0")
        for part in _PARTS:
            name = f"ix_photos_band_{part}"
            # One that was broken off is left behind, invalid.
            op.drop_index(name, table_name="photos", if_exists=True, postgresql_concurrently=True)
            op.create_index(name, "photos", [sa.text(f"(bands[{part}])")], postgresql_concurrently=True)
        op.drop_index("ix_photos_bands", table_name="photos", if_exists=True, postgresql_concurrently=True)
        # How often a part is the same is only known once the table was looked at.
        op.execute("ANALYZE photos")
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index("ix_photos_bands", table_name="photos", if_exists=True, postgresql_concurrently=True)
        op.create_index("ix_photos_bands", "photos", ["bands"], postgresql_using="gin", postgresql_concurrently=True)
        for part in _PARTS:
            op.drop_index(f"ix_photos_band_{part}", table_name="photos", if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = '5s'")
