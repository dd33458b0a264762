"""How the bodies of deliveries are kept: large ones packed, for writing those whole costs more than packing them.

Packed is a Zstandard frame (RFC 8878), which begins with a mark of its own and says how long the body is. What does not
begin with the mark is the body itself.
"""

from __future__ import annotations

import threading
from typing import Final

import zstandard
from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

# The mark, and the longest head of a frame behind it: so many bytes tell how long a body is.
HEAD: Final = 18
_MARK: Final = b"\x28\xb5\x2f\xfd"
# Bytes from which on a body is packed. Most webhooks are smaller, and packing those gains nothing.
LARGE: Final = 16 * 1024
# A quarter of the size for the least time: the levels that pack better take twice as long.
_LEVEL: Final = -3


class _Tools(threading.local):
    """Made once for each thread: making them costs as much as using them, and two threads must not share one."""

    def __init__(self) -> None:
        self.packer = zstandard.ZstdCompressor(level=_LEVEL)
        self.opener = zstandard.ZstdDecompressor()


_tools = _Tools()


def pack(body: bytes) -> bytes:
    """A body as it is kept. A small one is kept as it came, unless it would be taken for a packed one."""
    return _tools.packer.compress(body) if len(body) >= LARGE or body.startswith(_MARK) else body


def unpack(kept: bytes) -> bytes:
    """The body as it came, to the byte."""
    if not kept.startswith(_MARK):
        return kept
    try:
        return _tools.opener.decompress(kept)
    except zstandard.ZstdError:
        # Not packed by us: a body of before there was packing that happens to begin like this.
        return kept


def length(head: bytes, kept: int) -> int:
    """Bytes of the body as it came, told from the first `HEAD` bytes of what is kept and from how many are kept."""
    if not head.startswith(_MARK):
        return kept
    try:
        return max(kept, zstandard.frame_content_size(head))
    except zstandard.ZstdError:
        return kept


class Packed(TypeDecorator[bytes]):
    """A column of bodies: packed in the table, as they came everywhere else."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, _dialect: Dialect) -> bytes | None:
        """On the way into the table."""
        return None if value is None else pack(value)

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> bytes | None:
        """On the way out."""
        return None if value is None else unpack(value)
