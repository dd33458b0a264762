"""How long a request's body may take. The server itself would wait for ever for a sender that never finishes."""

from __future__ import annotations

import asyncio
import json

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Seconds for the whole body. A 5 MiB webhook at 2 Mbit/s takes 21.
BODY_SECONDS = 30.0
_TOO_SLOW = {
    "type": "about:blank",
    "title": "The body came too slowly",
    "status": 408,
    "code": "body_too_slow",
    "detail": "The body was not complete in time; send it again.",
}


class BodyDeadline:
    """Answers 408 when a request's body is not complete `seconds` after the request began.

    The application then sees what it would see if the sender had hung up, and what it still says is dropped.
    """

    def __init__(self, app: ASGIApp, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, asyncio.get_running_loop().time() + self._seconds)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            if not exchange.late:
                raise


class _Exchange:
    """One request: whether its body is complete, whether an answer has begun, whether the deadline has passed."""

    def __init__(self, receive: Receive, send: Send, deadline: float) -> None:
        self.late = False
        self._receive = receive
        self._send = send
        self._deadline = deadline
        self._complete = False
        self._answering = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            await self._refuse()
            return {"type": "http.disconnect"}
        self._complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if not self.late:
            self._answering = True
            await self._send(message)

    async def _refuse(self) -> None:
        if self.late or self._answering:
            return
        self.late = True
        body = json.dumps(_TOO_SLOW).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await self._send({"type": "http.response.start", "status": 408, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
