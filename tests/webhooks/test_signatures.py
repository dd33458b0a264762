from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from app.webhooks.signatures import (
    is_woocommerce_ping,
    verify_hmac,
    verify_standard_webhook,
    verify_woocommerce,
)

RAW = b'{"id":7,"note":"caf\\u00e9 \\/"}'
SECRET = "whsec_c3VwcGxpZXItc2VjcmV0LW9mLXRlc3Rz"
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"


def signed(secret: str, raw: bytes = RAW) -> str:
    return base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()


def standard(raw: bytes = RAW, at: datetime = NOW, message_id: str = "msg_1") -> dict[str, str]:
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(SECRET).sign(message_id, at, raw.decode()),
    }


def test_a_known_signature_is_accepted() -> None:
    # Computed apart from this code: HMAC-SHA256 of "hello" under the key "key".
    known = base64.b64encode(bytes.fromhex("9307b3b915efb5171ff14d8cb55fbcc798c6c0ef1456d66ded1a6aa723a58b7b")).decode()
    assert verify_hmac(["key"], b"hello", known)


def test_any_of_the_secrets_may_have_signed() -> None:
    assert verify_hmac(["current", "previous"], RAW, signed("previous"))
    assert verify_hmac(["current", "previous"], RAW, signed("current"))
    assert not verify_hmac(["current"], RAW, signed("previous"))


def test_one_changed_byte_breaks_the_signature() -> None:
    assert not verify_hmac(["current"], RAW + b" ", signed("current"))


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_without_a_secret_nothing_is_true(secrets: list[str]) -> None:
    assert not verify_hmac(secrets, RAW, signed(""))
    assert not verify_woocommerce(secrets, RAW, signed(""))


@pytest.mark.parametrize("signature", [None, "", "é", "\udce9", "junk", signed("current") + "x", "=" * 5000])
def test_a_junk_signature_is_false(signature: str | None) -> None:
    assert not verify_hmac(["current"], RAW, signature)


@given(st.text())
def test_no_text_passes_for_a_signature(signature: str) -> None:
    assert not verify_hmac(["current"], RAW, signature)


def test_a_delivery_captured_from_woocommerce_is_accepted() -> None:
    raw = b'{"action":"woocommerce_order_refunded","arg":14}'
    captured = "S3WTj+8cvVg45L5q3r3PzbdETJCtp2cT/6Z0WVTE4y8="
    assert verify_woocommerce(["plain-secret-3"], raw, captured)
    assert not verify_woocommerce(["plain-secret-2"], raw, captured)


def test_woocommerce_signs_with_the_decoded_secret() -> None:
    assert verify_woocommerce(["a&amp;b&#039;"], RAW, signed("a&b'"))
    assert verify_woocommerce(["a&amp;b"], RAW, signed("a&amp;b"))
    assert not verify_hmac(["a&amp;b"], RAW, signed("a&b"))
    assert not verify_woocommerce(["a&b"], RAW, signed("a&amp;b"))


def test_the_creation_ping_is_known() -> None:
    assert is_woocommerce_ping(FORM, b"webhook_id=142", {"user-agent": "WooCommerce/11.0.1"})
    assert is_woocommerce_ping(f"{FORM}; charset=UTF-8", b"webhook_id=1", {})


@pytest.mark.parametrize(
    ("content_type", "raw", "headers"),
    [
        ("application/json", b"webhook_id=142", {}),
        (None, b"webhook_id=142", {}),
        (FORM, b"webhook_id=142\n", {}),
        (FORM, b"webhook_id=", {}),
        (FORM, b"webhook_id=142&id=7", {}),
        (FORM, b"webhook_id=142", {"X-WC-Webhook-Signature": "abc"}),
    ],
)
def test_anything_else_is_no_ping(content_type: str | None, raw: bytes, headers: dict[str, str]) -> None:
    assert not is_woocommerce_ping(content_type, raw, headers)


def test_a_message_signed_by_the_package_is_accepted() -> None:
    assert verify_standard_webhook(SECRET, RAW, standard(), NOW)
    assert verify_standard_webhook(SECRET.removeprefix("whsec_").rstrip("="), RAW, standard(), NOW)


@given(st.binary(min_size=1, max_size=40), st.text(alphabet="abcXYZ019_-.", min_size=1), st.text(max_size=40))
def test_agrees_with_the_package_for_any_key_id_and_body(key: bytes, message_id: str, body: str) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, NOW, body),
    }
    assert verify_standard_webhook(secret, body.encode(), headers, NOW)
    assert not verify_standard_webhook(secret, body.encode() + b"x", headers, NOW)


@pytest.mark.parametrize("way", [1, -1])
def test_five_minutes_either_way_are_tolerated_and_no_more(way: int) -> None:
    headers = standard()
    assert verify_standard_webhook(SECRET, RAW, headers, NOW + way * timedelta(seconds=300))
    assert not verify_standard_webhook(SECRET, RAW, headers, NOW + way * timedelta(seconds=301))


def test_one_good_signature_among_several_is_enough() -> None:
    headers = standard()
    good = headers["Webhook-Signature"]
    assert verify_standard_webhook(SECRET, RAW, headers | {"Webhook-Signature": f"v1,junk v1a,é {good}"}, NOW)
    other_version = good.replace("v1,", "v2,")
    assert not verify_standard_webhook(SECRET, RAW, headers | {"Webhook-Signature": other_version}, NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"Webhook-Id": "msg_2"},
        {"Webhook-Id": ""},
        {"Webhook-Timestamp": "soon"},
        {"Webhook-Timestamp": str(int(NOW.timestamp()) + 1)},
        {"Webhook-Timestamp": "9" * 400},
        {"Webhook-Signature": ""},
        {"Webhook-Signature": "é"},
        {"Webhook-Signature": "v1,"},
    ],
)
def test_a_changed_or_missing_header_is_refused(changed: dict[str, str]) -> None:
    assert not verify_standard_webhook(SECRET, RAW, standard() | changed, NOW)


@pytest.mark.parametrize("missing", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_every_header_is_needed(missing: str) -> None:
    headers = {name: value for name, value in standard().items() if name != missing}
    assert not verify_standard_webhook(SECRET, RAW, headers, NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_é", "whsec_a", "whsec_d3Jvbmc="])
def test_an_unusable_or_wrong_secret_verifies_nothing(secret: str) -> None:
    assert not verify_standard_webhook(secret, RAW, standard(), NOW)
