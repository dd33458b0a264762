"""Pictures to upload: each seed is another scene, as unlike as two photos are."""

from __future__ import annotations

import io
import random
from typing import Any

from PIL import Image, ImageDraw


def scene(seed: int, size: tuple[int, int] = (800, 600)) -> Image.Image:
    """A picture with shapes of many shades."""
    chance = random.Random(seed)
    made = Image.new("RGB", size, (chance.randrange(256),) * 3)
    draw = ImageDraw.Draw(made)
    for _ in range(60):
        x, y = chance.randrange(size[0]), chance.randrange(size[1])
        wide, high = chance.randrange(40, size[0] // 2), chance.randrange(40, size[1] // 2)
        colour = tuple(chance.randrange(256) for _ in range(3))
        draw.ellipse((x, y, x + wide, y + high), fill=colour)
    return made


def file_of(picture: Image.Image, kind: str = "JPEG", **more: Any) -> bytes:
    """The picture as a file of that kind (`HEIF` as an iPhone writes it)."""
    written = io.BytesIO()
    picture.save(written, kind, **more)
    return written.getvalue()
