"""What the demo leaves to be clicked: an order in each store to try the customers' pages with, and every mail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import httpx

from app.demo.stage import Stage
from app.demo.stories_shopify import LAMP
from app.demo.stories_woocommerce import FLAT_RATE
from app.sandbox.woocommerce.model import Customer, NewLine, NewOrder
from app.sandbox.world import SHOP, SITE

EMAIL = "you@example.com"
# Seconds that Makegood may take to hear of an order.
_PATIENCE = 20.0
_INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mails of the demo</title>
<style>body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}</style>
<h1>Mails of the demo</h1>
<p>None was sent: there is no mail server. These are the mails as they would be.</p>
<ol>
{rows}
</ol>
</html>
"""


async def leave(stage: Stage, api: httpx.AsyncClient) -> list[tuple[str, str]]:
    """Makes the orders and writes the mails; answers what each link is, and where it leads."""
    links = []
    for store, order_id in _orders(stage).items():
        number = await _number(api, store, order_id)
        links.append((f"return order {number} of {EMAIL} at {store}", f"{stage.url}/returns/{store}"))
    links.append(("the rules, for readers", f"{stage.url}/policy/{SHOP}"))
    links.append(("withdraw from a contract", f"{stage.url}/returns/{SHOP}/withdraw"))
    mails = await _mails(api)
    links.append((f"the {len(mails)} mails so far", _write(mails, stage.log_file.parent / "mails").as_uri()))
    return links


def _orders(stage: Stage) -> dict[str, str]:
    """A delivered order in each store."""
    bought = stage.world.shop.create_order([LAMP], shipping="4.90", email=EMAIL, locale="en")
    stage.world.shop.fulfil(bought.id)
    stage.world.shop.deliver(bought.id)
    mug = NewOrder([NewLine("Mug", "12.49", 2, "ACME-MUG")], shipping=[FLAT_RATE], customer=Customer(email=EMAIL))
    number = stage.world.site.create_order(mug)
    stage.world.site.complete(number)
    return {SHOP: str(bought.id), SITE: str(number)}


async def _number(api: httpx.AsyncClient, store: str, order_id: str) -> str:
    """The printed number, once Makegood has heard of the order; its id when that takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        answer = await api.get(f"/orders/{store}/{order_id}")
        if answer.is_success:
            return str(answer.json()["number"])
        await asyncio.sleep(0.1)
    return order_id


async def _mails(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Every mail with its text, oldest first."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        told = {"limit": 100, "cursor": cursor} if cursor else {"limit": 100}
        page = (await api.get("/messages", params=told)).raise_for_status().json()
        found += [(await api.get(f"/messages/{one['id']}")).raise_for_status().json() for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found[::-1]


def _write(mails: Sequence[dict[str, Any]], folder: Path) -> Path:
    """Each mail as a page, and a page that lists them, which is answered."""
    folder.mkdir(exist_ok=True)
    rows = []
    for place, mail in enumerate(mails, 1):
        name = f"{place:03}-{mail['kind']}.html"
        (folder / name).write_text(mail["html"], "utf-8")
        subject, to = escape(mail["subject"]), escape(mail["recipient"])
        rows.append(f'<li><a href="{name}"><bdi>{subject}</bdi></a> to {to} ({mail["language"]})</li>')
    index = folder / "index.html"
    index.write_text(_INDEX.format(rows="\n".join(rows)), "utf-8")
    return index
