from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook
from starlette.types import Receive, Scope, Send

from app.errors import ConfigError
from app.outcomes import Ok, Rejected, Unknown
from app.sandbox.server import LoopbackServer
from app.suppliers import http
from app.suppliers.base import SupplierAnswer, SupplierChannel, SupplierOutcome, SupplierStatus
from app.suppliers.http import HttpSupplier
from app.webhooks.signatures import verify_standard_webhook

SECRET = "whsec_c3VwcGxpZXItc2VjcmV0LW9mLXRlc3Rz"
TOKEN = "token-of-tests"
CASE = "01990000-0000-7000-8000-000000000001"
BODY = {"return_id": CASE, "reference": "MG-7K3F9Q", "lines": [{"title": "Lampe à poser", "quantity": 1}]}


def supplier_with(handler: Callable[[httpx.Request], httpx.Response]) -> HttpSupplier:
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    return HttpSupplier(
        "acme", base_url="https://acme.example/api/", api_token=TOKEN, webhook_secret=SECRET, client=client
    )


def answering(status: int, content: Any = None, headers: dict[str, str] | None = None) -> HttpSupplier:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return supplier_with(lambda _request: httpx.Response(status, content=raw, headers=headers))


async def recorded(call: Callable[[HttpSupplier], Awaitable[SupplierOutcome]]) -> tuple[httpx.Request, SupplierOutcome]:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"status": "pending"})

    outcome = await call(supplier_with(handler))
    assert len(seen) == 1
    return seen[0], outcome


async def test_opening_is_signed_keyed_and_authorised() -> None:
    request, outcome = await recorded(lambda supplier: supplier.open_return(BODY, CASE))
    assert outcome == Ok(SupplierAnswer(SupplierStatus.PENDING))
    assert (request.method, str(request.url)) == ("POST", "https://acme.example/api/returns")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["idempotency-key"] == CASE
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == f"msg_{CASE}"
    assert json.loads(request.content) == BODY
    assert Webhook(SECRET).verify(request.content, dict(request.headers)) == BODY
    assert verify_standard_webhook(SECRET, request.content, request.headers, datetime.now(UTC))


async def test_the_same_return_is_the_same_bytes_in_any_order_of_keys() -> None:
    first, _ = await recorded(lambda supplier: supplier.open_return(BODY, CASE))
    again, _ = await recorded(lambda supplier: supplier.open_return(dict(reversed(BODY.items())), CASE))
    assert first.content == again.content
    assert b", " not in first.content


async def test_polling_has_no_body_and_no_signature() -> None:
    request, outcome = await recorded(lambda supplier: supplier.poll("a/b"))
    assert outcome == Ok(SupplierAnswer(SupplierStatus.PENDING))
    assert (request.method, request.url.raw_path) == ("GET", b"/api/returns/a%2Fb")
    assert request.content == b""
    assert not [name for name in request.headers if name.startswith("webhook-")]


async def test_cancelling_is_signed_with_an_id_of_its_own() -> None:
    request, outcome = await recorded(lambda supplier: supplier.cancel(CASE))
    assert isinstance(outcome, Ok)
    assert (request.method, request.url.path) == ("POST", f"/api/returns/{CASE}/cancel")
    assert request.headers["webhook-id"] != f"msg_{CASE}"
    assert Webhook(SECRET).verify(request.content, dict(request.headers)) == {"return_id": CASE}


async def test_cancelling_asks_nothing_of_the_answers_body() -> None:
    assert await answering(202, b"").cancel(CASE) == Ok(SupplierAnswer(SupplierStatus.PENDING))


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_an_authorization_is_read(status: int) -> None:
    answer = {"status": "authorized", "rma_number": "RMA-1", "instructions": "Use the box"}
    expected = SupplierAnswer(SupplierStatus.AUTHORIZED, rma_number="RMA-1", instructions="Use the box")
    assert await answering(status, answer).open_return(BODY, CASE) == Ok(expected)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b"<html>Welcome, Jane Doe</html>"),
        (200, b""),
        (200, ["authorized"]),
        (200, {"status": "Jane Doe"}),
        (201, {"status": "confirmed", "lines": [{"line_id": "1", "accepted_quantity": -1}]}),
        (200, b'{"status":"pending"}' + b" " * 300_000),
        (204, b""),
        (206, {"status": "pending"}),
        (304, b""),
    ],
)
async def test_an_answer_that_makes_no_sense_needs_a_person(status: int, content: Any) -> None:
    outcome = await answering(status, content).open_return(BODY, CASE)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.retryable) == ("supplier_nonsense", False)
    assert len(outcome.detail) < 120
    assert "Jane" not in outcome.detail


