from __future__ import annotations

import httpx
import pytest
import respx

from app.stores.base import StoreRefused, Subscription
from app.stores.shopify_webhooks import TOPICS, topic_from_enum, topic_to_enum
from tests.stores.shopify_shop import OAUTH, Shop, data, errors, make_store

pytestmark = pytest.mark.respx(assert_all_called=False)

DOMAIN = "alpha.myshopify.com"
URL = "https://returns.example/webhooks/shopify/alpha"
ALL = [
    "write_orders", "write_returns", "read_fulfillments", "read_shopify_payments_disputes", "read_all_orders",
    "write_discounts",
]  # fmt: skip


def scopes(*handles: str, version: str = "2026-10") -> httpx.Response:
    value = {"id": "1", "accessScopes": [{"handle": each} for each in handles]}
    return httpx.Response(
        200, json={"data": {"currentAppInstallation": value}}, headers={"X-Shopify-API-Version": version}
    )


def listed(*topics: str, url: str = URL, cursor: str | None = None) -> httpx.Response:
    nodes = [
        {"id": f"gid://shopify/WebhookSubscription/{number}", "topic": topic_to_enum(topic), "uri": url}
        for number, topic in enumerate(topics, 1)
    ]
    return data(
        "webhookSubscriptions",
        {"nodes": nodes, "pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor}},
    )


def created(complaint: str | None = None) -> httpx.Response:
    said = [{"field": ["webhookSubscription"], "message": complaint}] if complaint else []
    made = None if complaint else {"id": "gid://shopify/WebhookSubscription/9"}
    return data("webhookSubscriptionCreate", {"webhookSubscription": made, "userErrors": said})


@pytest.mark.parametrize("topic", TOPICS)
def test_topics_have_two_spellings(topic: str) -> None:
    assert topic_from_enum(topic_to_enum(topic)) == topic


def test_spellings_of_topics_that_are_not_ours() -> None:
    assert topic_to_enum("reverse_fulfillment_orders/dispose") == "REVERSE_FULFILLMENT_ORDERS_DISPOSE"
    assert topic_from_enum("PRODUCTS_CREATE") == "products/create"


async def test_subscriptions_are_listed_over_all_pages(respx_mock: respx.Router) -> None:
    Shop(respx_mock).on("WebhookSubscriptions", listed("orders/create", cursor="c"), listed("app/scopes_update"))

    assert await make_store().list_subscriptions() == [
        Subscription("1", "orders/create", URL, True),
        Subscription("1", "app/scopes_update", URL, True),
    ]


async def test_only_what_is_missing_is_made(respx_mock: respx.Router) -> None:
    missing = {"refunds/create", "order_transactions/create"}
    shop = Shop(respx_mock).on("GrantedScopes", scopes(*ALL))
    shop.on("WebhookSubscriptions", listed(*(topic for topic in TOPICS if topic not in missing)))
    shop.on("WebhookSubscriptionCreate", created())

    said = await make_store().sync_subscriptions(URL)

    assert said == ["Subscribed to refunds/create.", "Subscribed to order_transactions/create."]
    assert shop.asked("WebhookSubscriptionCreate") == [
        {"topic": "REFUNDS_CREATE", "sub": {"uri": URL, "format": "JSON"}},
        {"topic": "ORDER_TRANSACTIONS_CREATE", "sub": {"uri": URL, "format": "JSON"}},
    ]


async def test_a_webhook_to_another_address_does_not_count(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("GrantedScopes", scopes(*ALL))
    shop.on("WebhookSubscriptions", listed(*TOPICS, url="https://old.example/webhooks/shopify/alpha"))
    shop.on("WebhookSubscriptionCreate", created())

    assert len(await make_store().sync_subscriptions(URL)) == len(TOPICS)


async def test_topics_without_scope_are_left_out_and_named(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("GrantedScopes", scopes("write_orders"))
    shop.on("WebhookSubscriptions", listed(*TOPICS))

    said = await make_store().sync_subscriptions(URL)

    assert "Left out returns/request: the app has not been granted read_returns." in said
    assert "Left out fulfillments/update: the app has not been granted read_fulfillments." in said
    assert not any("returns/cancel" in each or "app/uninstalled" in each for each in said)


async def test_taken_counts_as_there_and_other_complaints_are_told(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("GrantedScopes", scopes(*ALL))
    shop.on("WebhookSubscriptions", listed(*list(TOPICS)[3:]))
    shop.on(
        "WebhookSubscriptionCreate",
        created("Address for this topic has already been taken"),
        created("Address is not allowed"),
        data("webhookSubscriptionCreate", None),
    )

    assert await make_store().sync_subscriptions(URL) == [
        "Could not subscribe to orders/updated: Address is not allowed.",
        "Could not subscribe to orders/cancelled: Shopify gave no reason.",
    ]


async def test_an_app_that_is_not_installed_cannot_subscribe(respx_mock: respx.Router) -> None:
    Shop(respx_mock).on("GrantedScopes", data("currentAppInstallation", None))

    with pytest.raises(StoreRefused):
        await make_store().sync_subscriptions(URL)


def looked_at(router: respx.Router, granted: httpx.Response, domain: str = DOMAIN, *newest: httpx.Response) -> None:
    """A shop as the doctor meets it; `newest` answers the question for the newest order."""
    order = data("orders", {"nodes": [{"id": "gid://shopify/Order/1", "email": "jane@example.com"}]})
    shop = Shop(router).on("GrantedScopes", granted)
    shop.on("ShopOfToken", data("shop", {"id": "gid://shopify/Shop/1", "myshopifyDomain": domain}))
    shop.on("NewestOrder", *(newest or (order,)))


async def test_doctor_finds_nothing_wrong(respx_mock: respx.Router) -> None:
    looked_at(respx_mock, scopes(*ALL))

    findings = await make_store().check()

    assert all(each.ok and not each.mend for each in findings)
    assert {each.subject for each in findings} >= {"store alpha: credentials", "store alpha: scopes"}


async def test_doctor_names_missing_scopes_and_a_retired_version(respx_mock: respx.Router) -> None:
    looked_at(respx_mock, scopes("read_orders", "read_returns", version="2027-01"))

    findings = {each.subject: each for each in await make_store().check()}

    wrong = [name for name, each in findings.items() if each.code == "scope_missing" and not each.ok and each.mend]
    assert wrong == [f"store alpha: scope {scope}" for scope in ("write_orders", "write_returns", "read_fulfillments")]
    assert "no refund" in findings["store alpha: scope write_orders"].detail
    assert findings["store alpha: API version"].code == "api_version_retired"
    advice = findings["store alpha: scope read_all_orders"]
    assert advice.ok
    assert "60 days" in advice.mend


async def test_doctor_sees_the_token_of_another_shop(respx_mock: respx.Router) -> None:
    looked_at(respx_mock, scopes(*ALL), "other.myshopify.com")

    wrong = [each for each in await make_store().check() if not each.ok]

    assert [each.code for each in wrong] == ["another_shop"]
    assert "other.myshopify.com answers" in wrong[0].detail


async def test_doctor_sees_that_customers_are_withheld(respx_mock: respx.Router) -> None:
    node = {"id": "gid://shopify/Order/1", "email": None}
    denied = errors("ACCESS_DENIED", data={"orders": {"nodes": [node]}}, path=["orders", "nodes", 0, "email"])
    looked_at(respx_mock, scopes(*ALL), DOMAIN, denied)

    assert [each.code for each in await make_store().check() if not each.ok] == ["customer_data_withheld"]


async def test_doctor_cannot_tell_about_customers_where_nobody_bought(respx_mock: respx.Router) -> None:
    looked_at(respx_mock, scopes(*ALL), DOMAIN, data("orders", {"nodes": []}))

    told = {each.subject: each for each in await make_store().check()}["store alpha: customer data"]

    assert (told.ok, told.mend) == (True, "")
    assert "yet" in told.detail


@pytest.mark.parametrize("answer", [httpx.Response(401), httpx.Response(502), httpx.ConnectError("refused")])
async def test_doctor_says_when_it_cannot_look(respx_mock: respx.Router, answer: httpx.Response) -> None:
    Shop(respx_mock).on("GrantedScopes", answer)

    (finding,) = await make_store().check()

    assert not finding.ok
    assert finding.mend


async def test_doctor_never_tells_a_secret(respx_mock: respx.Router) -> None:
    respx_mock.post(OAUTH).mock(return_value=httpx.Response(401, json={"error": "invalid_client"}))

    (finding,) = await make_store(access_token=None, client_id="app").check()

    assert "invalid_client" in finding.detail
    assert "hush" not in str(finding)
