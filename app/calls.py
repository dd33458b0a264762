"""Around each call to a store or a supplier: how long it took, how it ended, a span, and a line at the level `debug`.

For adapters: knows nothing but the call. Outcomes are `ok` or a stable word for what went wrong; a store's refusal
inside a good answer is `ok` here, because the call did what it should.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from app import tracing
from app.metrics import counts

_log = structlog.get_logger(__name__)
_ID = re.compile(r"\d+")
_WORDS = re.compile(r"(?<!^)(?=[A-Z])")


class Call:
    """A call that is under way."""

    def __init__(self) -> None:
        self.outcome = "ok"
        self.status: int | None = None

    def answered(self, status: int, *, throttled: bool = False, failed: bool = False) -> None:
        """An HTTP answer came. `throttled`: it says wait; `failed`: it holds errors though its status is good."""
        self.status = status
        if throttled or status == 429:
            self.outcome = "throttled"
        elif status >= 400:
            self.outcome = f"http_{status // 100}xx"
        elif failed:
            self.outcome = "errors"

    def failed(self, kind: str) -> None:
        """No whole answer came; `kind` is a stable word."""
        self.outcome = kind


def operation_of(method: str, path: str) -> str:
    """A REST call as a word for labels: `GET orders/{id}/refunds`."""
    return f"{method} {_ID.sub('{id}', path)}"


@contextmanager
def to_store(store: str, operation: str) -> Iterator[Call]:
    """Around a call to a store. `operation` is one of a few words, never with an id in it."""
    with _call("store", store, operation, counts.store_call) as call:
        yield call


@contextmanager
def to_supplier(supplier: str, operation: str) -> Iterator[Call]:
    """Around a call to a supplier."""
    with _call("supplier", supplier, operation, counts.supplier_call) as call:
        yield call


@contextmanager
def _call(side: str, key: str, operation: str, count: Callable[[str, str, str, float], None]) -> Iterator[Call]:
    call, began = Call(), time.perf_counter()
    with tracing.span(f"{side} {operation}", "client", **{side: key}, operation=operation) as span:
        try:
            yield call
        except BaseException as error:
            call.outcome = _word_for(error)
            raise
        finally:
            seconds = time.perf_counter() - began
            span.tell(status=call.status, outcome=call.outcome)
            if call.outcome != "ok":
                span.fail(call.outcome)
            count(key, operation, call.outcome, seconds)
            _log.debug(
                f"{side}_call", **{side: key}, operation=operation, outcome=call.outcome, seconds=round(seconds, 3)
            )


def _word_for(error: BaseException) -> str:
    """`NotSent` is `not_sent`; an error that has a code of its own is called that."""
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else _WORDS.sub("_", type(error).__name__).lower()
