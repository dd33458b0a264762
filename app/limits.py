"""How large a body may be, whatever its Content-Length says."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The largest sensible request has a hundred lines with notes; links and answers are texts too.
MOST_BYTES = 1024 * 1024
# Evidence holds photos: ten at the most, which are limited one by one when they are read.
MOST_EVIDENCE_BYTES = 40 * 1024 * 1024


class BodyLimit:
    """ASGI middleware: reading more of a body under `api` or `pages` than is sensible there ends in 413.

    The framework's own limit answers plain text; here every error is a problem, or a page. Any form of a page may
    bring photos.
    """

    def __init__(self, app: ASGIApp, api: str, pages: Sequence[str]) -> None:
        self.app = app
        self.api = api
        self.pages = tuple(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on with a counting `receive`."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or not path.startswith((self.api, *self.pages)):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"")
        announced = int(declared) if declared.isdigit() and len(declared) < 20 else 0
        takes_photos = path.endswith("/evidence") or path.startswith(self.pages)
        photos = takes_photos and headers.get(b"content-type", b"").startswith(b"multipart/")
        most = MOST_EVIDENCE_BYTES if photos else MOST_BYTES
        read = 0

        async def counted() -> Message:
            nonlocal read
            if announced <= most:
                message = await receive()
                read += len(message.get("body", b""))
                if read <= most:
                    return message
            raise HTTPException(413, f"A body may have {most // 1024} KiB at most here.")

        await self.app(scope, counted, send)
