"""Everything a process needs, built once from the settings: database, adapters, clock, mail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast

import structlog
from procrastinate import JobContext
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.clock import Clock, SystemClock
from app.db.after import tell_all
from app.db.engine import Database, lost_a_race
from app.db.work import Work
from app.evidence.bucket import PhotoBucket, bucket_of
from app.messages.smtp import SmtpSender
from app.metrics.labels import allow_sources
from app.pace.pacer import Paces
from app.settings import Settings
from app.stores import installation
from app.stores.base import StoreUnavailable
from app.stores.registry import StoreRegistry
from app.suppliers.registry import SupplierRegistry
from app.webhooks.intake import Intake

T = TypeVar("T")

# Two that wait for each other are rare; one that loses again and again is stuck behind something else.
MOST_RACES = 4
log = structlog.get_logger()


@dataclass
class Runtime:
    """One per process. Holds no state that another process would need."""

    settings: Settings
    database: Database
    stores: StoreRegistry
    suppliers: SupplierRegistry
    mail: SmtpSender | None
    intake: Intake
    photos: PhotoBucket | None = None
    clock: Clock = field(default_factory=SystemClock)
    # By its own clock, each process: until then it does not look again for what was kept long enough.
    retention_rests_until: datetime | None = None

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """One transaction with settings and time; committed when the block ends."""
        async with self.database.transaction() as session:
            yield Work(session, self.settings, self.clock.now())
        tell_all(session)

    async def carry_out(self, action: Callable[[Work], Awaitable[T]]) -> T:
        """Does `action` in one transaction; when that loses a dead-lock, PostgreSQL has undone all of it, and it is
        done anew on the fresh state, a few times. `action` must do nothing outside the database.
        """
        for _ in range(MOST_RACES - 1):
            try:
                async with self.work() as work:
                    return await action(work)
            except DBAPIError as error:
                if not lost_a_race(error):
                    raise
                log.warning("transaction_repeated", error=type(error.orig).__name__)
        async with self.work() as work:
            return await action(work)

    async def aclose(self) -> None:
        """Stores what was taken in, and gives back every connection."""
        await self.intake.aclose()
        await self.stores.aclose()
        await self.suppliers.aclose()
        if self.photos is not None:
            self.photos.close()
        await self.database.dispose()


def build_runtime(settings: Settings, database_url: str, pool_size: int = 10) -> Runtime:
    """The runtime for these settings on this database."""
    allow_sources([*settings.stores, *settings.suppliers])
    smtp = settings.smtp_url
    database = Database(database_url, pool_size)
    paces = Paces(database)

    async def installed(store: str) -> None:
        try:
            async with database.transaction() as session:
                await installation.require_installed(session, store)
        except SQLAlchemyError as error:
            raise StoreUnavailable("Whether the store may be asked cannot be told now.") from error

    return Runtime(
        settings=settings,
        database=database,
        stores=StoreRegistry(settings.stores, installed, paces.of_store),
        suppliers=SupplierRegistry(settings.suppliers, paces.of_supplier),
        mail=SmtpSender(smtp.get_secret_value(), settings.mail_from or "") if smtp else None,
        intake=Intake(database_url),
        photos=bucket_of(settings),
    )


def runtime_of(context: JobContext) -> Runtime:
    """The runtime that the worker gave to a job."""
    return cast(Runtime, context.additional_context["runtime"])
