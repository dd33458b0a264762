"""Takes photos out of forms, for the API and for pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from starlette.datastructures import FormData, UploadFile

from app.evidence.pictures import MOST_PHOTO_BYTES, Picture, clean

# In one form.
MOST_PHOTOS = 10
# Decoding a photo can take a quarter of a gigabyte, so only two are decoded at once whatever comes in.
_decoding = ThreadPoolExecutor(2, thread_name_prefix="photo")


async def files_in(form: FormData, name: str | None = None) -> AsyncIterator[tuple[str, bytes]]:
    """The files of a form with the names of their fields, in the order sent: those of one field, or all.

    Each is read to one byte more than a photo may have. A file field that was left empty counts as none.
    """
    for key, value in form.multi_items():
        if isinstance(value, UploadFile) and name in (None, key):
            raw = await value.read(MOST_PHOTO_BYTES + 1)
            if raw or value.filename:
                yield key, raw


async def pictures_in(form: FormData, name: str | None = None) -> list[Picture]:
    """The files of a form as pictures, as `files_in` finds them. Raises `PhotoNotReadable` or `PhotoTooLarge`."""
    return [await decoded(raw) async for _, raw in files_in(form, name)]


def texts_in(form: FormData) -> dict[str, list[str]]:
    """The texts of a form by name."""
    found: dict[str, list[str]] = {}
    for key, value in form.multi_items():
        if isinstance(value, str):
            found.setdefault(key, []).append(value)
    return found


async def decoded(raw: bytes) -> Picture:
    """The photo in a file; other requests go on meanwhile. Raises `PhotoNotReadable` or `PhotoTooLarge`."""
    return await asyncio.get_running_loop().run_in_executor(_decoding, clean, raw)
