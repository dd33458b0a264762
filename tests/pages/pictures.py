"""Pictures of the main pages, for docs/pages.md: `python -m tests.pages.pictures [SCENE …]`.

A made-up return is played against the sandbox in each language, on a phone. Look at the pictures before they are kept.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from PIL import Image
from playwright.async_api import Browser

from app import links
from app.db.migrate import upgrade
from app.links import LinkPurpose
from app.logging import configure_logging
from app.pages.language import LANGUAGES
from app.sandbox.shopify.book import LineSpec
from tests.database import a_server, with_database
from tests.e2e.conftest import staged
from tests.e2e.stage import SHOP, Stage
from tests.pages.browser import Visitor, chromium, connected, visiting

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
# Longer pages are cut: a picture shows what a page is like. In CSS pixels.
LONGEST = 1500
_COLOURS = 64
EMAIL = "ana@example.com"
GOODS = {"en": "Reading lamp", "fr": "Lampe de lecture", "he": "מנורת קריאה"}
COUNTRIES = {"en": "GB", "fr": "FR", "he": "IL"}


@dataclass
class Sitting:
    """One language's turn before the camera."""

    stage: Stage
    browser: Browser
    language: str

    @asynccontextmanager
    async def person(self) -> AsyncIterator[Visitor]:
        """Somebody with a phone."""
        async with visiting(self.browser, str(self.stage.http.base_url), language=self.language) as visitor:
            yield visitor

    async def order(self) -> str:
        """An order that was delivered; its number."""
        shop = self.stage.world.shop
        line = LineSpec(sku="LAMP-01", title=GOODS[self.language], price="49.90", quantity=2, vendor="Acme")
        country, locale = COUNTRIES[self.language], f"{self.language}-{COUNTRIES[self.language]}"
        order = shop.create_order([line], email=EMAIL, country=country, locale=locale, currency="EUR")
        shop.fulfil(order.id)
        shop.deliver(order.id)
        await self.stage.settle()
        found = await self.stage.get(f"/orders/{SHOP}/{order.id}")
        return str(found["number"])

    async def case(self) -> dict[str, Any]:
        """A return whose goods may be sent."""
        lines = [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]
        [case] = await self.stage.ask(SHOP, await self.order(), lines)
        return case

    async def take(self, visitor: Visitor, name: str) -> None:
        """A picture of what is shown now, as small as it can be told apart."""
        taken = Image.open(io.BytesIO(await visitor.page.screenshot(full_page=True))).convert("RGB")
        shown = taken.crop((0, 0, taken.width, min(taken.height, LONGEST)))
        small = shown.quantize(_COLOURS, dither=Image.Dither.NONE)
        small.save(FOLDER / f"{name}-{self.language}.png", optimize=True)


async def go_on(visitor: Visitor) -> None:
    """Presses the main button of the first form."""
    async with visitor.page.expect_navigation():
        await visitor.page.locator("main form button.main").first.click()
    await visitor.look()


async def rules(sitting: Sitting) -> None:
    """The rules of a store."""
    async with sitting.person() as reader:
        await reader.open(f"/policy/{SHOP}?country={COUNTRIES[sitting.language]}")
        await sitting.take(reader, "rules")


async def walk(sitting: Sitting) -> None:
    """A customer asks for a return."""
    number = await sitting.order()
    async with sitting.person() as customer:
        page = customer.page
        await customer.open(f"/returns/{SHOP}")
        await page.locator("[name=number]").fill(number)
        await page.locator("[name=email]").fill(EMAIL)
        await sitting.take(customer, "start")
        await go_on(customer)
        await page.locator("[name^=units-]").select_option("1")
        await sitting.take(customer, "lines")
        await go_on(customer)
        await page.locator("[name^=reason-]").select_option("changed_mind")
        await go_on(customer)
        await sitting.take(customer, "remedy")


async def status(sitting: Sitting) -> None:
    """Where a return stands, and how to send the goods."""
    case = await sitting.case()
    async with sitting.person() as customer:
        runtime = sitting.stage.runtime
        token = links.sign(runtime.settings, LinkPurpose.REQUEST, case["request_id"], runtime.clock.now(), days=1)
        await customer.open(f"/returns/{SHOP}/r/{token}")
        await sitting.take(customer, "status")
        await customer.open(f"/returns/{SHOP}/r/{token}/guide/{case['reference']}")
        await sitting.take(customer, "guide")


async def supplier(sitting: Sitting) -> None:
    """A supplier answers."""
    case = await sitting.case()
    made = await sitting.stage.post(f"/cases/{case['id']}/supplier-link", {"action": "renew"})
    async with sitting.person() as somebody:
        await somebody.open(urlsplit(made["url"]).path)
        await sitting.take(somebody, "supplier")


async def withdrawal(sitting: Sitting) -> None:
    """A consumer withdraws, in two steps."""
    async with sitting.person() as consumer:
        await consumer.open(f"/returns/{SHOP}/withdraw")
        for name, value in (("name", "Ana"), ("order", "#1001"), ("email", EMAIL)):
            await consumer.page.locator(f"[name={name}]").fill(value)
        await sitting.take(consumer, "withdraw")
        await go_on(consumer)
        await sitting.take(consumer, "withdraw-confirm")


SCENES: dict[str, Callable[[Sitting], Awaitable[None]]] = {
    one.__name__: one for one in (rules, walk, status, supplier, withdrawal)
}


@contextmanager
def a_database() -> Iterator[str]:
    """A fresh database on the tests' own server."""
    with a_server() as server:
        name = f"pictures_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
            upgrade(with_database(server, name))
            yield with_database(server, name)
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def take_all(wanted: list[str]) -> None:
    """Every scene in every language."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as address:
        for language in LANGUAGES:
            with a_database() as url:
                async with staged(url) as stage, connected(address) as browser:
                    for name in wanted:
                        sys.stderr.write(f"{name} in {language}\n")
                        await SCENES[name](Sitting(stage, browser, language))


if __name__ == "__main__":
    configure_logging("warning")
    asyncio.run(take_all(sys.argv[1:] or list(SCENES)))
