"""The short way of webhooks answers what the framework's way answers; everything else goes the framework's way."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from httpx import ASGITransport, AsyncClient, Response
from starlette.types import Message, Receive, Scope, Send

from app.main import create_app
from app.runtime import Runtime
from app.webhooks.door import Door
from app.webhooks.intake import Intake
from tests.webhooks.test_intake import body_of, deliveries, sign

SIGNED = {"x-shopify-topic": "orders/updated", "x-shopify-hmac-sha256": sign("alpha-secret", body_of())}


@pytest.fixture
async def long_way(runtime: Runtime) -> AsyncIterator[AsyncClient]:
    """A client of the service without its door."""
    app = create_app(runtime)
    before = len(app.user_middleware)
    app.user_middleware = [one for one in app.user_middleware if one.cls is not Door]  # type: ignore[comparison-overlap]
    assert len(app.user_middleware) == before - 1
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://makegood.test") as http:
        yield http


def told(answer: Response) -> tuple[int, object, str | None, str | None]:
    content = answer.json() if answer.content else None
    return answer.status_code, content, answer.headers.get("content-type"), answer.headers.get("retry-after")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "shopify/alpha", body_of(), 200),
        ("POST", "shopify/alpha", b"{}", 401),
        ("POST", "shopify/beta", body_of(), 404),
        ("POST", "woocommerce/beta", body_of(), 401),
        ("POST", "suppliers/acme", body_of(), 401),
        ("POST", "suppliers/no%2Fone", body_of(), 404),
        ("POST", "shopify/alpha/", body_of(), 307),
        ("POST", "shopify/", body_of(), 404),
        ("POST", "magento/alpha", body_of(), 404),
        ("GET", "shopify/alpha", b"", 405),
        ("POST", "shopify/alpha", b" " * (5 * 1024 * 1024 + 1), 413),
    ],
)
async def test_both_ways_answer_the_same(
    client: AsyncClient, long_way: AsyncClient, method: str, path: str, body: bytes, status: int
) -> None:
    short, long = [
        told(await one.request(method, f"http://makegood.test/webhooks/{path}", content=body, headers=SIGNED))
        for one in (client, long_way)
    ]
    assert short[0] == status
    assert short == long


async def test_both_ways_say_when_nothing_was_stored(
    client: AsyncClient, long_way: AsyncClient, runtime: Runtime
) -> None:
    await runtime.intake.aclose()
    runtime.intake = Intake("postgresql://nobody@127.0.0.1:9/none")
    short, long = [
        told(await one.post("http://makegood.test/webhooks/shopify/alpha", content=body_of(), headers=SIGNED))
        for one in (client, long_way)
    ]
    assert short == long
    assert (short[0], short[3]) == (503, "5")


async def test_of_two_signatures_the_first_counts(client: AsyncClient, runtime: Runtime) -> None:
    both = [("x-shopify-hmac-sha256", sign("alpha-secret", body_of())), ("x-shopify-hmac-sha256", "wrong")]
    path = "/webhooks/shopify/alpha"
    assert (await client.post(path, content=body_of(), headers=both)).status_code == 200
    assert (await client.post(path, content=body_of(), headers=both[::-1])).status_code == 401


async def test_a_sender_that_hangs_up_in_the_middle_stores_nothing(runtime: Runtime) -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": body_of()[:10], "more_body": True},
        {"type": "http.disconnect"},
    ]
    said: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        said.append(message)

    async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("it was handed on")

    headers = [(name.encode(), value.encode()) for name, value in SIGNED.items()]
    scope = {"type": "http", "method": "POST", "path": "/webhooks/shopify/alpha", "headers": headers}
    await Door(nobody, runtime, lambda error: pytest.fail(str(error)))(scope, receive, send)
    assert said == []
    assert await deliveries(runtime) == []
