"""The three answers to a call that may have changed something elsewhere.

A time-out, a dropped connection, a 5xx or a body that cannot be read proves nothing: it is `Unknown`, never `Rejected`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    """Proof that the call took effect."""

    value: T


@dataclass(frozen=True, slots=True)
class Rejected:
    """Proof that the call had no effect.

    `retryable` says that the same call may succeed later without anybody changing anything (throttled, not sent at
    all); `retry_after` is the wait the other side asked for, in seconds.
    """

    code: str
    detail: str
    retryable: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No proof either way: it must be looked up before anything else is done."""

    code: str
    detail: str
