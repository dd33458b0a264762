"""Whether two photos are the same picture though their files differ. Pure.

A difference hash: the picture is made 9 by 8 grey points small, and each bit tells whether a point is brighter than the
one to its left. It survives another size, other compression and other colours; cropping and turning it does not.
"""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

# Bits in which two photos may differ and still count as the same picture. A photo that was sent through a messenger
# differs in none to four; unlike photos differ in about half of the 64.
NEAR = 7
# A wall or a blank page is like every other: below so many of 255 steps of grey a picture says nothing.
_LEAST_CONTRAST = 24
_BANDS, _WIDTH = 4, 16
_MASK = (1 << _WIDTH) - 1


def likeness(picture: Image.Image) -> int | None:
    """The hash as a signed 64-bit number; None where a picture has too little in it to be recognised."""
    small = picture.convert("L").resize((9, 8), Image.Resampling.LANCZOS)
    grey = small.tobytes()
    if max(grey) - min(grey) < _LEAST_CONTRAST:
        return None
    bits = 0
    for row in range(8):
        for left in range(row * 9, row * 9 + 8):
            bits = bits << 1 | (grey[left + 1] > grey[left])
    return bits - (1 << 64) if bits >> 63 else bits


def distance(one: int, other: int) -> int:
    """In how many bits two hashes differ."""
    return ((one ^ other) & ((1 << 64) - 1)).bit_count()


def bands(value: int) -> list[int]:
    """The four 16-bit parts of a hash, each with its place: what a database can look up by equality."""
    return [index << _WIDTH | value >> index * _WIDTH & _MASK for index in range(_BANDS)]


def candidate_bands(value: int) -> list[list[int]]:
    """Of two hashes that differ in 7 bits or fewer, one part differs in none or one: for each part, all it can be."""
    return [list(_one_off(band)) for band in bands(value)]


def _one_off(band: int) -> Iterator[int]:
    yield band
    for bit in range(_WIDTH):
        yield band ^ 1 << bit
