"""What goes wrong on demand at the sandbox's Shopify shop, and whether the money moved."""

from __future__ import annotations

import httpx
import pytest

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify.idempotency import MoneyOutcome
from app.sandbox.shopify.state import Order
from tests.sandbox.shopify_kit import LAMP, REFUND_CREATE, World, refund_input, served, wait_until


def send(world: World, order: Order) -> httpx.Response:
    return world.post(REFUND_CREATE, {"input": refund_input(order, "10.00"), "key": "k"})


def paid(world: World, order: Order) -> int:
    return int(world.shop.refunded_total(order.id))


@pytest.mark.parametrize(("kind", "total"), [(FaultKind.DROP_BEFORE, 0), (FaultKind.DROP_AFTER, 10)])
def test_a_cut_connection(kind: FaultKind, total: int) -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.faults.add("refundCreate", Fault(kind))
        with pytest.raises(httpx.TransportError):
            send(world, order)
        assert paid(world, order) == total
        assert send(world, order).json()["data"]["refundCreate"]["userErrors"] == []
        assert paid(world, order) == 10
        first, second = world.shop.money_calls
        assert (first.fault, first.key, first.note) == (kind, "k", "[makegood:test] refund")
        before = first.outcome is MoneyOutcome.NOT_RUN
        assert before == (total == 0)
        assert second.outcome is (MoneyOutcome.CREATED if before else MoneyOutcome.REPEATED)


@pytest.mark.parametrize(
    ("fault", "status", "total"),
    [
        (Fault(FaultKind.STATUS_BEFORE, status=503, seconds=2.0), 503, 0),
        (Fault(FaultKind.STATUS_AFTER, status=502), 502, 10),
        (Fault(FaultKind.HTML_BEFORE), 200, 0),
        (Fault(FaultKind.HTML_AFTER), 200, 10),
        (Fault(FaultKind.REDIRECT), 301, 0),
        (Fault(FaultKind.TOKEN_EXPIRED), 401, 0),
    ],
)
def test_answers_that_are_no_answer(fault: Fault, status: int, total: int) -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.faults.add("refundCreate", fault)
        answer = send(world, order)
        assert answer.status_code == status
        assert paid(world, order) == total
        assert answer.headers.get("Retry-After") == ("2" if fault.seconds else None)
        html = "html" in fault.kind or "status" in fault.kind
        assert answer.headers.get("Content-Type", "").startswith("text/html") == html


def test_a_truncated_answer() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.faults.add("refundCreate", Fault(FaultKind.TRUNCATE_AFTER))
        answer = send(world, order)
        assert answer.status_code == 200
        with pytest.raises(ValueError, match=r"line \d+ column \d+"):
            answer.json()
        assert paid(world, order) == 10


def test_throttled_is_http_200_and_ran_nothing() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.faults.add("*", Fault(FaultKind.THROTTLE, seconds=1.5))
        answer = send(world, order)
        body = answer.json()
        assert answer.status_code == 200
        assert (body["data"], body["errors"][0]["extensions"]["code"]) == (None, "THROTTLED")
        cost = body["extensions"]["cost"]
        bucket = cost["throttleStatus"]
        assert (cost["requestedQueryCost"] - bucket["currentlyAvailable"]) / bucket["restoreRate"] == 1.5
        assert paid(world, order) == 0
        assert world.shop.money_calls[0].outcome is MoneyOutcome.NOT_RUN


def test_errors_beside_data() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.faults.add("refundCreate", Fault(FaultKind.ERRORS_WITH_DATA))
        body = send(world, order).json()
        assert body["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
        assert body["data"]["refundCreate"]["refund"]["id"]
        assert paid(world, order) == 10


@pytest.mark.parametrize("text", ["", "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED: retry with a new key"])
def test_a_refusal_on_demand(text: str) -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.faults.add("refundCreate", Fault(FaultKind.REFUSE, text=text))
        (error,) = send(world, order).json()["data"]["refundCreate"]["userErrors"]
        assert error == {"field": None, "message": text or "The refund could not be made"}
        assert paid(world, order) == 0


@pytest.mark.parametrize(("kind", "total"), [(FaultKind.SLOW_BEFORE, 0), (FaultKind.SLOW_AFTER, 10)])
def test_a_call_that_nobody_waits_for_runs_all_the_same(kind: FaultKind, total: int) -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.faults.add("refundCreate", Fault(kind, seconds=1.0))
        with pytest.raises(httpx.ReadTimeout):
            world.client.post(
                "/admin/api/2026-10/graphql.json",
                json={"query": REFUND_CREATE, "variables": {"input": refund_input(order, "10.00"), "key": "k"}},
                headers={"X-Shopify-Access-Token": world.token},
                timeout=0.2,
            )
        assert paid(world, order) == total
        wait_until(lambda: paid(world, order) == 10)


def test_reading_has_faults_too() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.faults.add("order", Fault(FaultKind.STATUS_BEFORE, status=500))
        query = "query Q($id: ID!) { order(id: $id) { id } }"
        assert [world.post(query, {"id": order.gid}).status_code for _ in range(2)] == [500, 200]


def test_a_fault_about_one_order_spares_the_others() -> None:
    with served() as world:
        struck, spared = world.shop.create_order([LAMP]), world.shop.create_order([LAMP])
        world.shop.faults.add("refundCreate", Fault(FaultKind.STATUS_BEFORE, 503), about=str(struck.id))
        assert world.post(REFUND_CREATE, {"input": refund_input(spared, "10.00"), "key": "a"}).status_code == 200
        assert world.post(REFUND_CREATE, {"input": refund_input(struck, "10.00"), "key": "b"}).status_code == 503
        assert (paid(world, spared), paid(world, struck)) == (10, 0)


def test_a_standing_fault_stands_until_it_is_lifted() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.faults.stand("refundCreate", Fault(FaultKind.STATUS_BEFORE, 503), str(order.id))
        assert [send(world, order).status_code for _ in range(3)] == [503] * 3
        world.shop.faults.lift("refundCreate", str(order.id))
        assert send(world, order).status_code == 200
        assert paid(world, order) == 10


@pytest.mark.parametrize(
    ("kind", "code", "again"),
    [
        (FaultKind.KEY_CONCURRENT, "IDEMPOTENCY_CONCURRENT_REQUEST", 10),
        (FaultKind.KEY_MISMATCH, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", 10),
        (FaultKind.KEY_PREVIOUS_FAILED, "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", 0),
    ],
)
def test_trouble_with_the_key(kind: FaultKind, code: str, again: int) -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.faults.add("refundCreate", Fault(kind))
        assert send(world, order).json()["errors"][0]["extensions"]["code"] == code
        assert paid(world, order) == 0
        # A key whose first attempt failed never makes a refund; the others were only a bad moment.
        send(world, order)
        assert paid(world, order) == again
