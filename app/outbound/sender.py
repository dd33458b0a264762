"""Posts one signed event to one receiver, as Standard Webhooks has it. Knows no database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from standardwebhooks.webhooks import Webhook

from app import __version__
from app.http import tls_context
from app.outbound.plan import Answer, patience

# Seconds. Standard Webhooks asks receivers to answer within 15 to 30 s and do their work later; the whole bounds one
# that sends a byte at a time.
_PHASES = httpx.Timeout(connect=5.0, read=15.0, write=10.0, pool=5.0)
WHOLE_CALL = 20.0
# So much of an answer is kept for whoever looks into a failure.
_KEPT_BYTES = 1024
_USER_AGENT = f"Makegood/{__version__} (events)"


@dataclass(frozen=True, slots=True)
class Post:
    """What goes out: to where, under which id, signed with each of `secrets`. Keep url and secrets out of logs."""

    url: str
    secrets: Sequence[str]
    event_id: str
    body: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Post({self.event_id})"


class Sender:
    """`async with Sender() as sender:` keeps connections for one receiver; it follows no redirect, keeps no cookie."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(verify=tls_context(), timeout=_PHASES, follow_redirects=False)

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def post(self, post: Post) -> Answer:
        """Sends once. Never raises for what the receiver or the network does."""
        content = json.dumps(post.body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        # The machine's own clock: receivers refuse a timestamp that differs from theirs by minutes.
        now = datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
            "Accept-Encoding": "identity",
            "webhook-id": post.event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(Webhook(one).sign(post.event_id, now, content) for one in post.secrets),
        }
        self._client.cookies.clear()
        try:
            async with (
                asyncio.timeout(WHOLE_CALL),
                self._client.stream("POST", post.url, content=content.encode(), headers=headers) as response,
            ):
                return await _read(response, now)
        except TimeoutError:
            return Answer(error=f"no answer within {WHOLE_CALL:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Its text may hold the address, and with it a secret.
            return Answer(error=f"no answer: {type(error).__name__}")


async def _read(response: httpx.Response, now: datetime) -> Answer:
    """The answer counts with its head: a body that breaks off or never ends changes nothing."""
    body = bytearray()
    try:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) >= _KEPT_BYTES:
                break
    except httpx.HTTPError:
        body += b" (it broke off)"
    return Answer(
        status=response.status_code,
        body=clean(bytes(body[:_KEPT_BYTES])),
        retry_after=patience(response.headers.get("retry-after"), now),
    )


def clean(body: bytes) -> str | None:
    """An answer's bytes as one line of text that can be stored and shown: no control characters."""
    text = body.decode("utf-8", "replace")
    return "".join(char if char.isprintable() else " " for char in text).strip() or None
