"""Faults on demand of the sandbox's WooCommerce: what the client sees, and what really happened."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.refunds import UNFINISHED
from tests.sandbox.woo_kit import ONE_MUG, Shop, open_shop

REFUND_POST = "POST /orders/refunds"
BODY = {"amount": "5.00", "reason": "Broken", "api_refund": True, "api_restock": False}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as opened:
        yield opened


def attempt(shop: Shop, order_id: int, **options: Any) -> requests.Response | None:
    """A refund POST with the package; None when there was no answer."""
    try:
        answer: requests.Response = shop.api(**options).post(f"orders/{order_id}/refunds", BODY, allow_redirects=False)
    except requests.RequestException:
        return None
    return answer


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.DROP_BEFORE),
        Fault(FaultKind.STATUS_BEFORE, status=502),
        Fault(FaultKind.HTML_BEFORE, status=503),
        Fault(FaultKind.REDIRECT),
        Fault(FaultKind.THROTTLE, seconds=7),
    ],
    ids=lambda fault: fault.kind,
)
def test_before_means_that_nothing_was_executed(shop: Shop, fault: Fault) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    shop.site.faults.add(REFUND_POST, fault)
    answer = attempt(shop, order_id)
    assert answer is None or answer.status_code in {301, 429, 502, 503}
    second = attempt(shop, order_id)
    assert second is not None
    assert second.status_code == 201
    assert len(shop.site.refunds(order_id)) == 1
    assert [call.outcome for call in shop.site.money_calls] == ["not_reached", "created"]
    assert shop.site.money_calls[0].fault is fault.kind


def test_slow_before_executes_nothing_for_a_client_that_gave_up(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    slow = Fault(FaultKind.SLOW_BEFORE, seconds=0.7)
    shop.site.faults.add(REFUND_POST, slow, slow)
    assert attempt(shop, order_id, timeout=(1, 0.2)) is None
    patient = attempt(shop, order_id)
    assert patient is not None
    assert patient.status_code == 201
    assert [call.outcome for call in shop.site.money_calls] == ["not_reached", "created"]
    assert len(shop.site.refunds(order_id)) == 1


def test_answers_before_look_like_those_of_real_hosts(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    kinds = (
        Fault(FaultKind.HTML_BEFORE, status=503),
        Fault(FaultKind.REDIRECT),
        Fault(FaultKind.THROTTLE, seconds=7),
    )
    shop.site.faults.add(REFUND_POST, *kinds)
    page, moved, busy = (attempt(shop, order_id) for _ in kinds)
    assert page is not None
    assert page.headers["Content-Type"].startswith("text/html")
    assert moved is not None
    assert moved.headers["Location"].startswith("https://127.0.0.1")
    assert busy is not None
    assert busy.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.DROP_AFTER),
        Fault(FaultKind.STATUS_AFTER, status=500),
        Fault(FaultKind.HTML_AFTER, status=503),
        Fault(FaultKind.TRUNCATE_AFTER),
        Fault(FaultKind.SLOW_AFTER, seconds=1.0),
    ],
    ids=lambda fault: fault.kind,
)
def test_after_means_that_the_refund_is_there_and_paid(shop: Shop, fault: Fault) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    shop.site.faults.add(REFUND_POST, fault)
    answer = attempt(shop, order_id, timeout=(1, 0.5))
    if answer is not None and answer.status_code == 201:
        with pytest.raises(requests.JSONDecodeError):
            answer.json()
    assert [(row.reason, row.refunded_payment) for row in shop.site.refunds(order_id)] == [("Broken", True)]
    assert shop.site.paid_out(order_id) == Decimal("5.00")
    assert [(call.outcome, call.status) for call in shop.site.money_calls] == [("created", 201)]


def test_php_can_die_between_the_payment_and_the_flag(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    shop.site.faults.add(REFUND_POST, Fault(FaultKind.DROP_AFTER, text=UNFINISHED))
    assert attempt(shop, order_id) is None
    row = shop.site.refunds(order_id)[0]
    assert (row.refunded_payment, row.reason, row.meta) == (False, "Broken", [])
    assert shop.site.paid_out(order_id) == Decimal("5.00")


def test_paid_and_deleted_answers_as_a_refusal_does(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    shop.site.faults.add(REFUND_POST, Fault(FaultKind.DELETED_AFTER), Fault(FaultKind.REFUSE, text="Karte abgelaufen."))
    deleted, refused = attempt(shop, order_id), attempt(shop, order_id)
    assert deleted is not None
    assert refused is not None
    assert (deleted.status_code, deleted.json()["code"]) == (refused.status_code, refused.json()["code"])
    assert deleted.json()["code"] == "woocommerce_rest_cannot_create_order_refund"
    assert refused.json()["message"] == "Karte abgelaufen."
    assert shop.site.refunds(order_id) == []
    assert [call.outcome for call in shop.site.money_calls] == ["deleted", "refused"]
    assert shop.site.paid_out(order_id) == Decimal("5.00")


def test_a_gateway_that_has_not_paid_yet_leaves_the_flag_false(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    shop.site.faults.add(REFUND_POST, Fault(FaultKind.PENDING))
    answer = attempt(shop, order_id)
    assert answer is not None
    assert (answer.status_code, answer.json()["refunded_payment"]) == (201, False)
    assert shop.site.gateway_payouts == []


def test_reading_calls_have_faults_too(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    shop.site.faults.add("GET /orders", Fault(FaultKind.HTML_BEFORE, status=503))
    shop.site.faults.add("GET /orders/refunds", Fault(FaultKind.DROP_BEFORE))
    assert shop.api().get(f"orders/{order_id}").status_code == 503
    with pytest.raises(requests.ConnectionError):
        shop.api().get(f"orders/{order_id}/refunds")
    assert shop.api().get(f"orders/{order_id}").status_code == 200
