"""Takes photos out of forms, for the API and for pages."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.datastructures import FormData, UploadFile

from app.evidence.pictures import MOST_PHOTO_BYTES, Picture, clean

# In one form.
MOST_PHOTOS = 10
# Decoding a photo can take a quarter of a gigabyte, so only two are decoded at once whatever comes in.
_decoding = ThreadPoolExecutor(2, thread_name_prefix="photo")


async def pictures_in(form: FormData, name: str | None = None) -> list[Picture]:
    """The files of a form as pictures, in the order sent: those of one field, or all.

    A file field that was left empty counts as none. Raises `PhotoNotReadable` or `PhotoTooLarge`.
    """
    found = []
    for key, value in form.multi_items():
        if isinstance(value, UploadFile) and name in (None, key):
            raw = await value.read(MOST_PHOTO_BYTES + 1)
            if raw or value.filename:
                found.append(await decoded(raw))
    return found


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
