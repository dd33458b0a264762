"""What a story plays with: the customer, the merchant and the carrier at the stores, the suppliers, and Makegood's API.

Makegood is reached in two ways only, as in life: by the signed webhooks that the sandbox sends, and by its HTTP API.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from uuid import uuid4

import httpx

from app.demo.story import NOTHING, Played, PlayedCase
from app.demo.till import Till
from app.sandbox.shopify.book import LineSpec
from app.sandbox.shopify.state import Order as ShopOrder
from app.sandbox.suppliers.bot import SupplierBot
from app.sandbox.woocommerce.model import NewOrder
from app.sandbox.world import World

# Seconds. The slowest wait is for a supplier that asks to be tried again later: about 15.
PATIENCE = 40.0
_LOOK_EVERY = 0.1


class StoryStuck(Exception):
    """The story cannot go on; the text says what it waited for or what was refused."""


class Watcher(Protocol):
    """Shows a story while it is played."""

    def said(self, played: Played, sentence: str) -> None:
        """Something happens now."""

    def moved(self, played: Played, case: PlayedCase) -> None:
        """A case walked on."""


class Scene:
    """The stage of one story."""

    def __init__(self, world: World, api: httpx.AsyncClient, played: Played, watcher: Watcher) -> None:
        """`api` is a client of `/api/v1` with a token."""
        self.world = world
        self.played = played
        self.tills: list[Till] = []
        self._api = api
        self._watcher = watcher

    def say(self, sentence: str) -> None:
        """Tells what happens next."""
        self.played.saying = sentence
        self._watcher.said(self.played, sentence)

    async def get(self, path: str, **params: Any) -> Any:
        """A GET of the API. Raises `StoryStuck` when it is refused."""
        return _answer(await self._api.get(path, params=params))

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """A POST of the API with a key of its own. Raises `StoryStuck` when it is refused."""
        return _answer(await self._api.post(path, json=body, headers={"Idempotency-Key": str(uuid4())}))

    async def until(self, what: str, probe: Callable[[], Awaitable[bool]]) -> None:
        """Looks again and again until `probe` is true. Raises `StoryStuck` when patience is over."""
        deadline = time.monotonic() + PATIENCE
        while not await probe():
            if time.monotonic() > deadline:
                raise StoryStuck(f"waited {PATIENCE:g} s in vain until {what}")
            await asyncio.sleep(_LOOK_EVERY)

    def check(self, what: str, holds: bool) -> None:
        """Raises `StoryStuck` when something that must be true is not."""
        if not holds:
            raise StoryStuck(f"it is not true that {what}")

    async def shopify_order(self, *lines: LineSpec, **more: Any) -> ShopOrder:
        """A customer buys in the Shopify shop; the goods are sent and delivered, and Makegood has heard of it."""
        order = self.world.shop.create_order(lines, **more)
        self.world.shop.fulfil(order.id)
        self.world.shop.deliver(order.id)
        await self._heard_of(str(order.id))
        return order

    async def woo_order(self, order: NewOrder) -> str:
        """A customer buys at the WooCommerce site; the order is completed, and Makegood has heard of it."""
        number = self.world.site.create_order(order)
        self.world.site.complete(number)
        await self._heard_of(str(number))
        return str(number)

    async def _heard_of(self, order_id: str) -> None:
        store = self.played.story.store

        async def known() -> bool:
            return (await self._api.get(f"/orders/{store}/{order_id}")).status_code == httpx.codes.OK

        await self.until(f"Makegood knows the order {order_id}", known)
        self.tills.append(Till(self.world, store, order_id))

    async def ask(self, order: str | int, reason: str, note: str = "", **units: int) -> list[PlayedCase]:
        """The customer asks for a refund of units by SKU (`LAMP_01=1` is one LAMP-01); answers the cases."""
        lines = [
            {"sku": sku.replace("_", "-"), "quantity": quantity, "reason": reason, "note": note or None}
            for sku, quantity in units.items()
        ]
        wish = {"store": self.played.story.store, "order": str(order), "remedy": "refund", "lines": lines}
        request = await self.post("/return-requests", wish)
        return [await self._meet(case) for case in request["cases"]]

    async def case_of(self, order: str) -> PlayedCase:
        """The case that came into being by itself for an order, by its printed number."""
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            found[:] = (await self.get("/cases", store=self.played.story.store, order=order))["items"]
            return bool(found)

        await self.until(f"there is a case for {order}", there)
        return await self._meet(found[0])

    async def _meet(self, case: Mapping[str, Any]) -> PlayedCase:
        known = PlayedCase(case["id"], case["reference"], case["supplier"] or "nobody")
        self.played.cases.append(known)
        await self.look(known)
        return known

    async def look(self, case: PlayedCase) -> dict[str, Any]:
        """Reads the case and its trail, and shows where it stands."""
        trail = await self.get(f"/cases/{case.case_id}/events", limit=200)
        shown: dict[str, Any] = await self.get(f"/cases/{case.case_id}")
        before = list(case.path)
        walked = [event["to_state"] for event in sorted(trail["items"], key=lambda event: int(event["seq"]))]
        case.path = [state for state, last in zip(walked, [None, *walked], strict=False) if state != last]
        case.owes = _debt(shown.get("credit"))
        for till in self.tills:
            till.count(case)
        if case.path != before:
            self._watcher.moved(self.played, case)
        return shown

    async def reaches(self, case: PlayedCase, state: str) -> None:
        """Waits until the case is in `state`."""

        async def there() -> bool:
            await self.look(case)
            return case.state == state

        await self.until(f"{case.reference} is {state}", there)

    async def refunded(self, case: PlayedCase, units: int) -> None:
        """Waits until so many units of the case are refunded, and proven to be."""

        async def there() -> bool:
            lines = (await self.look(case))["lines"]
            return sum(int(line["refunded"]) for line in lines) == units

        await self.until(f"{units} units of {case.reference} are refunded", there)

    async def noted(self, case: PlayedCase, event: str) -> None:
        """Waits until an event that the case did not need any more stands in its trail as a note."""

        async def there() -> bool:
            trail = await self.get(f"/cases/{case.case_id}/events", limit=200)
            return any(row["data"].get("ignored") == event for row in trail["items"])

        await self.until(f"{event} is noted on {case.reference}", there)

    async def act(self, case: PlayedCase, action: str, **body: Any) -> None:
        """The operator does something about the case."""
        await self.post(f"/cases/{case.case_id}/{action}", body)

    async def mailed_link(self, case: PlayedCase) -> str:
        """The link in the mail that asks the supplier about the case; it is shown at the end of the demo too."""
        link = ""

        async def written() -> bool:
            nonlocal link
            mails = (await self.get("/messages", case=case.case_id))["items"]
            asked = [mail["id"] for mail in mails if mail["kind"] == "supplier_request"]
            if asked:
                lines = (await self.get(f"/messages/{asked[0]}"))["text"].splitlines()
                link = next(line for line in lines if "/supplier/" in line)
            return bool(asked)

        await self.until(f"the supplier of {case.reference} is written to", written)
        self.played.links.append((f"supplier's page of {case.reference}", link))
        return link

    def supplier(self, case: PlayedCase) -> SupplierBot:
        """The other side of the case."""
        return self.world.suppliers[case.supplier]

    async def goods_go_back(self, case: PlayedCase) -> None:
        """The customer posts the goods, and the supplier receives them."""
        await self.reaches(case, "awaiting_shipment")
        self.say(f"The supplier gave an RMA number; the customer posts the parcel ({case.reference}).")
        await self.act(case, "record-tracking", tracking_number=f"DEMO{case.reference[3:]}", carrier="DHL")
        await self.reaches(case, "in_transit")
        self.supplier(case).receive(case.case_id)
        await self.reaches(case, "inspecting")

    async def credited(self, case: PlayedCase) -> None:
        """The supplier pays what it owes, which closes a resolved case."""
        self.say(f"The supplier pays its credit ({case.reference}).")
        self.supplier(case).credit(case.case_id)
        await self.reaches(case, "closed")


def _answer(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json()
    request = response.request
    raise StoryStuck(f"{request.method} {request.url.path} answered {response.status_code}: {response.text[:300]}")


def _debt(credit: Mapping[str, Any] | None) -> str:
    if credit is None:
        return NOTHING
    if credit["amount"] is None:
        return "an amount not told"
    owed = f"{credit['amount']['amount']} {credit['amount']['currency']}"
    return f"{owed} paid" if credit["status"] == "paid" else owed
