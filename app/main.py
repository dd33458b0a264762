"""The application: routers, start and stop, and how errors look. No logic."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from app import __version__, docs, health
from app.cases import endpoints as cases
from app.cases import endpoints_actions as actions
from app.errors_http import add_error_handlers, problem
from app.evidence import endpoints as evidence
from app.evidence import endpoints_photos as photos
from app.feedback import endpoints as feedback
from app.limits import BodyLimit
from app.messages import endpoints as messages
from app.openapi import describe, operation_id
from app.orders import endpoints as orders
from app.outbound import endpoints as events
from app.pages import endpoints as pages
from app.pages.customer import endpoints as customer
from app.pages.supplier import endpoints as supplier_pages
from app.pages.survey import endpoints as survey
from app.pages.withdrawal import endpoints as withdrawal_pages
from app.privacy import endpoints as privacy
from app.refunds import endpoints as refunds
from app.remedies import endpoints as replacements
from app.request_ids import RequestIds
from app.requests import endpoints as requests
from app.requests import endpoints_links as order_links
from app.runtime import Runtime
from app.stores import endpoints as stores
from app.suppliers import endpoints as suppliers
from app.suppliers import endpoints_links as supplier_links
from app.webhooks import deliveries
from app.webhooks import endpoints as webhooks
from app.webhooks.door import Door
from app.withdrawals import endpoints as withdrawals
from app.worker import keep_working

API_PREFIX = "/api/v1"
# Below these, people send forms.
FORM_PREFIXES = ("/returns/", "/supplier/")
API_PARTS = (
    requests, order_links, cases, actions, evidence, refunds, replacements, messages, orders, deliveries, privacy,
    stores, suppliers, feedback, withdrawals, supplier_links, events,
)  # fmt: skip
PAGES = (withdrawal_pages, supplier_pages, pages, customer, photos, survey)


class _Service(FastAPI):
    """Names every request outside of everything else, so that an error that nothing expects has a name too."""

    def build_middleware_stack(self) -> ASGIApp:
        """The framework's own middleware with ours around it."""
        return RequestIds(super().build_middleware_stack(), api=API_PREFIX)


@functools.cache
def _routes() -> tuple[BaseRoute, ...]:
    """Every route there is. They find the runtime by the request, so all applications of a process share them, and
    what the framework works out for each (forms of bodies and answers) is worked out once."""
    api = APIRouter(prefix=API_PREFIX)
    for part in API_PARTS:
        api.include_router(part.router)
    whole = APIRouter(generate_unique_id_function=operation_id)
    for router in (api, webhooks.router, health.router, docs.router, *(part.router for part in PAGES)):
        whole.include_router(router)
    return tuple(whole.routes)


def create_app(runtime: Runtime, *, with_worker: bool = False, concurrency: int = 10) -> FastAPI:
    """The service for this runtime; with a worker inside when asked for."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        worker = (
            asyncio.create_task(keep_working(runtime, concurrency, install_signal_handlers=False))
            if with_worker
            else None
        )
        yield
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        await runtime.aclose()

    app = _Service(
        title="Makegood",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        routes=list(_routes()),
    )
    app.state.runtime = runtime
    app.add_middleware(BodyLimit, api=API_PREFIX, pages=FORM_PREFIXES)
    app.add_middleware(Door, runtime=runtime, refuse=problem)
    add_error_handlers(app)
    describe(app)
    return app
