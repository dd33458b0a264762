"""A system of the merchant's own that takes events: it checks every signature, keeps what came, and fails on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.sandbox.faults import FaultPlan
from app.sandbox.wire_faults import play_after, play_before


@dataclass(frozen=True, slots=True)
class TakenEvent:
    """One event that was taken: its `webhook-id`, its headers, and its body as sent."""

    id: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        """What kind of event it is."""
        return str(self.body["type"])


class EventReceiver:
    """Takes events at `routes()`. Thread-safe. Faults are planned for the operation `POST`.

    An event whose signature is wrong is answered 401 and counted in `refused`. `about` of a fault is an event's type.
    """

    def __init__(self, secret: str, faults: FaultPlan | None = None) -> None:
        self.faults = faults or FaultPlan()
        self._secret = secret
        self._lock = threading.Lock()
        self._taken: list[TakenEvent] = []
        self._refused = 0

    @property
    def taken(self) -> list[TakenEvent]:
        """Everything that was taken, in the order in which it came; repeats are there as often as they came."""
        with self._lock:
            return list(self._taken)

    @property
    def refused(self) -> int:
        """How many calls had a wrong signature."""
        with self._lock:
            return self._refused

    def rotate(self, secret: str) -> None:
        """From now on only this secret is right."""
        self._secret = secret

    def routes(self) -> list[Route]:
        """The path that takes events."""
        return [Route("/", self._take, methods=["POST"])]

    async def _take(self, request: Request) -> Response:
        raw = await request.body()
        headers = {name: value for name, value in request.headers.items() if name.startswith("webhook-")}
        try:
            body = Webhook(self._secret).verify(raw, headers)
        except (WebhookVerificationError, ValueError):
            with self._lock:
                self._refused += 1
            return PlainTextResponse("the signature is wrong", 401)
        fault = self.faults.take("POST", str(body.get("type")))
        early = await play_before(request, fault, _failure)
        if early is not None:
            return early
        with self._lock:
            self._taken.append(TakenEvent(headers["webhook-id"], headers, json.loads(raw)))
        return await play_after(request, fault, PlainTextResponse("taken"), _failure)


def _failure(status: int, text: str) -> Response:
    return PlainTextResponse(text or f"HTTP {status}", status)
