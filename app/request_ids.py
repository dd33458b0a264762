"""Gives every request an id, answers it in `X-Request-Id`, and has every line of the log about the request say it."""

from __future__ import annotations

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import origin, tracing

_HEADER = b"x-request-id"
# What can be written into a log and sent back without harm: ids of proxies and gateways look like this.
_HARMLESS = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)
# A webhook is known by its delivery, and comes thousands of times in a minute: it has no id of its own.
_WEBHOOKS = "/webhooks/"
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


class RequestIds:
    """ASGI middleware, the outermost. A caller's own id is taken when it is harmless, else one is made.

    `api` is where the API's routes, which do not say so themselves, begin.
    """

    def __init__(self, app: ASGIApp, api: str) -> None:
        self.app = app
        self.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path in _PROBES or (path.startswith(_WEBHOOKS) and not tracing.is_on()):
            await self.app(scope, receive, send)
        elif path.startswith(_WEBHOOKS):
            await self._traced(scope, receive, send)
        else:
            await self._named(scope, receive, send)

    async def _named(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = next((value for name, value in scope["headers"] if name == _HEADER), b"")
        request_id = given.decode() if _HARMLESS.fullmatch(given) else secrets.token_hex(16)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), (_HEADER, request_id.encode())]}
            await send(message)

        with origin.began(request_id, request=request_id):
            await self._traced(scope, receive, answer)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A span called after the route, because a path may hold a signed link."""
        with tracing.below(None), tracing.span(f"{scope['method']} request", "server") as span:
            await self.app(scope, receive, send)
            # `Door` answers webhooks before they come to a route.
            route: str = scope.get("path_template", getattr(scope.get("route"), "path", "unmatched"))
            within = scope["path"].startswith(f"{self.api}/") and route.startswith("/")
            span.name(f"{scope['method']} {self.api if within else ''}{route}")
