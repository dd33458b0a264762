"""Photos as evidence: decoded and written anew, so that nothing but a picture is ever kept. Pure."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from app.errors import AppError

# Bytes of a file as it is uploaded: a phone's photo has 2 to 8 MB.
MOST_PHOTO_BYTES = 10 * 1024 * 1024
# A decompression bomb is small on the wire; a phone's largest photo has about 50 million pixels.
MOST_PIXELS = 60_000_000
# What is kept is for looking at: the longer side, in pixels.
LONGEST_SIDE = 2400
CONTENT_TYPE = "image/jpeg"
_FORMATS = ("JPEG", "PNG", "WEBP")


class PhotoNotReadable(AppError):
    """The file is no JPEG, PNG or WebP picture, whatever it is called."""

    status = 415
    code = "photo_not_readable"
    title = "Not a picture"


class PhotoTooLarge(AppError):
    """More bytes or pixels than a photo has."""

    status = 413
    code = "photo_too_large"
    title = "The picture is too large"


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture as it is kept, a JPEG without metadata; `digest` is the SHA-256 of the file as it was uploaded."""

    content: bytes
    digest: str


def clean(raw: bytes) -> Photo:
    """Decodes and writes anew, upright and without metadata. Raises `PhotoNotReadable` or `PhotoTooLarge`."""
    if len(raw) > MOST_PHOTO_BYTES:
        raise PhotoTooLarge(f"A photo may have {MOST_PHOTO_BYTES // 1024 // 1024} MiB at most.")
    try:
        with warnings.catch_warnings():
            # The size is checked here, before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw), formats=_FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise PhotoTooLarge(f"A photo may have {MOST_PIXELS // 1_000_000} million pixels at most.")
                upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PhotoNotReadable("The file is not a JPEG, PNG or WebP picture that can be read.") from error
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    written = io.BytesIO()
    upright.save(written, "JPEG", quality=85)
    return Photo(written.getvalue(), hashlib.sha256(raw).hexdigest())
