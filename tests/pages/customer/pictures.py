"""Photos to show."""

from __future__ import annotations

import io

from PIL import Image


def jpeg(colour: str = "red") -> bytes:
    """A small photo."""
    made = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(made, "JPEG")
    return made.getvalue()
