from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest
import respx

from app.money import Money
from app.orders.snapshot import RefundState
from app.outcomes import Ok, Rejected, Unknown
from app.stores.asked import RefundProof
from tests.stores.shopify_shop import (
    OAUTH,
    Shop,
    data,
    errors,
    make_store,
    prepared,
    refunded,
    throttled,
)

pytestmark = pytest.mark.respx(assert_all_called=False)


async def send(answer: httpx.Response | Exception) -> Any:
    with respx.mock as router:
        Shop(router).on("RefundCreate", answer)
        return await make_store().send_refund(prepared())


async def test_what_was_stored_is_sent_to_the_letter(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("RefundCreate", data("refundCreate", refunded(("SUCCESS", "18.96"))))

    await make_store().send_refund(prepared())

    assert shop.asked("RefundCreate") == [prepared().payload]
    assert shop.requests[0].headers["X-Shopify-Access-Token"] == "shpat_static"
    assert "@idempotent(key: $idempotencyKey)" in shop.calls[0]["query"]


async def test_a_request_that_does_not_add_up_is_never_sent(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock)

    answer = await make_store().send_refund(prepared("18.95"))

    assert isinstance(answer, Rejected)
    assert (answer.code, answer.retryable, shop.calls) == ("payload_mismatch", False, [])


@pytest.mark.parametrize(
    ("movements", "state", "minor"),
    [
        ([("SUCCESS", "18.96")], RefundState.SUCCEEDED, 1896),
        ([("SUCCESS", "10.0"), ("SUCCESS", "8.960")], RefundState.SUCCEEDED, 1896),
        ([("SUCCESS", "10.0"), ("PENDING", "8.96")], RefundState.PENDING, 1896),
        ([("AWAITING_RESPONSE", "18.96")], RefundState.PENDING, 1896),
        ([("UNKNOWN", "18.96")], RefundState.PENDING, 1896),
        ([("FAILURE", "18.96")], RefundState.FAILED, 0),
        ([("ERROR", "10"), ("FAILURE", "8.96")], RefundState.FAILED, 0),
        ([("SUCCESS", "10"), ("FAILURE", "8.96")], RefundState.UNCLEAR, 1000),
        ([("SUCCESS", "18.95")], RefundState.UNCLEAR, 1895),
        ([("SUCCESS", "18.961")], RefundState.UNCLEAR, 1896),
        ([], RefundState.NO_MONEY, 0),
    ],
)
async def test_a_refund_is_only_as_good_as_its_transactions(
    movements: list[tuple[str, str]], state: RefundState, minor: int
) -> None:
    answer = await send(data("refundCreate", refunded(*movements)))

    assert isinstance(answer, Ok)
    assert isinstance(answer.value, RefundProof)
    assert (answer.value.store_refund_id, answer.value.state) == ("77", state)
    assert answer.value.amount == Money(minor, "USD", 2)


async def test_the_shops_own_amount_is_recorded() -> None:
    value = refunded(("SUCCESS", "18.96"))
    value["refund"]["transactions"]["nodes"][0]["amountSet"]["shopMoney"] = {"amount": "17.5", "currencyCode": "EUR"}

    answer = await send(data("refundCreate", value))

    assert answer.value.shop_amount == Money(1750, "EUR", 2)


async def test_money_in_another_currency_is_unclear() -> None:
    value = refunded(("SUCCESS", "18.96"))
    value["refund"]["transactions"]["nodes"][0]["amountSet"]["presentmentMoney"]["currencyCode"] = "EUR"

    answer = await send(data("refundCreate", value))

    assert answer.value.state is RefundState.UNCLEAR


async def test_a_gateways_error_is_told() -> None:
    value = refunded(("FAILURE", "18.96"))
    value["refund"]["transactions"]["nodes"][0]["errorCode"] = "CARD_DECLINED"

    assert (await send(data("refundCreate", value))).value.detail == "CARD_DECLINED"


def no_refund(*complaints: str) -> httpx.Response:
    said = [{"field": ["refundLineItems", "0", "quantity"], "message": each} for each in complaints]
    return data("refundCreate", {"refund": None, "userErrors": said})


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(401), "http_401"),
        (httpx.Response(402), "http_402"),
        (httpx.Response(403, text="<html>"), "http_403"),
        (httpx.Response(404, json={"errors": "Not Found"}), "http_404"),
        (httpx.Response(423), "http_423"),
        (no_refund("Quantity cannot refund more items than were purchased"), "user_errors"),
        (errors("BAD_REQUEST", data={"refundCreate": None}, path=["refundCreate"]), "bad_request"),
        (errors("INVALID_VARIABLE"), "invalid_variable"),
        (errors("argumentNotAccepted"), "argumentnotaccepted"),
        (errors("undefinedField"), "undefinedfield"),
        (errors("RESOURCE_NOT_FOUND"), "resource_not_found"),
        (errors("ACCESS_DENIED", data={"refundCreate": None}), "access_denied"),
        (errors("CURRENCY_CODE_INVALID", data={"refundCreate": None}), "currency_code_invalid"),
    ],
)
async def test_proof_that_nothing_was_made_and_that_repeating_is_no_use(answer: httpx.Response, code: str) -> None:
    outcome = await send(answer)

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.retryable) == (code, False)


