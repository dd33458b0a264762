"""The same endpoint as one would write it first: FastAPI, and for each request one transaction of SQLAlchemy's ORM.

`python -m tests.benchmarks.peers.orm` says `listening on <url>` and serves until it is ended.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request, Response
from sqlalchemy.exc import IntegrityError

from app.db.engine import Database
from app.settings import Settings
from app.settings_load import load_settings
from app.webhooks import signatures
from app.webhooks.inbox import kept_headers, shopify_arrival
from app.webhooks.models import Delivery
from tests.benchmarks.peers.server import serve


def orm_app(settings: Settings) -> FastAPI:
    """Verifies a Shopify webhook and stores it in the table of Makegood; a repeat is told by the unique key."""
    assert settings.database_url is not None
    database = Database(settings.database_url.get_secret_value(), pool_size=10)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await database.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/webhooks/shopify/{store}")
    async def shopify(store: str, request: Request) -> Response:
        body = await request.body()
        secrets = settings.stores[store].webhook_secrets
        if not signatures.verify_hmac(secrets, body, request.headers.get("x-shopify-hmac-sha256")):
            raise HTTPException(401)
        arrival = shopify_arrival(store, request.headers, body)
        row = Delivery(
            source_kind=arrival.source_kind,
            source=arrival.source,
            dedupe_key=arrival.dedupe_key,
            topic=arrival.topic,
            webhook_id=arrival.webhook_id,
            event_id=arrival.event_id,
            headers=kept_headers(arrival.headers),
            body=arrival.body,
        )
        try:
            async with database.transaction() as session:
                session.add(row)
        except IntegrityError:
            return Response()
        return Response()

    return app


if __name__ == "__main__":
    serve(orm_app(load_settings()))
