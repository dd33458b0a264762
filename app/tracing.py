"""Traces, when `MAKEGOOD_TRACES_URL` is set: what happened to one return, across processes, as spans of OpenTelemetry.

Unset, nothing of OpenTelemetry is imported and a span costs a function call. Spans carry ids, words of the code and
keys of the configuration: never what a customer, a store or a supplier wrote, and no text of an error. Their context
crosses processes as a W3C `traceparent`, kept on the row or the job that the work goes on from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, Protocol

from app import __version__
from app.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Span

Kind = Literal["server", "consumer", "client", "internal"]
Value = str | int | float | bool
# W3C Trace Context, version 00 (https://www.w3.org/TR/trace-context/).
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)


class _Told(Protocol):
    def tell(self, **attributes: Value | None) -> None:
        """Adds to what the span says; None is left out."""

    def name(self, name: str) -> None:
        """Calls the span something better than at its start."""

    def fail(self, kind: str) -> None:
        """Says that what the span is about went wrong, as a stable word."""


class _Silent:
    def tell(self, **attributes: Value | None) -> None:
        """Nobody listens."""

    def name(self, name: str) -> None:
        """Nobody listens."""

    def fail(self, kind: str) -> None:
        """Nobody listens."""


class _Spoken:
    def __init__(self, span: Span) -> None:
        self._span = span

    def tell(self, **attributes: Value | None) -> None:
        for key, value in attributes.items():
            if value is not None:
                self._span.set_attribute(f"makegood.{key}", value)

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, kind: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR))


_provider: TracerProvider | None = None
_silence = nullcontext(_Silent())


def start(url: str | None, role: str) -> None:
    """Has this process send its spans to `url` (OTLP over HTTP); does nothing without one.

    `role` is what the process does (`api`, `worker`). The standard variables `OTEL_…` are heard for the rest: headers,
    certificates, sampling, names of the resource. Raises `ConfigError` when the extra `otel` is not installed.
    """
    if url is None:
        return
    check(url)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    start_with(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)), role)


def check(url: str | None) -> None:
    """Raises `ConfigError` when spans are wanted and the extra `otel` is not installed."""
    if url is not None and not (find_spec("opentelemetry") and find_spec("opentelemetry.exporter")):
        raise ConfigError("MAKEGOOD_TRACES_URL needs the extra otel: pip install 'makegood[otel]'")


def start_with(processor: SpanProcessor, role: str) -> None:
    """Has this process give its spans to `processor`."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    global _provider
    named = {"service.name": "makegood", "service.version": __version__, "makegood.role": role}
    _provider = TracerProvider(resource=Resource.create(named))
    _provider.add_span_processor(processor)


def stop() -> None:
    """Sends what has not been sent, and goes silent."""
    global _provider
    provider, _provider = _provider, None
    if provider is not None:
        provider.shutdown()


def is_on() -> bool:
    """Whether spans go anywhere."""
    return _provider is not None


def span(name: str, kind: Kind = "internal", **attributes: Value | None) -> AbstractContextManager[_Told]:
    """A span around a block, below the one that is open."""
    return _silence if _provider is None else _span(_provider, name, kind, attributes)


@contextmanager
def _span(provider: TracerProvider, name: str, kind: Kind, attributes: dict[str, Value | None]) -> Iterator[_Told]:
    from opentelemetry.trace import SpanKind

    tracer = provider.get_tracer("makegood", __version__)
    with tracer.start_as_current_span(
        name, kind=SpanKind[kind.upper()], record_exception=False, set_status_on_exception=False
    ) as opened:
        spoken = _Spoken(opened)
        spoken.tell(**attributes)
        try:
            yield spoken
        except BaseException as error:
            spoken.fail(type(error).__name__)
            raise


def event(name: str, **attributes: Value | None) -> None:
    """A moment within the open span."""
    if _provider is not None:
        from opentelemetry.trace import get_current_span

        told = {f"makegood.{key}": value for key, value in attributes.items() if value is not None}
        get_current_span().add_event(name, told)


def traceparent() -> str | None:
    """The open span as the next process will know it; None when nothing is traced."""
    if _provider is None:
        return None
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def trace_id() -> str | None:
    """The id of the open trace, for the log."""
    parent = traceparent()
    return parent.split("-")[1] if parent else None


@contextmanager
def below(parent: str | None) -> Iterator[None]:
    """Spans of the block belong below `parent`, a `traceparent` of another process; what is none begins a new trace."""
    if _provider is None:
        yield
        return
    from opentelemetry import context as contexts

    token = contexts.attach(_context_of(parent))
    try:
        yield
    finally:
        contexts.detach(token)


def _context_of(parent: str | None) -> Context:
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    read = _TRACEPARENT.fullmatch(parent or "")
    if read is None:
        return Context()
    trace, span_id, flags = (int(part, 16) for part in read.groups())
    return set_span_in_context(
        NonRecordingSpan(SpanContext(trace, span_id, is_remote=True, trace_flags=TraceFlags(flags))), Context()
    )
