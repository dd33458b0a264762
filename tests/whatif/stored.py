"""Past cases in a database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from app.cases.models import Case, CaseEventRow, CaseLine, Evidence
from app.cases.vocabulary import Event
from app.db.engine import Database
from app.orders.models import Order
from app.orders.snapshot import Fulfilment, Line, OrderSnapshot, Platform
from app.refunds.models import Refund
from app.requests.models import ReturnRequest

ASKED = datetime(2026, 3, 12, 9, 30, tzinfo=UTC)
_SNAPSHOT: TypeAdapter[OrderSnapshot] = TypeAdapter(OrderSnapshot)


def snapshot(number: int, placed_at: datetime) -> OrderSnapshot:
    """An order of two lamps for 50.00."""
    return OrderSnapshot(
        platform=Platform.SHOPIFY, order_id=str(number), number=f"#{number}", currency="EUR", exponent=2, total=5000,
        captured=5000, status="paid", placed_at=placed_at, updated_at=placed_at,
        lines=(Line("L1", "Lamp", 2, 5000, sku="LAMP-01"),), country="FR", email="ann@example.com",
        fulfilments=(Fulfilment("p", "sent", placed_at + timedelta(days=1), placed_at + timedelta(days=6)),),
    )  # fmt: skip


def put_case(
    url: str,
    number: int = 1,
    asked: datetime = ASKED,
    happened: Sequence[tuple[Event, int, str]] = (),
    accepted: int = 0,
    evidence: Sequence[str] = (),
    refunded: int = 0,
    supplier: str | None = "acme",
) -> None:
    """Stores an order of Ann's, her case on one lamp of it, its events (days after it was asked) and its refund."""
    asyncio.run(_put(url, number, asked, happened, accepted, evidence, refunded, supplier))


async def _put(
    url: str,
    number: int,
    asked: datetime,
    happened: Sequence[tuple[Event, int, str]],
    accepted: int,
    evidence: Sequence[str],
    refunded: int,
    supplier: str | None,
) -> None:
    told = snapshot(number, asked - timedelta(days=10))
    database = Database(url, pool_size=1)
    async with database.transaction() as session:

        async def add(row: Any) -> Any:
            session.add(row)
            await session.flush()
            return row

        order = await add(
            Order(
                store="alpha", order_id=told.order_id, number=told.number, email="ann@example.com", currency="EUR",
                exponent=2, captured=5000, source_updated_at=told.updated_at, placed_at=told.placed_at,
                snapshot=_SNAPSHOT.dump_python(replace(told, refunds=None), mode="json"),
            )
        )  # fmt: skip
        request = await add(ReturnRequest(store="alpha", order_pk=order.id, origin="api", remedy="refund", lines=[]))
        line = CaseLine(
            line_id="L1", position=0, sku="LAMP-01", title="Lamp", reason="damaged_in_transit", requested=1, approved=1,
            accepted=accepted,
        )  # fmt: skip
        case = await add(
            Case(
                reference=f"MG-{number:08d}", request_id=request.id, order_pk=order.id, store="alpha",
                supplier=supplier, state="resolved", remedy="refund", requires_rma=True, holds=[], policy_version="x",
                tracking=[], problems=[], attention=[], seq=len(happened), lines=[line], created_at=asked,
                updated_at=asked,
            )
        )  # fmt: skip
        for seq, (event, days, actor) in enumerate(happened, 1):
            await add(
                CaseEventRow(
                    case_id=case.id, seq=seq, type=event, at=asked + timedelta(days=days), actor=actor,
                    from_state="requested", to_state="resolved", data={},
                )
            )  # fmt: skip
        for position, kind in enumerate(evidence):
            await add(Evidence(case_id=case.id, kind=kind, sha256=f"{position:064d}", added_by="ops"))
        if refunded:
            await add(
                Refund(
                    case_id=case.id, order_pk=order.id, store="alpha", status="succeeded", amount=refunded,
                    currency="EUR", exponent=2, lines=[], extras=[], ground="supplier", evidence={}, reason="returned",
                    created_at=asked + timedelta(days=5),
                )
            )  # fmt: skip
    await database.dispose()
