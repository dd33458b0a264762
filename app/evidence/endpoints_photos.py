"""Photos for whoever has a signed link: the only address under which a photo is seen in a page."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from app.api import InRuntime
from app.errors import NotFound
from app.evidence.keeping import content_of
from app.evidence.links import photo_of
from app.evidence.pictures import CONTENT_TYPE

router = APIRouter(include_in_schema=False)

# A photo never changes; an hour later the link itself may be too old.
_FRESH = int(timedelta(hours=1).total_seconds())
# Whatever a browser makes of the bytes, it runs nothing in them, and no other site shows them.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": 'inline; filename="photo.jpg"',
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, noarchive",
    "Cache-Control": f"private, max-age={_FRESH}",
}


@router.get("/photos/{token}")
async def show_photo(runtime: InRuntime, token: Annotated[str, Path(max_length=400)]) -> Response:
    """The photo that the link names. Raises `LinkInvalid`, `LinkExpired`, `NotFound` or `BucketUnavailable`."""
    photo_id, small = photo_of(runtime.settings, token, runtime.clock.now())
    content = await content_of(runtime, photo_id, small=small)
    if content is None:
        raise NotFound("The photo is not kept any more.")
    return Response(content, media_type=CONTENT_TYPE, headers=_HEADERS)
