"""Health: the process, the database with its schema and queue, and numbers for Prometheus."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from app import __version__
from app.api import errors_of, runtime_from
from app.db.migrate import OLDEST_CODE_SQL, fits, head_revision
from app.db.work import Work
from app.errors_http import DatabaseUnavailable, InternalError
from app.metrics import CONTENT_TYPE, scrape
from app.runtime import Runtime
from app.stores.listing import api_url
from app.stores.reach import StoreReach
from app.webhooks.models import Delivery, DeliveryStatus

router = APIRouter(tags=["health"])

# Probes give up after a second or more; a database that needs longer is as good as away.
_DATABASE_SECONDS = 5.0
# Work is looked for every few seconds; what has waited for minutes has no worker, or too few.
_LATE_SECONDS = 300.0


class HealthOut(BaseModel):
    """The process is up."""

    status: Literal["ok"] = Field(examples=["ok"])
    version: str = Field(examples=["0.1.0"])


class ReadinessOut(BaseModel):
    """Whether this process can do its work. `checks` decide; `warnings` are for a person and decide nothing."""

    status: Literal["ready", "not_ready"] = Field(examples=["ready"])
    checks: dict[str, dict[str, Any]] = Field(
        examples=[{"database": {"ok": True}, "schema": {"ok": True, "revision": "0003", "expected": "0003"}}]
    )
    warnings: list[str] = Field(examples=[["The store beta does not answer."]])


@router.get("/healthz", summary="Is the process up?", description="Answers without looking at anything else.")
async def healthz() -> HealthOut:
    """The process answers."""
    return HealthOut(status="ok", version=__version__)


def _reach(request: Request) -> StoreReach:
    state = request.app.state
    if not hasattr(state, "store_reach"):
        state.store_reach = StoreReach()
    reach: StoreReach = state.store_reach
    return reach


@router.get(
    "/readyz",
    summary="Can this process do its work?",
    description=(
        "200 when the database answers and has a schema that this version works with, else 503. How long jobs and "
        "deliveries wait, stores that do not answer and deliveries that failed are told and decide nothing."
    ),
    responses={503: {"model": ReadinessOut, "description": "The database is away, or its schema is another."}},
)
async def readyz(request: Request, response: Response, reach: Annotated[StoreReach, Depends(_reach)]) -> ReadinessOut:
    """Database, schema version, queue lag."""
    runtime = runtime_from(request)
    checks: dict[str, dict[str, Any]] = {}
    warnings: list[str] = []
    try:
        async with asyncio.timeout(_DATABASE_SECONDS), runtime.work() as work:
            await _look(work, checks, warnings)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        checks["database"] = {"ok": False, "error": type(error).__name__}
    warnings.extend(f"The store {key} does not answer." for key in await reach.silent(_addresses(runtime)))
    ready = all(check["ok"] for check in checks.values())
    response.status_code = 200 if ready else 503
    return ReadinessOut(status="ready" if ready else "not_ready", checks=checks, warnings=warnings)


def _addresses(runtime: Runtime) -> dict[str, str]:
    return {key: api_url(store) for key, store in runtime.settings.stores.items()}


async def _look(work: Work, checks: dict[str, dict[str, Any]], warnings: list[str]) -> None:
    revision = oldest_code = None
    if await work.session.scalar(text("SELECT to_regclass('alembic_version')")) is not None:
        revision = await work.session.scalar(text("SELECT version_num FROM alembic_version"))
        oldest_code = await work.session.scalar(text(OLDEST_CODE_SQL))
    checks["database"] = {"ok": True}
    fitting = fits(revision, oldest_code)
    checks["schema"] = {"ok": fitting, "revision": revision, "expected": head_revision()}
    if not fitting:
        return
    if revision != head_revision():
        warnings.append(f"The database has the newer schema {revision}; upgrade this process.")
    waits = {"job": await oldest_job(work), "delivery": await oldest_delivery(work)}
    ages = {name: round((work.now - since).total_seconds(), 1) if since else None for name, since in waits.items()}
    checks["queue"] = {"ok": True, **{f"oldest_{name}_seconds": age for name, age in ages.items()}}
    for name, age in ages.items():
        if age is not None and age > _LATE_SECONDS:
            warnings.append(f"The oldest {name} has waited for {age:.0f} seconds; is a worker running?")
    failed = await work.session.scalar(
        select(func.count()).select_from(Delivery).where(Delivery.status == DeliveryStatus.FAILED)
    )
    if failed:
        warnings.append(f"{failed} deliveries failed; see GET /api/v1/deliveries?status=failed.")


async def oldest_job(work: Work) -> datetime | None:
    """Since when the oldest job that could run now has waited."""
    statement = text(
        "SELECT min(coalesce(job.scheduled_at, event.at)) FROM procrastinate_jobs job "
        "JOIN procrastinate_events event ON event.job_id = job.id AND event.type = 'deferred' "
        "WHERE job.status = 'todo' AND (job.scheduled_at IS NULL OR job.scheduled_at <= now())"
    )
    found: datetime | None = await work.session.scalar(statement)
    return found


async def oldest_delivery(work: Work) -> datetime | None:
    """When the oldest delivery that has not been read was received."""
    return await work.session.scalar(
        select(func.min(Delivery.received_at)).where(Delivery.status == DeliveryStatus.PENDING)
    )


@router.get(
    "/metrics",
    summary="Numbers for Prometheus",
    description="Counts from the database at the moment of the scrape, and those of the process.",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **errors_of(InternalError, DatabaseUnavailable),
    },
)
async def metrics(request: Request) -> Response:
    """Prometheus text."""
    async with runtime_from(request).work() as work:
        told = await scrape(work, {"job": await oldest_job(work), "delivery": await oldest_delivery(work)})
    return Response(told, media_type=CONTENT_TYPE)
