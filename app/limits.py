"""How large a body may be, whatever its Content-Length says."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The largest sensible request has a hundred lines with notes; links and answers are texts too.
MOST_BYTES = 1024 * 1024
# Evidence holds photos: ten at the most, which are limited one by one when they are read.
MOST_EVIDENCE_BYTES = 40 * 1024 * 1024


# Below these, people send forms.
FORM_PREFIXES = ("/returns/", "/supplier/")


def takes_photos(scope: Scope) -> bool:
    """Whether this request brings a form with files to where there may be photos among them."""
    path = path_in(scope)
    kind = dict(scope["headers"]).get(b"content-type", b"")
    return (path.endswith("/evidence") or path.startswith(FORM_PREFIXES)) and kind.startswith(b"multipart/")


def path_in(scope: Scope) -> str:
    """The path below the prefix of a proxy, if there is one."""
    path: str = scope.get("path", "")
    return path.removeprefix(scope.get("root_path", ""))


class BodyLimit:
    """ASGI middleware: reading more of a body under `api` or of a form than is sensible there ends in 413.

    The framework's own limit answers plain text; here every error is a problem, or a page.
    """

    def __init__(self, app: ASGIApp, api: str) -> None:
        self.app = app
        self.prefixes = (api, *FORM_PREFIXES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on with a counting `receive`."""
        if scope["type"] != "http" or not path_in(scope).startswith(self.prefixes):
            await self.app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"")
        announced = int(declared) if declared.isdigit() and len(declared) < 20 else 0
        most = MOST_EVIDENCE_BYTES if takes_photos(scope) else MOST_BYTES
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
