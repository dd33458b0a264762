"""The application: routers, start and stop, and how errors look. No logic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import __version__
from app.errors_http import add_error_handlers
from app.openapi import describe
from app.runtime import Runtime
from app.worker import run_worker


def create_app(runtime: Runtime, *, with_worker: bool = False, concurrency: int = 10) -> FastAPI:
    """The service for this runtime; with a worker inside when asked for."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        worker = (
            asyncio.create_task(run_worker(runtime, concurrency, install_signal_handlers=False))
            if with_worker
            else None
        )
        yield
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        await runtime.aclose()

    app = FastAPI(title="Makegood", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.runtime = runtime
    add_error_handlers(app)
    describe(app)
    return app
