"""What comes in as a photo, and what is kept of it."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from app.evidence.pictures import (
    LONGEST_SIDE,
    MOST_PHOTO_BYTES,
    THUMBNAIL_SIDE,
    PhotoNotReadable,
    PhotoTooLarge,
    clean,
)
from tests.evidence.pictures import file_of, scene


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_every_kind_becomes_a_jpeg_with_a_thumbnail(kind: str) -> None:
    kept = clean(file_of(scene(1), kind))
    whole, small = opened(kept.content), opened(kept.thumbnail)
    assert (whole.format, whole.size, small.format) == ("JPEG", (800, 600), "JPEG")
    assert max(small.size) == THUMBNAIL_SIDE
    assert len(kept.digest) == 64


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "HEIF", "PNG"])
def test_where_and_with_what_it_was_taken_is_not_kept(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCam"
    exif.get_ifd(0x8825)[29] = "2026:11:20"
    raw = file_of(scene(2), kind, exif=exif.tobytes())
    assert b"SecretCam" in raw
    kept = clean(raw)
    for content in (kept.content, kept.thumbnail):
        assert b"SecretCam" not in content
        assert b"Exif" not in content
        assert len(opened(content).getexif()) == 0


def test_comments_and_profiles_go_too() -> None:
    raw = file_of(scene(3), "JPEG", comment=b"from Ann", icc_profile=b"profile of a monitor " * 20)
    kept = clean(raw).content
    assert b"from Ann" not in kept
    assert b"profile of a monitor" not in kept


def test_a_photo_that_was_taken_sideways_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    kept = clean(file_of(scene(4), "JPEG", exif=exif))
    assert opened(kept.content).size == (600, 800)
    assert (kept.width, kept.height) == (600, 800)


def test_large_photos_become_smaller() -> None:
    kept = clean(file_of(scene(5, (5000, 3000)), "JPEG"))
    assert max(opened(kept.content).size) == LONGEST_SIDE


def test_what_is_transparent_is_white() -> None:
    kept = clean(file_of(Image.new("RGBA", (50, 50), (255, 0, 0, 0)), "PNG"))
    assert opened(kept.content).getpixel((25, 25)) == (255, 255, 255)


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it has so many pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\x00" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "raw",
    [png_bomb(60_000, 60_000), png_bomb(2**31 - 1, 2**31 - 1), b"x" * (MOST_PHOTO_BYTES + 1), png_bomb(50_000, 20)],
    ids=["bomb", "largest bomb", "bytes", "a line"],
)
def test_bombs_are_refused_before_they_are_decoded(raw: bytes) -> None:
    with pytest.raises((PhotoTooLarge, PhotoNotReadable)):
        clean(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<html><script>alert(1)</script>",
        b"GIF89a" + b"\x00" * 50,
        b"%PDF-1.7",
        b"MZ" + b"\x00" * 100,
        b"\x00\x00\x00\x1cftypheic" + b"\x00" * 100,
        file_of(scene(6), "GIF"),
        file_of(scene(6), "TIFF"),
        file_of(scene(6), "PNG")[:2000],
        file_of(scene(6), "HEIF")[:500],
    ],
    ids=["empty", "svg", "html", "gif head", "pdf", "exe", "heic head", "gif", "tiff", "cut png", "cut heic"],
)
def test_what_is_no_photo_is_refused_whatever_it_is_called(raw: bytes) -> None:
    with pytest.raises(PhotoNotReadable):
        clean(raw)


def test_a_picture_that_is_a_page_too_is_only_a_picture() -> None:
    raw = file_of(scene(7), "JPEG") + b"<script>alert(document.domain)</script>"
    kept = clean(raw)
    assert b"<script>" not in kept.content
    assert b"<script>" not in kept.thumbnail
