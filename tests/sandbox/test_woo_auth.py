"""Keys of the sandbox's WooCommerce API: every failure is a 401, with the codes of the captures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from woocommerce import API

from app.sandbox.woocommerce.auth import ApiKey, sign
from tests.sandbox.woo_kit import CONSUMER_KEY, CONSUMER_SECRET, ONE_MUG, Shop, capture, open_shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as opened:
        yield opened


def captured_error(name: str) -> Any:
    case = next(case for case in capture("rest-refund-errors.json")["cases"] if case["name"] == name)
    return json.loads(case["body"])


def oauth_query(shop: Shop, **changes: str) -> dict[str, str]:
    query = {
        "oauth_consumer_key": CONSUMER_KEY,
        "oauth_timestamp": str(int(time.time())),
        "oauth_nonce": "once",
        "oauth_signature_method": "HMAC-SHA256",
        **changes,
    }
    url = f"{shop.base}/wp-json/wc/v3/orders"
    return {**query, "oauth_signature": sign("GET", url, query, CONSUMER_SECRET)}


def test_the_package_s_signature_passes_with_and_without_parameters(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    api = shop.api()
    assert api.get("orders").status_code == 200
    params = {"search": "Zoë Ünal & more", "modified_after": "2026-01-01T00:00:00", "status": "any"}
    assert api.get("orders", params=params).status_code == 200
    assert api.post(f"orders/{order_id}/notes", {"note": "ü"}).json()["note"] == "ü"


def test_a_wrong_secret_and_an_unknown_key_are_told_apart(shop: Shop) -> None:
    wrong = API(shop.base, CONSUMER_KEY, "cs_wrong", wp_api=True, version="wc/v3").get("orders")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "woocommerce_rest_authentication_error")
    unknown = API(shop.base, "ck_unknown", CONSUMER_SECRET, wp_api=True, version="wc/v3")
    assert unknown.get("orders").json()["code"] == "woocommerce_rest_cannot_view"
    assert unknown.post("orders/1/refunds", {}).json()["code"] == "woocommerce_rest_cannot_create"


def test_basic_answers_as_captured(shop: Shop) -> None:
    url = f"{shop.base}/wp-json/wc/v3/orders/15/refunds"
    shop.site.keys.add(ApiKey("ck_read", "cs_read", "read"))
    for auth, name in (
        (None, "no-credentials"),
        ((CONSUMER_KEY, "cs_wrong"), "wrong-secret"),
        (("ck_read", "cs_read"), "read-only-key"),
    ):
        answer = httpx.post(url, json={"amount": "1.00"}, auth=auth)
        assert answer.status_code == 401
        assert answer.json() == captured_error(name)


def test_a_write_only_key_cannot_read(shop: Shop) -> None:
    shop.site.keys.add(ApiKey("ck_write", "cs_write", "write"))
    api = API(shop.base, "ck_write", "cs_write", wp_api=True, version="wc/v3")
    assert api.get("orders").status_code == 401


def test_a_signed_url_works_once_and_only_for_a_while(shop: Shop) -> None:
    url = f"{shop.base}/wp-json/wc/v3/orders"
    query = oauth_query(shop)
    assert httpx.get(url, params=query).status_code == 200
    assert "nonce" in httpx.get(url, params=query).json()["message"]
    old = oauth_query(shop, oauth_timestamp=str(int(time.time()) - 16 * 60), oauth_nonce="other")
    assert httpx.get(url, params=old).status_code == 401
    changed = {**oauth_query(shop, oauth_nonce="third"), "status": "trash"}
    assert "does not match" in httpx.get(url, params=changed).json()["message"]
