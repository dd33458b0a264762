"""The configured suppliers, without secrets, and how they fare."""

from __future__ import annotations

from decimal import Decimal

from fastapi import APIRouter
from sqlalchemy import func, select

from app.api import InWork, Page, Reader
from app.cases.models import Case
from app.cases.vocabulary import State
from app.db.work import Work
from app.errors_http import refusals
from app.ledger.models import CREDIT_OPEN, SupplierCredit
from app.settings_supplier import SupplierSettings
from app.stores import queries
from app.stores.listing import KeyCursor, Limit, page_of
from app.stores.queries import SourceHealth
from app.suppliers.schemas import SupplierHealthOut, SupplierOut
from app.webhooks.models import SourceKind

router = APIRouter(prefix="/suppliers", tags=["configuration"])

_WAITS_FOR_SUPPLIER = (State.AUTHORIZING, State.INSPECTING, State.CLAIMING)


@router.get(
    "",
    summary="Lists the suppliers",
    description="By key. Their configuration without any secret, and how their webhooks, cases and credits fare.",
    responses=refusals(),
)
async def list_suppliers(
    _reader: Reader, work: InWork, limit: Limit = 50, cursor: KeyCursor = None
) -> Page[SupplierOut]:
    """The configured suppliers."""
    keys, following = page_of(work.settings.suppliers, limit, cursor)
    health = await queries.sources(work, SourceKind.SUPPLIER, keys)
    waiting, credits = await _waiting(work), await _open_credits(work)
    items = [
        _out(key, work.settings.suppliers[key], _health(health[key], waiting.get(key, 0), credits.get(key, 0)))
        for key in keys
    ]
    return Page(items=items, next_cursor=following)


async def _waiting(work: Work) -> dict[str | None, int]:
    statement = select(Case.supplier, func.count()).where(Case.state.in_([str(one) for one in _WAITS_FOR_SUPPLIER]))
    return dict((await work.session.execute(statement.group_by(Case.supplier))).all())


async def _open_credits(work: Work) -> dict[str, int]:
    statement = select(SupplierCredit.supplier, func.count()).where(CREDIT_OPEN)
    rows = await work.session.execute(statement.group_by(SupplierCredit.supplier))
    return dict(rows.all())


def _health(source: SourceHealth, waiting: int, credits: int) -> SupplierHealthOut:
    return SupplierHealthOut(
        last_delivery_at=source.last_delivery_at,
        deliveries_waiting=source.waiting,
        deliveries_failed=source.failed,
        cases_waiting=waiting,
        credits_open=credits,
    )


def _out(key: str, supplier: SupplierSettings, health: SupplierHealthOut) -> SupplierOut:
    return SupplierOut(
        key=key,
        channel=supplier.channel,
        name=supplier.name,
        base_url=supplier.base_url,
        email=supplier.email,
        vendors=supplier.vendors,
        sku_prefixes=supplier.sku_prefixes,
        country=supplier.country,
        locale=supplier.locale,
        currency=supplier.currency,
        return_address=supplier.return_address,
        requires_rma=supplier.requires_rma,
        requires_goods=supplier.requires_goods,
        response_days=supplier.response_days,
        inspection_days=supplier.inspection_days,
        claim_window_days=supplier.claim_window_days,
        returnless_below=_plain(supplier.returnless_below),
        cost_ratio=_plain(supplier.cost_ratio),
        health=health,
    )


def _plain(number: Decimal | None) -> str | None:
    return format(number, "f") if number is not None else None
