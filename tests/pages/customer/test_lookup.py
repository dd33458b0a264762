"""Looking an order up gives nothing away, and nobody gets far by guessing."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from httpx import AsyncClient
from itsdangerous.encoding import base64_decode
from sqlalchemy import func, select

from app import links
from app.links import LinkPurpose
from app.orders.models import Order
from app.pages.customer import lookup
from app.pages.rate import TooManyAttempts
from app.requests.models import ReturnDraft
from app.requests.order_link import order_link
from app.runtime import Runtime
from tests.api.kit import FakeStore, FakeStores, keep, order_of
from tests.pages.customer.kit import EMAIL, Browser

# Every answer's id is made up anew, and the length of a page goes by what was entered.
EACH_ITS_OWN = {"content-length", "x-request-id"}
HOSTILE = '"><script>alert(1)</script>\u202e'


async def count(runtime: Runtime, table: type[Order] | type[ReturnDraft]) -> int:
    async with runtime.work() as work:
        return await work.session.scalar(select(func.count()).select_from(table)) or 0


def neutral(text: str) -> str:
    """A page without what differs on every page: the form's token and what was entered."""
    return re.sub(r'value="[^"]*"', "", text)


async def test_unknown_number_and_wrong_email_cannot_be_told_apart(runtime: Runtime, customer: Browser) -> None:
    """The same words, status and headers, after the same questions to the store, and not before the same time."""
    store = FakeStore("alpha", order_of())
    runtime.stores = FakeStores(store)
    await keep(runtime, order_of())
    seen = []
    for number, email in (("9999", EMAIL), ("1106", "eve@example.com")):
        store.readings, begun = 0, time.monotonic()
        await customer.find("alpha", number, email)
        took = time.monotonic() - begun
        headers = {name: value for name, value in customer.last.headers.items() if name not in EACH_ITS_OWN}
        seen.append((customer.last.status_code, neutral(customer.last.text), headers, store.readings))
        assert took >= lookup.SLOWEST_NO
    assert seen[0] == seen[1]
    assert (await count(runtime, ReturnDraft), seen[0][0]) == (0, 422)


async def test_an_order_that_only_the_store_knows_is_fetched_and_kept_if_it_is_the_customers(
    runtime: Runtime, customer: Browser
) -> None:
    runtime.stores = FakeStores(FakeStore("alpha", order_of()))
    await customer.find("alpha", "1106", "eve@example.com")
    assert (await count(runtime, Order), customer.path) == (0, "/returns/alpha")
    await customer.find("alpha", "1106")
    assert (await count(runtime, Order), customer.path) == (1, "/returns/alpha/lines")


async def test_an_order_without_an_email_is_shown_to_nobody(runtime: Runtime, customer: Browser) -> None:
    nameless = replace(order_of(), email=None)
    runtime.stores = FakeStores(FakeStore("alpha", nameless))
    await keep(runtime, nameless)
    for email in ("", EMAIL):
        await customer.find("alpha", "1106", email)
        assert customer.path == "/returns/alpha"


async def test_guessing_from_one_address_ends(
    runtime: Runtime, customer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many tries even the right e-mail is not looked at; the page says how long to wait."""
    monkeypatch.setattr(lookup, "SLOWEST_NO", 0)
    store = FakeStore("alpha", order_of())
    runtime.stores = FakeStores(store)
    await keep(runtime, order_of())
    for number in range(lookup.TRIES_BY_ADDRESS):
        await customer.find("alpha", f"77{number}")
        assert customer.last.status_code == 422
    readings = store.readings
    await customer.find("alpha", "1106")
    assert (customer.last.status_code, customer.path) == (429, "/returns/alpha")
    assert 0 < int(customer.last.headers["retry-after"]) <= lookup.ADDRESS_SECONDS
    assert (store.readings, await count(runtime, ReturnDraft)) == (readings, 0)


async def test_guessing_one_order_from_many_addresses_ends(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "SLOWEST_NO", 0)
    runtime.stores = FakeStores(FakeStore("alpha", order_of()))
    for number in range(lookup.TRIES_BY_ORDER):
        with pytest.raises(lookup.OrderNotShown):
            await lookup.look_up(runtime, "alpha", "1106", f"{number}@example.com", f"192.0.2.{number}")
    with pytest.raises(TooManyAttempts):
        await lookup.look_up(runtime, "alpha", "1106", EMAIL, "198.51.100.1")


@pytest.mark.parametrize(("number", "email"), [("", EMAIL), ("1106", ""), ("1106", "no address"), ("#", "a@b c")])
async def test_what_is_missing_is_named(customer: Browser, number: str, email: str) -> None:
    await customer.find("alpha", number, email)
    assert customer.last.status_code == 422
    assert set(customer.wrong) == ({"number"} if not number.strip("#") else set()) | (
        {"email"} if email != EMAIL else set()
    )


async def test_what_is_entered_comes_back_as_text_only(runtime: Runtime, customer: Browser) -> None:
    runtime.stores = FakeStores(FakeStore("alpha"))
    await customer.find("alpha", HOSTILE, HOSTILE)
    assert "<script>alert" not in customer.last.text
    assert customer.form("/returns/alpha")["email"] == HOSTILE.strip()


async def test_a_store_that_does_not_answer_is_said_and_nothing_is_kept(runtime: Runtime, customer: Browser) -> None:
    store = FakeStore("alpha")
    store.down = True
    runtime.stores = FakeStores(store)
    await customer.find("alpha", "1106")
    assert (customer.last.status_code, customer.wrong) == (503, ["number"])


async def test_the_stores_link_leads_to_the_order_by_a_button(
    client: AsyncClient, runtime: Runtime, customer: Browser
) -> None:
    """A machine that opens the link begins nothing; the link holds for that order, e-mail and store only."""
    await keep(runtime, order_of())
    answer = await client.post("/api/v1/return-requests/link", json={"store": "alpha", "order": "#1106", "days": 3})
    assert answer.status_code == 200, answer.text
    path = answer.json()["url"].removeprefix(runtime.settings.public_url)
    await customer.open(path)
    assert await count(runtime, ReturnDraft) == 0
    await customer.send(path)
    assert (customer.path, await count(runtime, ReturnDraft)) == ("/returns/alpha/lines", 1)
    await customer.open(path.replace("/alpha/", "/beta/"))
    assert customer.last.status_code == 404
    await keep(runtime, replace(order_of(), email="new@example.com", updated_at=order_of().updated_at + timedelta(1)))
    await customer.open(path)
    await customer.send(path)
    assert customer.last.status_code == 404


async def test_a_link_of_the_store_that_is_over_or_forged_begins_nothing(runtime: Runtime, customer: Browser) -> None:
    order_pk = await keep(runtime, order_of())
    now = runtime.clock.now()
    async with runtime.work() as work:
        link = order_link(runtime.settings, await work.session.get_one(Order, order_pk), now - timedelta(days=2), 1)
    old = link.rpartition("/")[2]
    subject = base64_decode(old.partition(".")[0])[5:].decode()
    await customer.open(f"/returns/alpha/o/{old}")
    assert customer.last.status_code == 410
    other = links.sign(runtime.settings, LinkPurpose.REQUEST, subject, now, days=1)
    for token in (other, old[:-2], "x"):
        await customer.open(f"/returns/alpha/o/{token}")
        assert customer.last.status_code == 404