async def test_a_body_that_cannot_be_unpacked_makes_no_sense() -> None:
    outcome = await answering(200, b"not gzip", {"content-encoding": "gzip"}).poll(CASE)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "supplier_nonsense"


@pytest.mark.parametrize("location", ["https://elsewhere.example/returns", "//[", "ftp://x", "\x7f"])
async def test_redirects_are_not_followed(location: str) -> None:
    calls: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(str(request.url))
        return httpx.Response(307, headers={"location": location})

    outcome = await supplier_with(handler).open_return(BODY, CASE)
    assert not isinstance(outcome, Ok)
    assert calls == ["https://acme.example/api/returns"]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_busy_supplier_is_asked_again_later(status: int) -> None:
    outcome = await answering(status, b"busy", {"retry-after": "17"}).open_return(BODY, CASE)
    assert isinstance(outcome, Rejected)
    assert (outcome.retryable, outcome.retry_after) == (True, 17.0)


async def test_a_date_to_retry_after_becomes_seconds() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    outcome = await answering(503, b"", {"retry-after": until}).poll(CASE)
    assert isinstance(outcome, Rejected)
    assert outcome.retry_after == pytest.approx(600, abs=5)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("soon", None), ("-5", None), ("999999999", 86400.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("", None)],
)
async def test_an_odd_retry_after_does_no_harm(header: str, seconds: float | None) -> None:
    outcome = await answering(429, b"", {"retry-after": header}).poll(CASE)
    assert isinstance(outcome, Rejected)
    assert outcome.retry_after == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
async def test_a_refused_call_needs_a_person(status: int) -> None:
    outcome = await answering(status, {"detail": "no"}).open_return(BODY, CASE)
    assert outcome == Rejected("supplier_refused_call", f"The supplier answered HTTP {status}")


async def test_a_return_that_the_supplier_does_not_know_is_told_apart() -> None:
    outcome = await answering(404).poll(CASE)
    assert outcome == Rejected("supplier_unknown_return", "The supplier answered HTTP 404")


@pytest.mark.parametrize(
    "error", [httpx.ConnectTimeout, httpx.ReadTimeout, httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError]
)
async def test_trouble_on_the_way_proves_nothing(error: type[httpx.TransportError]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error("boom " + TOKEN, request=request)

    outcome = await supplier_with(handler).open_return(BODY, CASE)
    assert isinstance(outcome, Unknown)
    assert TOKEN not in outcome.detail


async def test_an_answer_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    monkeypatch.setattr(http, "_WHOLE_CALL", 0.05)
    supplier = supplier_with(lambda _request: httpx.Response(200, content=drip()))
    assert isinstance(await supplier.open_return(BODY, CASE), Unknown)


async def test_a_connection_cut_in_the_middle_proves_nothing() -> None:
    async def cut(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]})
        await send({"type": "http.response.body", "body": b'{"status":', "more_body": True})
        scope["disconnect"]()

    with LoopbackServer(cut) as url:
        supplier: SupplierChannel = HttpSupplier("acme", base_url=url, api_token=TOKEN, webhook_secret=SECRET)
        assert isinstance(await supplier.open_return(BODY, CASE), Unknown)
        await supplier.aclose()
        gone = HttpSupplier("acme", base_url=url, api_token=TOKEN, webhook_secret=SECRET)
    assert isinstance(await gone.poll(CASE), Unknown)
    await gone.aclose()


async def test_a_client_that_is_given_stays_open() -> None:
    supplier = answering(200, {"status": "pending"})
    await supplier.aclose()
    assert isinstance(await supplier.poll(CASE), Ok)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_é", "whsec_a"])
def test_an_unusable_secret_is_a_setting_to_mend(secret: str) -> None:
    with pytest.raises(ConfigError, match="MAKEGOOD_SUPPLIERS__ACME__WEBHOOK_SECRET"):
        HttpSupplier("acme", base_url="https://acme.example", api_token=TOKEN, webhook_secret=secret)