@pytest.mark.parametrize(
    ("answer", "code", "retry_after"),
    [
        (throttled(), "throttled", 6.0),
        (httpx.Response(429, headers={"Retry-After": "2.5"}), "throttled", 2.5),
        (httpx.Response(429, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), "throttled", None),
        (httpx.ConnectError("refused"), "not_sent", None),
        (httpx.ConnectTimeout("slow"), "not_sent", None),
        (httpx.PoolTimeout("busy"), "not_sent", None),
    ],
)
async def test_proof_that_nothing_was_made_yet(answer: httpx.Response, code: str, retry_after: float | None) -> None:
    outcome = await send(answer)

    assert outcome == Rejected(code, outcome.detail, retryable=True, retry_after=retry_after)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.ReadTimeout("slow"), "timeout"),
        (httpx.WriteTimeout("slow"), "timeout"),
        (httpx.ReadError("cut"), "connection_lost"),
        (httpx.WriteError("cut"), "connection_lost"),
        (httpx.RemoteProtocolError("cut"), "connection_lost"),
        (httpx.Response(302, headers={"Location": "https://elsewhere.example"}), "redirected"),
        (httpx.Response(400), "http_400"),
        (httpx.Response(430), "http_430"),
        (httpx.Response(500), "http_500"),
        (httpx.Response(502, json={"data": None}), "http_502"),
        (httpx.Response(504), "http_504"),
        (httpx.Response(200, text="<html>maintenance</html>"), "unreadable_answer"),
        (httpx.Response(200, text='{"data": {"refundCreate": {"refund": {"id": "gid://'), "unreadable_answer"),
        (httpx.Response(200, text=""), "unreadable_answer"),
        (httpx.Response(200, json=[1]), "unreadable_answer"),
        (httpx.Response(200, json={"errors": "boom"}), "graphql_error"),
        (httpx.Response(200, json={}), "refund_missing"),
        (no_refund(), "refund_missing"),
        (errors("INTERNAL_SERVER_ERROR"), "graphql_error"),
        (errors("BAD_REQUEST", "INTERNAL_SERVER_ERROR"), "graphql_error"),
        (errors("ACCESS_DENIED", data={"refundCreate": None}, path=["refundCreate", "refund", "id"]), "graphql_error"),
        (errors("ACCESS_DENIED", data={"refundCreate": refunded(("SUCCESS", "18.96"))}), "errors_with_data"),
        (errors("THROTTLED", data={"refundCreate": refunded(("SUCCESS", "18.96"))}), "errors_with_data"),
        (data("refundCreate", refunded(("SUCCESS", "18.96"), complaints=("Odd",))), "user_errors_with_refund"),
        (errors("IDEMPOTENCY_CONCURRENT_REQUEST"), "idempotency_concurrent"),
        (no_refund("This request is currently in progress, please try again"), "idempotency_concurrent"),
        (no_refund("IDEMPOTENCY_KEY_PARAMETER_MISMATCH"), "idempotency_mismatch"),
        (
            errors("BAD_REQUEST", message="The idempotency key was used with different parameters"),
            "idempotency_mismatch",
        ),
        (errors("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"), "idempotency_previous_failed"),
        (no_refund("Something about the idempotency key"), "idempotency_error"),
    ],
)
async def test_everything_else_is_unknown(answer: httpx.Response, code: str) -> None:
    outcome = await send(answer)

    assert isinstance(outcome, Unknown)
    assert outcome.code == code


