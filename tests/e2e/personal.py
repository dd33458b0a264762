"""What the tests of personal data share: privacy webhooks as Shopify signs them, and a search of the whole database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from typing import Any

import psycopg
from psycopg import sql

from app.db.engine import libpq_url
from app.runtime import Runtime
from app.sandbox.world import CLIENT_SECRET
from app.webhooks.packing import unpack
from tests.e2e.stage import SHOP, Stage

ADMIN = {"Authorization": "Bearer test-admin-key-0123456789"}
DOMAIN = f"{SHOP}.myshopify.com"


async def webhook(stage: Stage, topic: str, payload: dict[str, Any], **headers: str) -> None:
    """One webhook of the shop that no subscription brings; everything comes to rest after it."""
    body = json.dumps(payload).encode()
    signature = base64.b64encode(hmac.new(CLIENT_SECRET.encode(), body, hashlib.sha256).digest()).decode()
    told = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": DOMAIN,
        "X-Shopify-Webhook-Id": str(uuid.uuid4()),
        "X-Shopify-Triggered-At": stage.clock.now().isoformat(),
        "X-Shopify-Hmac-Sha256": signature,
        **headers,
    }
    answer = await stage.http.post(f"/webhooks/shopify/{SHOP}", content=body, headers=told)
    assert answer.status_code == 200, answer.text
    await stage.settle()


def customer_payload(order_id: str, email: str, erase: bool) -> dict[str, Any]:
    """The body of customers/data_request or customers/redact."""
    who = {"shop_id": 1, "shop_domain": DOMAIN, "customer": {"id": 7029431102139, "email": email, "phone": None}}
    if erase:
        return {**who, "orders_to_redact": [int(order_id)]}
    return {**who, "orders_requested": [int(order_id)], "data_request": {"id": 9999}}


def found_anywhere(runtime: Runtime, needles: list[str]) -> list[str]:
    """`table.column: needle` for each place of the database that holds one, in texts, JSON, lists and raw bytes."""
    found = []
    with psycopg.connect(libpq_url(runtime.database.url)) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
            " AND table_name IN (SELECT tablename FROM pg_tables WHERE schemaname = 'public')"
        ).fetchall()
        assert len(columns) > 150
        for table, column, kind in columns:
            name = sql.Identifier(column)
            shown = name if kind == "bytea" else sql.SQL("{}::text").format(name)
            rows = connection.execute(
                sql.SQL("SELECT {} FROM {} WHERE {} IS NOT NULL").format(shown, sql.Identifier(table), name)
            ).fetchall()
            held = {(unpack(value).decode(errors="replace") if kind == "bytea" else value).lower() for (value,) in rows}
            found += [
                f"{table}.{column}: {needle}" for needle in needles if any(needle.lower() in value for value in held)
            ]
    return found


def trail(runtime: Runtime) -> list[tuple[Any, ...]]:
    """The audit trail without its data."""
    statement = "SELECT case_id, seq, type, at, actor, from_state, to_state FROM case_events ORDER BY case_id, seq"
    with psycopg.connect(libpq_url(runtime.database.url)) as connection:
        return connection.execute(statement).fetchall()


def ledger(runtime: Runtime) -> list[tuple[Any, ...]]:
    """Every entry of the ledger."""
    statement = "SELECT id, posting, case_id, account, amount, currency FROM ledger_entries ORDER BY id"
    with psycopg.connect(libpq_url(runtime.database.url)) as connection:
        return connection.execute(statement).fetchall()
