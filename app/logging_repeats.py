"""Keeps what outsiders can cause at will from filling the log: the same words, once a minute for each source."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

SECONDS = 60.0
# What a stranger, or a store with another secret, brings about as often as it likes.
_AT_WILL = frozenset({"webhook_refused", "database_unavailable", "Invalid HTTP request received."})


class OncePerMinute(logging.Filter):
    """Lets the first of such lines through, and with the first one of a later minute how many were `left_out`."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        # Sources are stores and suppliers of the configuration, so this stays small.
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        told = record.msg if isinstance(record.msg, dict) else {"event": record.msg}
        event = str(told.get("event"))
        if event not in _AT_WILL:
            return True
        key = (event, _source(told))
        last, left_out = self._said.get(key, (-SECONDS, 0))
        if self._now() - last < SECONDS:
            self._said[key] = (last, left_out + 1)
            return False
        self._said[key] = (self._now(), 0)
        if left_out and isinstance(record.msg, dict):
            record.msg = {**record.msg, "left_out": left_out}
        return True


def _source(told: Mapping[str, object]) -> str:
    return str(told.get("source", ""))
