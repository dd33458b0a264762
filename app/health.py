"""Health: the process, the database with its schema and queue, and numbers for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from app import __version__
from app.api import errors_of, runtime_from
from app.errors_http import InternalError
from app.metrics.exposition import CONTENT_TYPE, Exposition
from app.readiness import Findings, look
from app.runtime import Runtime
from app.stores.listing import api_url
from app.stores.reach import StoreReach

router = APIRouter(tags=["health"])

# Probes give up after a second or more; a database that needs longer is as good as away.
_DATABASE_SECONDS = 5.0


class HealthOut(BaseModel):
    """The process is up."""

    status: Literal["ok"] = Field(examples=["ok"])
    version: str = Field(examples=["0.1.0"])


class ReadinessOut(BaseModel):
    """Whether this process can do its work. `checks` decide, and `problems` say in words what fails; `warnings` are for
    a person and decide nothing.
    """

    status: Literal["ready", "not_ready"] = Field(examples=["ready"])
    checks: dict[str, dict[str, Any]] = Field(
        examples=[{"database": {"ok": True}, "schema": {"ok": True, "revision": "0003", "expected": "0003"}}]
    )
    problems: list[str] = Field(examples=[[]])
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
        "200 when the database answers and has the schema that this version needs, else 503, with what is wrong in "
        "words. What waits too long, failed deliveries, silent or removed stores, missing webhooks, refunds in doubt "
        "and legal dates that come near are told as warnings and decide nothing."
    ),
    responses={503: {"model": ReadinessOut, "description": "The database is away, or its schema is another."}},
)
async def readyz(request: Request, response: Response, reach: Annotated[StoreReach, Depends(_reach)]) -> ReadinessOut:
    """Database, schema version, queue lag."""
    runtime = runtime_from(request)
    found = Findings()
    try:
        async with asyncio.timeout(_DATABASE_SECONDS), runtime.work() as work:
            await look(work, found)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        found.database_away(error)
    silent = await reach.silent(_addresses(runtime, found.uninstalled))
    found.warnings.extend(f"The store {key} does not answer." for key in silent)
    response.status_code = 503 if found.problems else 200
    return ReadinessOut(
        status="not_ready" if found.problems else "ready",
        checks=found.checks,
        problems=found.problems,
        warnings=found.warnings,
    )


def _addresses(runtime: Runtime, uninstalled: Collection[str]) -> dict[str, str]:
    """Where to ask; a store whose app was removed is not asked for anything."""
    return {key: api_url(store) for key, store in runtime.settings.stores.items() if key not in uninstalled}


def _exposition(request: Request) -> Exposition:
    state = request.app.state
    if not hasattr(state, "exposition"):
        state.exposition = Exposition()
    exposition: Exposition = state.exposition
    return exposition


@router.get(
    "/metrics",
    summary="Numbers for Prometheus",
    description=(
        "How things stand in the database, looked up at most every 5 seconds, and what the processes behind this "
        "address have counted. Answers without the database too, and says so in `makegood_database_up`."
    ),
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **errors_of(InternalError),
    },
)
async def metrics(request: Request, exposition: Annotated[Exposition, Depends(_exposition)]) -> Response:
    """Prometheus text."""
    return Response(await exposition.text(runtime_from(request)), media_type=CONTENT_TYPE)
