"""The configured stores, without secrets, and how they fare."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AfterValidator
from starlette.responses import JSONResponse

from app.api import Admin, InRuntime, InWork, Page, Reader
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors_http import refusals
from app.once import InOnce
from app.orders.snapshot import Platform
from app.pace import service as pace
from app.pace.models import PaceRow, store_name
from app.polling import service as polling
from app.polling import subscriptions
from app.polling.models import StorePoll, WebhookCheck
from app.refunds.states import RefundStatus
from app.settings_store import StoreSettings
from app.stores import installation, queries
from app.stores.listing import KeyCursor, Limit, api_url, page_of
from app.stores.registry import UnknownStore
from app.stores.schemas import PaceOut, StoreHealthOut, StoreOut, StorePollOut, StoreStateOut, WebhookCheckOut
from app.webhooks.models import SourceKind
from app.wire import Wish, storable

router = APIRouter(prefix="/stores", tags=["configuration"])


@router.get(
    "",
    summary="Lists the stores",
    description="By key. Their configuration without any secret, and how their webhooks, polls and refunds fare.",
    responses=refusals(),
)
async def list_stores(_reader: Reader, work: InWork, limit: Limit = 50, cursor: KeyCursor = None) -> Page[StoreOut]:
    """The configured stores."""
    keys, following = page_of(work.settings.stores, limit, cursor)
    health = await queries.sources(work, SourceKind.STORE, keys)
    refunds = await queries.unsettled_refunds(work)
    gone = await installation.uninstalled(work)
    polls, checks = await polling.statuses(work), await subscriptions.statuses(work)
    paces = await pace.statuses(work, [store_name(key) for key in keys])
    items = [
        _out(
            key,
            work.settings.stores[key],
            gone.get(key),
            StoreHealthOut(
                last_delivery_at=health[key].last_delivery_at,
                deliveries_waiting=health[key].waiting,
                deliveries_failed=health[key].failed,
                refunds_unsettled=sum(count for (store, _), count in refunds.items() if store == key),
                refunds_in_review=refunds.get((key, RefundStatus.NEEDS_REVIEW), 0),
                poll=_poll(polls.get(key), work.now),
                webhooks=_webhooks(checks.get(key)),
                pace=_pace(paces.get(store_name(key)), work.now),
            ),
        )
        for key in keys
    ]
    return Page(items=items, next_cursor=following)


@router.post(
    "/{store}/resume",
    summary="Lets calls to a store go on",
    description=(
        "After `app/uninstalled` nothing is asked of a Shopify store. Installing the app again ends that by itself: "
        "with `makegood webhooks sync`, or with the first webhook that the store triggers then. This ends it by hand."
    ),
    response_model=StoreStateOut,
    responses=refusals(UnknownStore, IdempotencyKeyReused),
)
async def resume_store(
    _admin: Admin,
    runtime: InRuntime,
    once: InOnce,
    store: Annotated[str, Path(max_length=40, examples=["alpha"]), AfterValidator(storable)],
) -> JSONResponse:
    """The operator says that the app is installed. Harmless to repeat."""
    key = store.lower()
    if key not in runtime.settings.stores:
        raise UnknownStore(f"No store is configured under the key {key!r}.")

    async def resumed(work: Work) -> StoreStateOut:
        await installation.resume(work, key)
        return StoreStateOut(key=key, uninstalled_at=None)

    return await once.carry_out(runtime, Wish(), resumed)


def _out(key: str, store: StoreSettings, uninstalled_at: datetime | None, health: StoreHealthOut) -> StoreOut:
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
        uninstalled_at=uninstalled_at,
        health=health,
    )


def _poll(row: StorePoll | None, now: datetime) -> StorePollOut | None:
    if row is None:
        return None
    complete = row.complete_as_of
    return StorePollOut(
        complete_as_of=complete,
        lag_seconds=round((now - complete).total_seconds(), 1) if complete else None,
        catching_up=row.cursor is not None,
        error=row.error,
    )


def _pace(known: tuple[PaceRow, float] | None, now: datetime) -> PaceOut | None:
    if known is None:
        return None
    row, available = known
    return PaceOut(
        available=round(max(0.0, available), 1),
        most=row.burst,
        per_second=row.rate,
        calls_under_way=sum(end > now for end in row.leases),
        held_until=row.held_until if row.held_until and row.held_until > now else None,
        throttled=row.throttled,
        throttled_at=row.throttled_at,
    )


def _webhooks(row: WebhookCheck | None) -> WebhookCheckOut | None:
    return WebhookCheckOut.model_validate(row, from_attributes=True) if row else None
