"""How large a body may be, whatever its Content-Length says."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The largest sensible request has a hundred lines with notes; links and answers are texts too.
MOST_BYTES = 1024 * 1024


class BodyLimit:
    """ASGI middleware: reading more than `MOST_BYTES` of a body under `prefix` ends in 413.

    The framework's own limit answers plain text; here every error is a problem.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on with a counting `receive`."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or not path.startswith(self.prefix):
            await self.app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"")
        announced = int(declared) if declared.isdigit() and len(declared) < 20 else 0
        read = 0

        async def counted() -> Message:
            nonlocal read
            if announced <= MOST_BYTES:
                message = await receive()
                read += len(message.get("body", b""))
                if read <= MOST_BYTES:
                    return message
            raise HTTPException(413, f"A body may have {MOST_BYTES // 1024} KiB at most here.")

        await self.app(scope, counted, send)
