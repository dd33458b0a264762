"""From settings to adapters: what a store's settings say, its adapter does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.sandbox.server import LoopbackServer
from app.settings import Settings
from app.stores.registry import build_store
from tests.conftest import BASE_SETTINGS

PATIENCE = 10


@pytest.mark.parametrize("parallel", [1, 6])
async def test_a_site_is_asked_for_as_much_at_once_as_the_settings_say(parallel: int) -> None:
    full, under_way, most = asyncio.Barrier(parallel), 0, 0

    async def order(_: Request) -> JSONResponse:
        """Nobody is answered before so many are here."""
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        async with asyncio.timeout(PATIENCE):
            await full.wait()
        under_way -= 1
        return JSONResponse({"code": "woocommerce_rest_shop_order_invalid_id"}, 404)

    with LoopbackServer(Starlette(routes=[Route("/wp-json/wc/v3/orders/{order}", order)])) as url:
        beta: dict[str, Any] = {**BASE_SETTINGS["stores"]["beta"], "url": url, "parallel_requests": parallel}
        made = build_store("beta", Settings(**{**BASE_SETTINGS, "stores": {"beta": beta}}).stores["beta"])
        found = await asyncio.gather(*(made.read_order(str(number)) for number in range(1, 2 * parallel + 1)))
        await made.aclose()
    assert found == [None] * 2 * parallel
    assert most == parallel
