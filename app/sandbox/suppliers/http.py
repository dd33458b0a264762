"""The HTTP side of a sandbox supplier: bearer token, signature, faults, and a log of every call."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.sandbox.faults import FaultPlan
from app.sandbox.suppliers.model import SupplierCall
from app.sandbox.wire_faults import play_after, play_before


@dataclass(slots=True)
class Reply:
    """What a supplier answers; `payload` is sent as it is when it is bytes."""

    payload: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """The reply as a response."""
        content = self.payload if isinstance(self.payload, bytes) else json.dumps(self.payload).encode()
        return Response(content, self.status, self.headers, media_type="application/json")


def problem(status: int, text: str) -> Reply:
    """An error answer of a supplier; the contract fixes only its status."""
    return Reply({"error": text}, status)


Endpoint = Callable[[SupplierCall, Request], Reply]


def _failure(status: int, text: str) -> Response:
    return problem(status, text or "The supplier's system is not available").response()


class SupplierApi:
    """Lets a call through to an endpoint when it may come in. Reading needs no signature; a wrong one never passes."""

    def __init__(self, token: str, webhook_secret: str, faults: FaultPlan) -> None:
        self.calls: list[SupplierCall] = []
        self._token, self._webhook, self._faults = token, Webhook(webhook_secret), faults
        self._lock = threading.Lock()

    def route(self, method: str, path: str, operation: str, endpoint: Endpoint) -> Route:
        """A route; `operation` is the name that faults are planned for."""

        async def serve(request: Request) -> Response:
            call = self._note(request, await request.body())
            fault = self._faults.take(operation)
            early = await play_before(request, fault, _failure)
            if early is not None:
                return early
            reply = self._denied(call) or endpoint(call, request)
            call.status = reply.status
            return await play_after(request, fault, reply.response(), _failure)

        return Route(path, serve, methods=[method])

    def _note(self, request: Request, body: bytes) -> SupplierCall:
        given = request.headers.get("authorization", "")
        call = SupplierCall(
            request.method,
            request.url.path,
            request.headers.get("idempotency-key", ""),
            hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()),
            self._signature(request, body),
            body,
        )
        with self._lock:
            self.calls.append(call)
        return call

    def _signature(self, request: Request, body: bytes) -> str:
        if "webhook-signature" not in request.headers:
            return "missing"
        try:
            self._webhook.verify(body, dict(request.headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            return "wrong"
        return "ok"

    def _denied(self, call: SupplierCall) -> Reply | None:
        if not call.authorized:
            return problem(401, "The bearer token is missing or wrong")
        if call.signature == "wrong" or (call.method == "POST" and call.signature == "missing"):
            return problem(401, "The signature is missing or wrong")
        return None
