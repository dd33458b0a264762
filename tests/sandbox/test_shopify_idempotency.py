"""`@idempotent` on refundCreate of the sandbox's Shopify shop: one key, one refund."""

from __future__ import annotations

import threading
from datetime import timedelta

from app.clock import MovableClock
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify.idempotency import MoneyOutcome
from tests.sandbox.shopify_kit import LAMP, Json, made, refund_input, refused, served, wait_until


def test_the_directive_is_required() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        bare = "mutation M($i: RefundInput!) { refundCreate(input: $i) { refund { id } } }"
        body = world.run(bare, {"i": refund_input(order, "10.00")})
        (error,) = body["errors"]
        assert error["message"] == "The @idempotent directive is required for this mutation but was not provided."
        assert (error["path"], error["extensions"]["code"]) == (["refundCreate"], "BAD_REQUEST")
        assert body["data"] == {"refundCreate": None}
        assert world.pay(refund_input(order, "10.00"), "  ")["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        outside = 'mutation M($i: RefundInput!) @idempotent(key: "k") { refundCreate(input: $i) { refund { id } } }'
        assert "data" not in world.run(outside, {"i": refund_input(order, "10.00")})
        assert world.shop.refunds(order.id) == []


def test_a_key_makes_one_refund() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        asked = refund_input(order, "10.00")
        first, second = made(world.pay(asked, "k")), made(world.pay(asked, "k"))
        assert first == second
        other = world.pay({**asked, "note": "other"}, "k")
        assert other["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
        assert other["data"] == {"refundCreate": None}
        outcomes = [call.outcome for call in world.shop.money_calls]
        assert outcomes == [MoneyOutcome.CREATED, MoneyOutcome.REPEATED, MoneyOutcome.ERROR]
        assert len(world.shop.refunds_marked("[makegood:test]")) == 1
        assert made(world.pay(asked, "another key"))["id"] != first["id"]
        assert len(world.shop.refunds_marked("[makegood:test]")) == 2


def test_a_refusal_is_remembered_too() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        asked = refund_input(order, "25.00")
        first = refused(world.pay(asked, "k"))
        assert refused(world.pay(asked, "k")) == first


def test_a_key_dies_after_a_day() -> None:
    clock = MovableClock()
    with served(clock=clock) as world:
        order = world.shop.create_order([LAMP])
        made(world.pay(refund_input(order, "10.00"), "k"))
        clock.move(timedelta(hours=24))
        made(world.pay(refund_input(order, "10.00"), "k"))
        assert world.shop.refunded_total(order.id) == 20


def test_a_key_in_use_is_refused_until_its_answer_is_out() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        asked = refund_input(order, "10.00")
        answers: list[Json] = []
        world.shop.faults.add("refundCreate", Fault(FaultKind.SLOW_AFTER, seconds=1.0))
        slow = threading.Thread(target=lambda: answers.append(world.pay(asked, "k")))
        slow.start()
        wait_until(lambda: bool(world.shop.refunds(order.id)))
        for _ in range(2):
            busy = world.pay(asked, "k")
            assert busy["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_CONCURRENT_REQUEST"
        slow.join()
        assert made(answers[0]) == made(world.pay(asked, "k"))
        assert world.shop.refunded_total(order.id) == 10
