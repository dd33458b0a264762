"""The configured stores, without secrets, and how they fare."""

from __future__ import annotations

from fastapi import APIRouter

from app.api import InWork, Page, Reader
from app.errors_http import refusals
from app.orders.snapshot import Platform
from app.refunds.states import RefundStatus
from app.settings import StoreSettings
from app.stores import queries
from app.stores.listing import KeyCursor, Limit, api_url, page_of
from app.stores.schemas import StoreHealthOut, StoreOut
from app.webhooks.models import SourceKind

router = APIRouter(prefix="/stores", tags=["configuration"])


@router.get(
    "",
    summary="Lists the stores",
    description="By key. Their configuration without any secret, and how their webhooks and refunds fare.",
    responses=refusals(),
)
async def list_stores(_reader: Reader, work: InWork, limit: Limit = 50, cursor: KeyCursor = None) -> Page[StoreOut]:
    """The configured stores."""
    keys, following = page_of(work.settings.stores, limit, cursor)
    health = await queries.sources(work, SourceKind.STORE, keys)
    refunds = await queries.unsettled_refunds(work)
    items = [
        _out(
            key,
            work.settings.stores[key],
            StoreHealthOut(
                last_delivery_at=health[key].last_delivery_at,
                deliveries_waiting=health[key].waiting,
                deliveries_failed=health[key].failed,
                refunds_unsettled=sum(count for (store, _), count in refunds.items() if store == key),
                refunds_in_review=refunds.get((key, RefundStatus.NEEDS_REVIEW), 0),
            ),
        )
        for key in keys
    ]
    return Page(items=items, next_cursor=following)


def _out(key: str, store: StoreSettings, health: StoreHealthOut) -> StoreOut:
    return StoreOut(
        key=key,
        platform=store.platform,
        name=store.name,
        url=api_url(store),
        api_version=store.api_version if store.platform is Platform.SHOPIFY else None,
        country=store.country,
        locale=store.locale,
        policy=store.policy,
        support_email=store.support_email,
        default_supplier=store.default_supplier,
        dry_run=store.dry_run,
        refund_notify=store.refund_notify,
        health=health,
    )
