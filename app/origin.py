"""What a piece of work goes back to: one id that every line of the log about it has, from delivery to outcome.

The id is that of the delivery or the API request that began it; work that a date began has one of its own. It goes
from process to process as a text, the origin, in the arguments of jobs and on rows that outlive their jobs. With
tracing on the origin holds the place in the trace too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from structlog.contextvars import bound_contextvars

from app import tracing

# The argument of jobs that is the queue's own and no task's.
ARGUMENT = "origin"
# An id as we make them or take them from callers, then perhaps a traceparent.
_ORIGIN = re.compile(r"([A-Za-z0-9._-]{1,64})(?:;([0-9a-f-]{55}))?", re.ASCII)
_correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
# Which of a job's arguments say what it is about, and what the log calls them.
_NAMED = {"delivery_id": "delivery", "case_id": "case", "refund_id": "refund", "message_id": "mail", "store": "store"}


@contextmanager
def began(correlation: str, **about: str) -> Iterator[None]:
    """Everything in the block goes back to `correlation`; its lines in the log say so, and say `about`."""
    token = _correlation.set(correlation)
    try:
        with bound_contextvars(correlation=correlation, **about):
            yield
    finally:
        _correlation.reset(token)


@contextmanager
def resumed(origin: str | None) -> Iterator[None]:
    """Everything in the block goes back to an origin that was kept; nothing changes when none was."""
    read = _ORIGIN.fullmatch(origin or "")
    if read is None:
        yield
        return
    with began(read[1]), tracing.below(read[2]):
        yield


def current() -> str | None:
    """The origin of what is being done, to be kept; None when it goes back to nothing."""
    correlation = _correlation.get()
    if correlation is None:
        return None
    parent = tracing.traceparent()
    return f"{correlation};{parent}" if parent else correlation


def names_in(arguments: Mapping[str, object]) -> dict[str, str]:
    """What a job is about, as the log names it."""
    return {name: str(arguments[key]) for key, name in _NAMED.items() if arguments.get(key) is not None}
