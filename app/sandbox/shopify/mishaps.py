"""What goes wrong on the way, on purpose: lost connections, gateways' error pages, cut and slow answers."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from app.sandbox.faults import Fault, FaultKind

_PAGE = "<!DOCTYPE html><html><head><title>Sorry</title></head><body><h1>There was a problem</h1></body></html>"


class Cut(Response):
    """Cuts the connection without an answer. A server that cannot do that answers 502: no proof either."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ends the connection and waits for it to be gone."""
        if "disconnect" not in scope:
            await Response(status_code=502)(scope, receive, send)
            return
        scope["disconnect"]()
        while (await receive())["type"] != "http.disconnect":
            continue


async def before(fault: Fault | None, request: Request) -> Response | None:
    """What answers instead of the shop, having executed nothing; None lets the call through."""
    match fault:
        case Fault(kind=FaultKind.DROP_BEFORE):
            return Cut()
        case Fault(kind=FaultKind.STATUS_BEFORE):
            return _status(fault)
        case Fault(kind=FaultKind.HTML_BEFORE):
            return HTMLResponse(_PAGE)
        case Fault(kind=FaultKind.REDIRECT):
            return Response(status_code=301, headers={"Location": f"{request.url.path}/moved"})
        case Fault(kind=FaultKind.SLOW_BEFORE):
            await fault.linger()
    return None


async def after(fault: Fault | None, answer: dict[str, Any], headers: dict[str, str]) -> Response:
    """What becomes of the answer to a call that was executed."""
    match fault:
        case Fault(kind=FaultKind.DROP_AFTER):
            return Cut()
        case Fault(kind=FaultKind.STATUS_AFTER):
            return _status(fault)
        case Fault(kind=FaultKind.HTML_AFTER):
            return HTMLResponse(_PAGE)
        case Fault(kind=FaultKind.TRUNCATE_AFTER):
            whole = json.dumps(answer).encode()
            return Response(whole[: len(whole) // 2], media_type="application/json", headers=headers)
        case Fault(kind=FaultKind.SLOW_AFTER):
            await fault.linger()
    return JSONResponse(answer, headers=headers)


def _status(fault: Fault) -> Response:
    """The error of a gateway in between; `seconds` becomes Retry-After."""
    wait = {"Retry-After": f"{fault.seconds:g}"} if fault.seconds else {}
    return HTMLResponse(fault.text or _PAGE, status_code=fault.status, headers=wait)
