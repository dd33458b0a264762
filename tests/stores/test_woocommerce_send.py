"""Sending a refund: one POST, whatever happens, and the right name for what happened."""

from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.orders.snapshot import RefundState
from app.outcomes import Ok, Rejected, Unknown
from app.stores.asked import RefundAnswer
from app.stores.woocommerce import WooStore
from tests.orders.woo_captures import error_case
from tests.stores.woo_fake import HTML, JSON, Cut, Say, ScriptedSite, Silence, Step, say
from tests.stores.woo_samples import booked, euros, prepared, store

_DATA = Path(__file__).parent.parent / "data" / "woocommerce"
_CERTIFICATE, _KEY = str(_DATA / "site-cert.pem"), str(_DATA / "site-key.pem")
_PATH = "/wp-json/wc/v3/orders/14/refunds"
_GENERAL = "woocommerce_rest_cannot_create_order_refund"


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    with ScriptedSite() as running:
        yield running


def assert_one_post(site: ScriptedSite, method: str = "stripe") -> None:
    assert [(asked.path, asked.query) for asked in site.posts] == [(_PATH, {})]
    assert json.loads(site.posts[0].body) == prepared(method).payload


async def outcome(site: ScriptedSite, woo: WooStore, *steps: Step, method: str = "stripe") -> RefundAnswer:
    site.script(*steps)
    answer = await woo.send_refund(prepared(method))
    assert_one_post(site, method)
    return answer


def state_of(answer: RefundAnswer) -> RefundState:
    assert isinstance(answer, Ok)
    assert answer.value.store_refund_id == "16"
    return answer.value.state


async def test_a_paid_refund(site: ScriptedSite, woo: WooStore) -> None:
    answer = await outcome(site, woo, say(booked(), 201))
    assert state_of(answer) is RefundState.SUCCEEDED
    assert isinstance(answer, Ok)
    assert answer.value.amount == euros(2141)
    assert len(site.asked) == 1


async def test_a_refund_that_is_only_booked_because_there_is_no_gateway(site: ScriptedSite, woo: WooStore) -> None:
    answer = await outcome(site, woo, say(booked(paid=False), 201), method="bacs")
    assert state_of(answer) is RefundState.SUCCEEDED


async def test_a_gateway_that_does_not_confirm(site: ScriptedSite, woo: WooStore) -> None:
    assert state_of(await outcome(site, woo, say(booked(paid=False), 201))) is RefundState.UNCLEAR
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("second", "state"),
    [
        (say(booked()), RefundState.SUCCEEDED),
        (say(booked(paid=False)), RefundState.UNCLEAR),
        (say(booked(paid=None)), RefundState.UNCLEAR),
        (say([]), RefundState.UNCLEAR),
        (say({"code": "woocommerce_rest_shop_order_refund_invalid_id"}, 404), RefundState.UNCLEAR),
        (Say(502, b"<html>", HTML), RefundState.UNCLEAR),
        (Cut(), RefundState.UNCLEAR),
    ],
)
async def test_an_answer_without_refunded_payment_is_read_back_once(
    site: ScriptedSite, woo: WooStore, second: Step, state: RefundState
) -> None:
    assert state_of(await outcome(site, woo, say(booked(paid=None), 201), second)) is state
    assert [(asked.method, asked.path) for asked in site.asked[1:]] == [("GET", f"{_PATH}/16")]


@pytest.mark.parametrize("name", ["invalid-line", "comma-amount", "empty-refund"])
async def test_the_traps_that_answer_201(site: ScriptedSite, woo: WooStore, name: str) -> None:
    status, body = error_case(name)
    answer = await outcome(site, woo, Say(status, body), method="bacs")
    assert isinstance(answer, Ok)
    assert answer.value.state is RefundState.UNCLEAR
    assert answer.value.amount == euros({"invalid-line": 100, "comma-amount": 15000, "empty-refund": 0}[name])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("unknown-order", "woocommerce_rest_invalid_order_id"),
        ("negative-amount", "woocommerce_rest_invalid_order_refund"),
        ("amount-as-number", "rest_invalid_param"),
        ("broken-json", "rest_invalid_json"),
        ("no-credentials", "woocommerce_rest_cannot_create"),
        ("wrong-secret", "woocommerce_rest_authentication_error"),
        ("read-only-key", "woocommerce_rest_authentication_error"),
    ],
)
async def test_refusals_that_precede_the_gateway(site: ScriptedSite, woo: WooStore, name: str, code: str) -> None:
    status, body = error_case(name)
    answer = await outcome(site, woo, Say(status, body))
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.retryable) == (code, False)


async def test_more_refusals_that_precede_the_gateway(site: ScriptedSite, woo: WooStore) -> None:
    site.script(Say(401, b"<html>Authorization Required", HTML), say({"code": "rest_no_route", "data": {}}, 404))
    first, second = await woo.send_refund(prepared()), await woo.send_refund(prepared())
    assert isinstance(first, Rejected)
    assert isinstance(second, Rejected)
    assert (first.code, second.code) == ("unauthorized", "rest_no_route")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(site: ScriptedSite, woo: WooStore, status: int) -> None:
    moved = Say(status, b"", HTML, {"Location": "https://www.shop.example/wp-json/wc/v3/orders/14/refunds?key=hidden"})
    answer = await outcome(site, woo, moved, say(booked()))
    assert isinstance(answer, Unknown)
    assert answer.code == "redirected"
    assert "https://www.shop.example;" in answer.detail
    assert "hidden" not in answer.detail
    assert len(site.asked) == 1


