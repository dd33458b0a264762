"""What the doctor finds at a WooCommerce site, and how its webhooks are kept in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.stores.base import Finding, StoreRefused, StoreUnavailable, Subscription
from app.stores.woocommerce import WooStore
from app.stores.woocommerce_webhooks import TOPICS
from tests.orders.woo_captures import error_case
from tests.stores.woo_fake import HTML, Cut, Say, ScriptedSite, Step, say
from tests.stores.woo_samples import store

_URL = "https://makegood.example/webhooks/woocommerce/alpha"
_NO_ORDER = say({"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID."}, 400)
_DENIED = say({"code": "woocommerce_rest_authentication_error", "data": {"status": 401}}, 401)
_NOT_VIEW = say({"code": "woocommerce_rest_cannot_view", "data": {"status": 401}}, 401)
_NOT_EDIT = say({"code": "woocommerce_rest_cannot_edit", "data": {"status": 401}}, 401)


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    with ScriptedSite() as running:
        yield running


def faults(findings: list[Finding]) -> list[str]:
    assert all(finding.mend for finding in findings if not finding.ok)
    return [f"{finding.subject}: {finding.detail}" for finding in findings if not finding.ok]


async def test_a_healthy_site(site: ScriptedSite, woo: WooStore) -> None:
    version, decimals = say({"environment": {"version": "11.0.1"}}), say({"id": "x", "value": "2"})
    site.script(say([]), _NO_ORDER, version, decimals, say({"id": "y", "value": "EUR"}))
    findings = await woo.check()
    assert faults(findings) == []
    details = [finding.detail for finding in findings]
    assert "WooCommerce 11.0.1" in details
    assert "The store writes money with 2 decimals" in details
    assert [(asked.method, asked.body) for asked in site.asked if asked.method != "GET"] == [("PUT", b"{}")]


async def test_a_copy_of_the_shop_without_cron_and_with_too_few_decimals(site: ScriptedSite, woo: WooStore) -> None:
    copied = {
        "version": "11.0.1",
        "home_url": "https://shop.example",
        "site_url": "https://shop.example",
        "wp_cron": False,
    }
    report, decimals, money = say({"environment": copied}), say({"value": "0"}), say({"value": "EUR"})
    site.script(say([]), _NO_ORDER, report, decimals, money)
    found = {finding.code: finding for finding in await woo.check() if finding.mend}
    assert set(found) == {"store_clone", "wp_cron_off", "decimals_few"}
    assert not found["store_clone"].ok
    assert "shop.example" in found["store_clone"].detail
    assert "0 decimals, and EUR has 2" in found["decimals_few"].detail


async def test_yen_have_no_decimals(site: ScriptedSite, woo: WooStore) -> None:
    site.script(say([]), _NO_ORDER, say({"environment": {}}), say({"value": "0"}), say({"value": "JPY"}))
    assert [finding.code for finding in await woo.check() if finding.mend] == []


async def test_a_key_that_may_not_read_the_settings_is_no_fault(site: ScriptedSite, woo: WooStore) -> None:
    site.script(say([]), _NO_ORDER, _NOT_VIEW, Say(500, b"", HTML))
    assert faults(await woo.check()) == []


@pytest.mark.parametrize(
    ("reading", "writing", "fault"),
    [
        (_DENIED, _DENIED, "key: The consumer secret is wrong"),
        (_NOT_VIEW, _NOT_EDIT, "key: The consumer key is unknown, or"),
        (say([]), _DENIED, "key: The key may read but not write"),
        (_DENIED, _NO_ORDER, "key: The key may write but not read"),
        (
            Say(301, b"", HTML, {"Location": "https://www.shop.example/"}),
            Say(301, b"", HTML),
            "address: The store's URL",
        ),
        (Say(403, b"<html>", HTML), Say(403, b"<html>", HTML), "address: The store or a firewall"),
        (Say(404, b"<html>", HTML), Say(404, b"<html>", HTML), "address: There is no WooCommerce REST API"),
        (Say(503, b"<html>", HTML), Say(503, b"<html>", HTML), "address: The store answered HTTP 503"),
        (Cut(), Cut(), "address: http://127.0.0.1"),
    ],
)
async def test_what_is_wrong_is_named(
    site: ScriptedSite, woo: WooStore, reading: Step, writing: Step, fault: str
) -> None:
    site.script(reading, writing)
    (found,) = faults(await woo.check())
    assert found.startswith(fault)
    assert "cs_secret" not in found


async def test_the_captured_read_only_answer(site: ScriptedSite, woo: WooStore) -> None:
    status, body = error_case("read-only-key")
    site.script(say([]), Say(status, body))
    assert faults(await woo.check()) == ["key: The key may read but not write (woocommerce_rest_authentication_error)"]


@pytest.mark.parametrize(
    ("secret", "code"),
    [("", "webhook_secret_missing"), ("a&amp;b", "webhook_secret_entity"), ("x&#039;y", "webhook_secret_entity")],
)
async def test_a_webhook_secret_that_can_never_verify(site: ScriptedSite, secret: str, code: str) -> None:
    made = store(site.url, webhook_secret=secret)
    site.script(say([]), _NO_ORDER)
    (found,) = [finding for finding in await made.check() if not finding.ok]
    assert (found.subject, found.code) == ("webhook secret", code)
    assert found.mend
    await made.aclose()


def hook(number: int, topic: str, url: str = _URL, status: str = "active") -> dict[str, Any]:
    return {"id": number, "topic": topic, "delivery_url": url, "status": status}


async def test_listing(site: ScriptedSite, woo: WooStore) -> None:
    site.script(say([hook(3, "order.updated"), hook(4, "coupon.created", "https://x.example", "disabled")]))
    assert await woo.list_subscriptions() == [
        Subscription("3", "order.updated", _URL, True),
        Subscription("4", "coupon.created", "https://x.example", False),
    ]


async def test_missing_webhooks_are_created_with_our_secret(site: ScriptedSite, woo: WooStore) -> None:
    elsewhere = [hook(number, topic, "https://other.example") for number, topic in enumerate(TOPICS, start=1)]
    site.script(say(elsewhere), *[say(hook(50, topic), 201) for topic in TOPICS])
    changes = await woo.sync_subscriptions(_URL)
    assert changes == [f"Created the webhook {topic}." for topic in TOPICS]
    sent = [json.loads(asked.body) for asked in site.posts]
    assert [body["topic"] for body in sent] == list(TOPICS)
    assert {(body["delivery_url"], body["secret"]) for body in sent} == {(_URL, "whsecret")}


async def test_nothing_is_changed_where_all_is_well(site: ScriptedSite, woo: WooStore) -> None:
    site.script(say([hook(number, topic) for number, topic in enumerate(TOPICS, start=1)]))
    assert await woo.sync_subscriptions(_URL) == []
    assert len(site.asked) == 1


async def test_a_webhook_that_was_paused_is_re_activated(site: ScriptedSite, woo: WooStore) -> None:
    hooks = [hook(number, topic) for number, topic in enumerate(TOPICS, start=1)]
    hooks[1]["status"] = "paused"
    site.script(say(hooks), say(hook(2, "order.updated")))
    assert await woo.sync_subscriptions(_URL) == ["Re-activated the webhook order.updated, which was paused."]
    assert (site.asked[1].method, site.asked[1].path) == ("PUT", "/wp-json/wc/v3/webhooks/2")
    assert json.loads(site.asked[1].body) == {"status": "active", "secret": "whsecret"}


async def test_a_webhook_that_failures_disabled_is_made_anew_before_it_is_deleted(
    site: ScriptedSite, woo: WooStore
) -> None:
    hooks = [hook(number, topic) for number, topic in enumerate(TOPICS, start=1)]
    hooks[1]["status"] = "disabled"
    site.script(say(hooks), say(hook(9, "order.updated"), 201), say(hooks[1]))
    (change,) = await woo.sync_subscriptions(_URL)
    assert change.startswith("Created the webhook order.updated anew")
    (created,) = site.posts
    assert json.loads(created.body)["secret"] == "whsecret"
    deleted = site.asked[2]
    assert (deleted.method, deleted.path) == ("DELETE", "/wp-json/wc/v3/webhooks/2")
    assert deleted.query["force"] == "true"


async def test_one_active_webhook_of_a_topic_is_enough(site: ScriptedSite, woo: WooStore) -> None:
    hooks = [hook(number, topic) for number, topic in enumerate(TOPICS, start=3)]
    surplus = [hook(1, TOPICS[0], status="disabled"), hook(99, TOPICS[0])]
    site.script(say([*surplus, *hooks]), say(surplus[0]), say(surplus[1]))
    assert await woo.sync_subscriptions(_URL) == [f"Deleted 2 of the 3 webhooks {TOPICS[0]}: one is enough."]
    assert [asked.path.rpartition("/")[2] for asked in site.asked if asked.method == "DELETE"] == ["1", "99"]


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (say({"code": "woocommerce_rest_shop_webhook_invalid_delivery_url"}, 400), StoreRefused),
        (_DENIED, StoreRefused),
        (Say(502, b"", HTML), StoreUnavailable),
        (Cut(), StoreUnavailable),
    ],
)
async def test_a_webhook_that_cannot_be_created(
    site: ScriptedSite, woo: WooStore, step: Step, error: type[Exception]
) -> None:
    site.script(say([]), step)
    with pytest.raises(error):
        await woo.sync_subscriptions(_URL)
    assert len(site.posts) == 1


async def test_without_a_secret_no_webhook_is_made(site: ScriptedSite) -> None:
    made = store(site.url, webhook_secret="")
    with pytest.raises(StoreRefused, match="WEBHOOK_SECRET"):
        await made.sync_subscriptions(_URL)
    assert site.asked == []
    await made.aclose()
