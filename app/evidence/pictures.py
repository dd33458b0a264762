"""Photos as they come in: decoded and written anew, so that nothing but a picture is ever kept. Pure."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

import pillow_heif
from PIL import Image, ImageOps

from app.errors import AppError
from app.evidence.likeness import likeness

# Bytes of a file as it is uploaded: a phone's photo has 2 to 8 MB.
MOST_PHOTO_BYTES = 10 * 1024 * 1024
# A decompression bomb is small on the wire; a phone's largest photo has about 50 million pixels.
MOST_PIXELS = 60_000_000
# What is kept is for looking at: the longer side, in pixels.
LONGEST_SIDE = 2400
THUMBNAIL_SIDE = 320
CONTENT_TYPE = "image/jpeg"
# What iPhones take is HEIC, a kind of HEIF.
_FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
_LONGEST_RATIO = 50

pillow_heif.register_heif_opener()


class PhotoNotReadable(AppError):
    """The file is no JPEG, PNG, WebP or HEIC picture, whatever it is called."""

    status = 415
    code = "photo_not_readable"
    title = "Not a picture"


class PhotoTooLarge(AppError):
    """More bytes or pixels than a photo has."""

    status = 413
    code = "photo_too_large"
    title = "The picture is too large"


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo as it is kept: JPEGs without metadata, and what tells photos apart.

    `digest` is the SHA-256 of the file as it was uploaded; `likeness` a perceptual hash (`likeness.likeness`).
    """

    content: bytes
    thumbnail: bytes
    digest: str
    likeness: int | None
    width: int
    height: int


def clean(raw: bytes) -> Picture:
    """Decodes and writes anew, upright and without metadata. Raises `PhotoNotReadable` or `PhotoTooLarge`."""
    if len(raw) > MOST_PHOTO_BYTES:
        raise PhotoTooLarge(f"A photo may have {MOST_PHOTO_BYTES // 1024 // 1024} MiB at most.")
    try:
        with warnings.catch_warnings():
            # The size is checked here, before anything is decoded; a picture that is cut off is refused below.
            warnings.simplefilter("ignore")
            upright = _decoded(raw)
    except (OSError, ValueError, SyntaxError, EOFError, RuntimeError, Image.DecompressionBombError) as error:
        raise PhotoNotReadable("The file is not a JPEG, PNG, WebP or HEIC picture that can be read.") from error
    width, height = upright.size
    digest, alike = hashlib.sha256(raw).hexdigest(), likeness(upright)
    content = _written(upright)
    upright.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return Picture(content, _written(upright), digest, alike, width, height)


def _decoded(raw: bytes) -> Image.Image:
    with Image.open(io.BytesIO(raw), formats=_FORMATS) as picture:
        width, height = picture.size
        if width * height > MOST_PIXELS or max(width, height) > _LONGEST_RATIO * max(min(width, height), 100):
            raise PhotoTooLarge(f"A photo may have {MOST_PIXELS // 1_000_000} million pixels at most.")
        # Where the format can (JPEG), no more is decoded than is kept.
        picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        upright = _flat(ImageOps.exif_transpose(picture))
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return upright


def _flat(picture: Image.Image) -> Image.Image:
    """Without transparency: on white, as it is looked at."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    seen = picture.convert("RGBA")
    white = Image.new("RGB", seen.size, "white")
    white.paste(seen, mask=seen.getchannel("A"))
    return white


def _written(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    # A new picture, so that no field that a format may add to `info` is written along.
    Image.frombytes("RGB", picture.size, picture.tobytes()).save(written, "JPEG", quality=85, optimize=True)
    return written.getvalue()