@pytest.mark.parametrize("name", ["over-refund", "gateway-without-refunds"])
async def test_the_general_refusal_proves_nothing_when_a_gateway_was_asked(
    site: ScriptedSite, woo: WooStore, name: str
) -> None:
    status, body = error_case(name)
    answer = await outcome(site, woo, Say(status, body))
    assert isinstance(answer, Unknown)
    assert answer.code == _GENERAL


async def test_the_general_refusal_without_a_gateway_moved_nothing(site: ScriptedSite, woo: WooStore) -> None:
    status, body = error_case("over-refund")
    answer = await outcome(site, woo, Say(status, body), method="bacs")
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.retryable) == ("cannot_create", False)


async def test_a_gateways_words_are_kept_without_private_ones(site: ScriptedSite, woo: WooStore) -> None:
    message = "<b>Karte</b> 4242424242424242 von ana@example.com abgelaufen"
    answer = await outcome(site, woo, say({"code": _GENERAL, "message": message, "data": 500}, 500))
    assert isinstance(answer, Unknown)
    assert "abgelaufen" in answer.detail
    assert not any(part in answer.detail for part in ("4242", "ana@", "<b>"))


@pytest.mark.parametrize(
    "step",
    [
        say(booked(), 200),
        say(booked(), 202),
        say(booked() | {"id": "16"}, 201),
        say(booked() | {"id": True}, 201),
        say({}, 201),
        say([], 201),
        Say(201, b"", JSON),
        Say(201, json.dumps(booked(), default=str).encode(), HTML),
        Say(201, json.dumps(booked(), default=str).encode()[:-40]),
        Say(201, b"<br /><b>Warning</b>: x in y.php" + b"{}"),
        Say(201, json.dumps(booked(), default=str).encode()[:50], announced=5000),
        Say(500, b"<html>There has been a critical error", HTML),
        say({"code": "internal_server_error", "message": "x", "data": {"status": 500}}, 500),
        say({"code": "woocommerce_rest_shop_order_refund_not_created", "message": "x"}, 400),
        say({"code": "rest_forbidden"}, 403),
        say({"code": "woocommerce_rest_shop_order_invalid_id"}, 404),
        Say(400, b"rest_invalid_param", HTML),
        Say(403, b"<html>Forbidden", HTML),
        Say(404, b"<html>Not found", HTML),
        Say(502, b"", HTML),
        Say(503, b"<html>", HTML),
        Say(504, b"<html>", HTML),
        say({"code": "too_many_requests"}, 429, Retry_After="3"),
        Say(429, b"slow down", "text/plain"),
        Cut(),
    ],
)
async def test_everything_else_is_unknown(site: ScriptedSite, woo: WooStore, step: Step) -> None:
    assert isinstance(await outcome(site, woo, step), Unknown)
    assert len(site.asked) == 1


async def test_a_slow_gateway_is_unknown(site: ScriptedSite) -> None:
    hasty = store(site.url, read_timeout=0.2)
    answer = await outcome(site, hasty, Silence())
    assert isinstance(answer, Unknown)
    assert answer.code == "no_answer"
    await hasty.aclose()


async def test_a_call_that_drips_on_has_an_end(site: ScriptedSite, monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = store(site.url)
    monkeypatch.setattr(hasty._client, "_limit", 0.2)
    assert isinstance(await outcome(site, hasty, Silence()), Unknown)
    await hasty.aclose()


async def test_what_never_left_may_be_sent_again() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}"
        woo = store(closed)
        answer = await woo.send_refund(prepared())
        await woo.aclose()
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.retryable) == ("not_sent", True)
    assert "cs_secret" not in answer.detail
    assert "oauth" not in answer.detail


def _no_such_name(*_: Any, **__: Any) -> Any:
    raise socket.gaierror(-2, "Name or service not known")


def _no_answer_to_syn(*_: Any, **__: Any) -> Any:
    raise TimeoutError("timed out")


@pytest.mark.parametrize("failure", [_no_such_name, _no_answer_to_syn])
async def test_a_connection_that_never_was(monkeypatch: pytest.MonkeyPatch, failure: Any) -> None:
    monkeypatch.setattr("urllib3.util.connection.create_connection", failure)
    woo = store("https://shop.example")
    answer = await woo.send_refund(prepared())
    await woo.aclose()
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.retryable) == ("not_sent", True)


async def test_a_reset_after_connecting_is_unknown(monkeypatch: pytest.MonkeyPatch, site: ScriptedSite) -> None:
    def reset(*_: Any, **__: Any) -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr("urllib3.connection.HTTPConnection.getresponse", reset)
    woo = store(site.url)
    answer = await woo.send_refund(prepared())
    await woo.aclose()
    assert isinstance(answer, Unknown)


async def test_an_odd_order_id_is_never_sent(site: ScriptedSite, woo: WooStore) -> None:
    answer = await woo.send_refund(dataclasses.replace(prepared(), order_id="14/../15"))
    assert isinstance(answer, Rejected)
    assert site.asked == []


async def test_over_tls_with_an_authority_of_ones_own() -> None:
    with ScriptedSite((_CERTIFICATE, _KEY)) as site:
        woo = store(site.url, ca_file=_CERTIFICATE)
        answer = await outcome(site, woo, say(booked(), 201))
        await woo.aclose()
        assert state_of(answer) is RefundState.SUCCEEDED
        assert site.posts[0].headers["authorization"].startswith("Basic ")


async def test_an_unknown_authority_is_not_trusted_and_nothing_is_sent() -> None:
    with ScriptedSite((_CERTIFICATE, _KEY)) as site:
        woo = store(site.url)
        answer = await woo.send_refund(prepared())
        await woo.aclose()
        assert site.asked == []
    assert isinstance(answer, Rejected)
    assert answer.code == "not_sent"