async def test_a_redirect_is_not_followed(respx_mock: respx.Router) -> None:
    elsewhere = respx_mock.post("https://elsewhere.example/").mock(return_value=httpx.Response(200))
    Shop(respx_mock).on("RefundCreate", httpx.Response(307, headers={"Location": "https://elsewhere.example/"}))

    assert isinstance(await make_store().send_refund(prepared()), Unknown)
    assert not elsewhere.called


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        (httpx.Response(400, json={"error": "invalid_client"}), "token_refused", False),
        (httpx.Response(503), "token_unavailable", True),
        (httpx.ReadTimeout("slow"), "token_unavailable", True),
    ],
)
async def test_without_a_token_nothing_is_sent(
    respx_mock: respx.Router, answer: httpx.Response | Exception, code: str, retryable: bool
) -> None:
    respx_mock.post(OAUTH).mock(side_effect=[answer])
    shop = Shop(respx_mock)

    outcome = await make_store(access_token=None, client_id="app").send_refund(prepared())

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.retryable, shop.calls) == (code, retryable, [])


async def test_an_expired_token_is_renewed_and_the_same_refund_sent_again(respx_mock: respx.Router) -> None:
    tokens = [httpx.Response(200, json={"access_token": each, "expires_in": 86399}) for each in ("old", "new")]
    respx_mock.post(OAUTH).mock(side_effect=tokens)
    good = data("refundCreate", refunded(("SUCCESS", "18.96")))
    shop = Shop(respx_mock).on("RefundCreate", httpx.Response(401), good)

    outcome = await make_store(access_token=None, client_id="app").send_refund(prepared())

    assert isinstance(outcome, Ok)
    assert [each.headers["X-Shopify-Access-Token"] for each in shop.requests] == ["old", "new"]
    assert shop.asked("RefundCreate") == [prepared().payload] * 2


async def test_a_second_401_ends_it(respx_mock: respx.Router) -> None:
    tokens = [httpx.Response(200, json={"access_token": each, "expires_in": 86399}) for each in ("old", "new")]
    respx_mock.post(OAUTH).mock(side_effect=tokens)
    shop = Shop(respx_mock).on("RefundCreate", httpx.Response(401))

    outcome = await make_store(access_token=None, client_id="app").send_refund(prepared())

    assert isinstance(outcome, Rejected)
    assert (outcome.code, len(shop.calls)) == ("http_401", 2)


async def test_a_port_that_nobody_listens_on_is_not_sent() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        store = make_store(api_url=url)
        outcome = await store.send_refund(prepared())
        await store.aclose()

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.retryable) == ("not_sent", True)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (None, "connection_lost"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"data": {', "connection_lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + b'{"data": {', "unreadable_answer"),
    ],
)
async def test_a_connection_that_is_cut_is_unknown(said: bytes | None, code: str) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        if said:
            writer.write(said)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(cut, "127.0.0.1", 0) as server:
        store = make_store(api_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        outcome = await store.send_refund(prepared())
        await store.aclose()

    assert isinstance(outcome, Unknown)
    assert outcome.code == code


async def test_an_answer_that_does_not_end_is_unknown() -> None:
    stop = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        await stop.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        store = make_store(api_url=url, connect_timeout=0.5, read_timeout=0.05)
        outcome = await store.send_refund(prepared())
        await store.aclose()
        stop.set()

    assert isinstance(outcome, Unknown)
    assert outcome.code == "timeout"
