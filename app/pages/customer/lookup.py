"""Finds an order for somebody who names its number and e-mail, and gives nothing away to whoever guesses.

An unknown number and a wrong e-mail get the same answer after the same work: our own orders are asked, then the store,
and the answer waits until a time that both take. Tries are counted by address and by order.
"""

from __future__ import annotations

import asyncio
import hmac
import unicodedata
from uuid import UUID

from app.db.work import Work
from app.errors import NotFound
from app.orders import service as orders
from app.pages.rate import allow
from app.requests import drafts
from app.requests.order_link import Named
from app.runtime import Runtime
from app.stores.base import StoreRefused, StoreUnavailable

# A family behind one address looks for an order or two; whoever guesses needs thousands of tries.
TRIES_BY_ADDRESS, ADDRESS_SECONDS = 20, 600
TRIES_BY_ORDER, ORDER_SECONDS = 30, 3600
# Seconds before which no look-up is answered with "no": a store answers within this time nearly always.
SLOWEST_NO = 2.0
LONGEST_NUMBER = 60


class OrderNotShown(NotFound):
    """No such order, or it belongs to another e-mail: which of them is not said."""

    code = "order_not_shown"
    title = "No order was found"


def plain_number(written: str) -> str:
    """An order's number as somebody writes it: any digits, with or without `#`, with blanks around."""
    return unicodedata.normalize("NFKC", written).strip().lstrip("#№").strip()[:LONGEST_NUMBER]


async def look_up(runtime: Runtime, store: str, number: str, email: str, client: str) -> UUID:
    """Begins a draft for the order; answers its id. `client` is whose tries are counted together.

    Raises `OrderNotShown`, `TooManyAttempts`, `StoreUnavailable`.
    """
    begun = asyncio.get_running_loop().time()
    async with runtime.work() as work:
        await allow(work, "lookup", client, TRIES_BY_ADDRESS, ADDRESS_SECONDS)
    async with runtime.work() as work:
        await allow(work, "lookup_order", f"{store}:{number.casefold()}", TRIES_BY_ORDER, ORDER_SECONDS)
    async with runtime.work() as work:
        known = await orders.find(work, store, number)
        if known is not None and _is(known.email, email):
            return (await drafts.start(work, known, email)).id
    found = await _fetch(runtime, store, number, email)
    if found is None:
        await asyncio.sleep(max(0.0, begun + SLOWEST_NO - asyncio.get_running_loop().time()))
        raise OrderNotShown("No order with this number and e-mail was found.")
    return found


async def _fetch(runtime: Runtime, store: str, number: str, email: str) -> UUID | None:
    """From the store itself; kept only when the e-mail is right."""
    asked_at = runtime.clock.now()
    try:
        shown = await runtime.stores.get(store).find_order(number)
    except StoreRefused as refusal:
        raise StoreUnavailable("The store cannot be asked now.") from refusal
    if shown is None or not _is(shown.email, email):
        return None
    async with runtime.work() as work:
        order, _ = await orders.keep(work, store, shown, read_at=asked_at)
        return (await drafts.start(work, order, email)).id


async def draft_for(work: Work, named: Named) -> UUID:
    """Begins a draft for the order that a store's signed link names. Raises `OrderNotShown`."""
    order = await orders.find(work, named.store, named.order_id)
    if order is None or not named.fits(order):
        raise OrderNotShown("The order of this link is not known here, or belongs to somebody else now.")
    return (await drafts.start(work, order, order.email)).id


def _is(known: str | None, told: str) -> bool:
    folded = (known or "").strip().casefold().encode()
    return bool(folded) and hmac.compare_digest(folded, told.strip().casefold().encode())
