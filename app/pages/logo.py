"""A store's logo: a picture that a browser can only show. SVG can hold scripts, and is refused."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from app.errors import ConfigError

# A page and its logo are loaded together over a phone's connection.
MOST_BYTES = 256 * 1024
_MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


class LogoFault(ConfigError):
    """The file is missing, too large, or no picture of a kind that is shown."""

    code = "logo_not_usable"
    title = "The logo cannot be shown"


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture and its media type by content, not by name."""

    content: bytes
    media_type: str


def read_logo(file: Path) -> Logo:
    """The picture in a file. Raises `LogoFault`."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise LogoFault(f"{file} cannot be read ({error.strerror})") from None
    if len(content) > MOST_BYTES:
        raise LogoFault(f"{file} is larger than {MOST_BYTES // 1024} KiB")
    try:
        with Image.open(io.BytesIO(content), formats=list(_MEDIA_TYPES)) as picture:
            return Logo(content, _MEDIA_TYPES[picture.format or ""])
    except (OSError, ValueError, SyntaxError, KeyError, Image.DecompressionBombError) as error:
        raise LogoFault(f"{file} is no PNG, JPEG or WebP picture") from error
