"""Whether the app is installed in a store: kept in the database, so that every process stops at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.work import Work
from app.jobs import defer
from app.outbound import service as outbound
from app.refunds.models import Refund
from app.refunds.states import RefundStatus
from app.stores.base import StoreUninstalled
from app.stores.models import StoreState
from app.webhooks.models import Delivery, DeliveryStatus, SourceKind

PROBLEM = StoreUninstalled.code


async def uninstalled(work: Work) -> dict[str, datetime]:
    """The stores whose app was removed, and since when."""
    statement = select(StoreState.store, StoreState.uninstalled_at).where(StoreState.uninstalled_at.is_not(None))
    return {store: at for store, at in await work.session.execute(statement) if at is not None}


async def require_installed(session: AsyncSession, store: str) -> None:
    """Raises `StoreUninstalled` while the app is not installed in the store."""
    state = await session.get(StoreState, store)
    if state is not None and state.uninstalled_at is not None:
        raise StoreUninstalled(
            f"The app was removed from the store {store}, and nothing is asked of it. Install it again, then run: "
            "makegood webhooks sync"
        )


async def uninstall(work: Work, store: str, at: datetime) -> bool:
    """The app was removed at `at`; False for old news from before the store was resumed. Harmless to repeat."""
    state = await _locked(work, store)
    if state.uninstalled_at is not None or (state.resumed_at is not None and at <= state.resumed_at):
        return False
    state.uninstalled_at = at
    await outbound.store_uninstalled(work, store, at)
    # Each is looked at now, finds the gate closed, and says so on its case.
    await _wake_refunds(work, store)
    return True


async def resume(work: Work, store: str) -> bool:
    """The app is installed again and everything goes on; False when it was never gone."""
    state = await _locked(work, store)
    if state.uninstalled_at is None:
        return False
    state.uninstalled_at, state.resumed_at = None, work.now
    await _wake_refunds(work, store)
    missed = (
        update(Delivery)
        .where(
            Delivery.source_kind == SourceKind.STORE,
            Delivery.source == store,
            Delivery.status == DeliveryStatus.FAILED,
            Delivery.error.startswith(PROBLEM),
            Delivery.erased_at.is_(None),
        )
        .values(status=DeliveryStatus.PENDING, next_try_at=work.now)
    )
    await work.session.execute(missed)
    await defer(work.session, "stores.resumed", store=store)
    return True


async def sign_of_life(work: Work, store: str, triggered_at: datetime | None) -> None:
    """A webhook that the store triggered after the removal shows that the app is installed again."""
    state = await work.session.get(StoreState, store)
    gone_at = state.uninstalled_at if state else None
    if gone_at is not None and triggered_at is not None and triggered_at > gone_at:
        await resume(work, store)


async def _locked(work: Work, store: str) -> StoreState:
    await work.session.execute(insert(StoreState).values(store=store).on_conflict_do_nothing())
    statement = select(StoreState).where(StoreState.store == store).with_for_update()
    return (await work.session.execute(statement.execution_options(populate_existing=True))).scalar_one()


async def _wake_refunds(work: Work, store: str) -> None:
    waiting = (str(RefundStatus.PLANNED), str(RefundStatus.UNKNOWN))
    statement = update(Refund).where(Refund.status.in_(waiting), Refund.store == store).values(next_check_at=work.now)
    await work.session.execute(statement)
