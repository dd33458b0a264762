"""Faults on the way to and from a service: the same for every service of the sandbox that speaks plain JSON."""

from __future__ import annotations

import html
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from app.sandbox.faults import Fault, FaultKind

Failure = Callable[[int, str], Response]
"""Builds the service's own error answer from an HTTP status and a text, which may be empty."""


async def play_before(request: Request, fault: Fault | None, failure: Failure) -> Response | None:
    """The answer of a fault that comes before anything is executed; None when the call goes on.

    The body must have been read. SLOW_BEFORE executes nothing when the client has given up meanwhile.
    """
    if fault is None:
        return None
    if fault.kind is FaultKind.DROP_BEFORE:
        return cut(request)
    if fault.kind is FaultKind.STATUS_BEFORE:
        return failure(fault.status, fault.text)
    if fault.kind is FaultKind.HTML_BEFORE:
        return _page(fault)
    if fault.kind is FaultKind.REDIRECT:
        return Response(status_code=301, headers={"Location": str(request.url.replace(scheme="https"))})
    if fault.kind is FaultKind.THROTTLE:
        response = failure(429, fault.text)
        response.headers["Retry-After"] = f"{fault.seconds:g}"
        return response
    if fault.kind is FaultKind.SLOW_BEFORE:
        await fault.linger()
        return Response(status_code=499) if await request.is_disconnected() else None
    return None


async def play_after(request: Request, fault: Fault | None, response: Response, failure: Failure) -> Response:
    """What reaches the client of `response` to a call that was executed."""
    if fault is None:
        return response
    if fault.kind is FaultKind.DROP_AFTER:
        return cut(request)
    if fault.kind is FaultKind.STATUS_AFTER:
        return failure(fault.status, fault.text)
    if fault.kind is FaultKind.HTML_AFTER:
        return _page(fault)
    if fault.kind is FaultKind.TRUNCATE_AFTER:
        half = bytes(response.body)[: len(response.body) // 2]
        return Response(half, response.status_code, media_type=response.headers.get("content-type"))
    if fault.kind is FaultKind.SLOW_AFTER:
        await fault.linger()
    return response


def cut(request: Request) -> Response:
    """Cuts the connection; the response is only for the framework and reaches nobody. Needs `LoopbackServer`."""
    request.scope["disconnect"]()
    return Response(status_code=499)


def _page(fault: Fault) -> Response:
    """What a firewall, a cache or a host in maintenance answers in place of the service."""
    text = html.escape(fault.text or f"{fault.status} Service Unavailable")
    page = f"<!DOCTYPE html><html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>"
    return Response(page, fault.status, media_type="text/html")
