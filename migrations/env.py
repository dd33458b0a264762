"""Alembic's environment: one database, given by the caller or by DATABASE_URL; procrastinate's tables are not ours."""

from __future__ import annotations

import os
from typing import Any

import psycopg
from alembic import context
from sqlalchemy import create_engine

from app.db.engine import libpq_url
from app.db.metadata import metadata
from app.db.migrate import OLDEST_CODE

# A migration that cannot get its lock quickly must give up rather than queue everybody behind it.
LOCK_TIMEOUT = "5s"


def ours(name: str | None, kind: str, _parents: Any) -> bool:
    """False for what procrastinate owns: autogenerate would drop its tables."""
    return not (kind == "table" and (name or "").startswith("procrastinate_"))


def run() -> None:
    """Migrates in one transaction per migration."""
    url = context.config.attributes.get("url") or libpq_url(os.environ["DATABASE_URL"])
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_name=ours,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar() is not None:
            connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{OLDEST_CODE}'")
            connection.commit()
    engine.dispose()


run()
