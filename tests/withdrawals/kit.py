"""Fills the withdrawal form in as a browser does, without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from httpx import AsyncClient, Response
from procrastinate import JobContext

from app.runtime import Runtime
from app.stores.registry import StoreRegistry
from app.worker import make_queue, run_until_idle
from tests.api.kit import FakeStore, FakeStores
from tests.pages.reading import Element, read

V1 = "/api/v1"
ANN = {"name": "Ann Smith", "order": "1106", "email": "ann@example.com"}
Json = dict[str, Any]

__all__ = ["ANN", "V1", "FakeStore", "FakeStores", "JobContext", "StoreRegistry", "make_queue"]


class Visitor:
    """One browser: keeps its cookies, and sends forms as they were shown."""

    def __init__(self, http: AsyncClient, store: str = "alpha", language: str = "en") -> None:
        self.http = http
        self.path = f"/returns/{store}/withdraw"
        self.headers = {"Accept-Language": language, "Authorization": ""}

    async def open(self, query: str = "") -> Response:
        """The first page."""
        return await self.http.get(self.path + query, headers=self.headers)

    async def send(self, page: Response, values: Mapping[str, str], step: str = "") -> Response:
        """Sends the form of a page with these values over its own."""
        fields = hidden(page)
        data = {**fields, **values, **({"step": step} if step else {})}
        return await self.http.post(self.path, data=data, headers=self.headers, follow_redirects=False)

    async def review(self, values: Mapping[str, str] = ANN) -> Response:
        """The second page."""
        return await self.send(await self.open(), values)

    async def declare(self, values: Mapping[str, str] = ANN) -> Response:
        """Through both steps to the receipt."""
        sent = await self.send(await self.review(values), {}, "confirm")
        return await self.follow(sent)

    async def follow(self, sent: Response) -> Response:
        """Where a browser is led after a form was taken."""
        assert sent.status_code == 303, sent.text
        return await self.http.get(urlsplit(sent.headers["location"]).path, headers=self.headers)


def hidden(page: Response) -> dict[str, str]:
    """The hidden fields of a page's form."""
    inputs: list[Element] = read(page.text).all("input")
    return {
        one.attributes["name"]: one.attributes.get("value", "")
        for one in inputs
        if one.attributes.get("type") == "hidden"
    }


async def withdrawals(client: AsyncClient, **wanted: str) -> list[Json]:
    """What the API lists."""
    answer = await client.get(f"{V1}/withdrawals", params=wanted)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["items"]
    return found


async def settle(runtime: Runtime) -> None:
    """Every job that waits."""
    await run_until_idle(runtime)
