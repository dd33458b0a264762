"""How long a request's body may take. The server itself would wait for ever for a sender that never finishes."""

from __future__ import annotations

import asyncio
import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Seconds for the whole body. A 5 MiB webhook at 2 Mbit/s takes 21.
BODY_SECONDS = 30.0
# The same for a form with files, which may be photos: 40 MiB at 2 Mbit/s take 168.
PHOTO_SECONDS = 180.0
_TOO_SLOW = {
    "type": "about:blank",
    "title": "The body came too slowly",
    "status": 408,
    "code": "body_too_slow",
    "detail": "The body was not complete in time; send it again.",
}


class BodyDeadline:
    """Answers 408 when a request's body is not complete `seconds` after the request began, `photo_seconds` with photos.

    The application then sees what it would see if the sender had hung up, and what it still says is dropped.
    """

    def __init__(self, app: ASGIApp, seconds: float = BODY_SECONDS, photo_seconds: float = PHOTO_SECONDS) -> None:
        self._app = app
        self._seconds = seconds
        self._photo_seconds = photo_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind = dict(scope["headers"]).get(b"content-type", b"")
        seconds = self._photo_seconds if kind.startswith(b"multipart/") else self._seconds
        exchange = _Exchange(receive, send, asyncio.get_running_loop().time() + seconds)
        exchange.expected = any(name == b"expect" for name, _ in scope["headers"])
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            # It was answered and is in the log without its text, which may hold what a customer wrote; the server
            # would log it once more, text included.
            if not exchange.answered:
                raise


class _Exchange:
    """One request: whether its body is complete, whether an answer has begun, whether the deadline has passed."""

    def __init__(self, receive: Receive, send: Send, deadline: float) -> None:
        self.late = False
        self._receive = receive
        self._send = send
        self._deadline = deadline
        self.expected = False
        self._complete = False
        self._asked = False
        self._answering = False

    @property
    def answered(self) -> bool:
        """Whether an answer has begun, ours or the application's."""
        return self.late or self._answering

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        self._asked = True
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
            if self.expected and not self._asked and message["type"] == "http.response.start":
                # Its body waits for a word that will not come: what follows on this connection could be anything.
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            self._answering = True
            await self._send(message)

    async def _refuse(self) -> None:
        if self.answered:
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
