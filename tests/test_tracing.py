"""Traces cost nothing unset, say so when their extra is missing, and reach a collector over HTTP."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app import origin, tracing
from app.errors import ConfigError
from tests.cli.command import SECRET, Running, base_url

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    """Takes OTLP over HTTP on loopback."""

    def __init__(self) -> None:
        self.spans: list[str] = []
        self.services: set[str] = set()
        taken = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = ExportTraceServiceRequest()
                request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
                taken.keep(self.path, request)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def keep(self, path: str, request: ExportTraceServiceRequest) -> None:
        assert path == "/v1/traces"
        for part in request.resource_spans:
            self.services |= {one.value.string_value for one in part.resource.attributes if one.key == "service.name"}
            self.spans += [span.name for scope in part.scope_spans for span in scope.spans]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    made = InMemorySpanExporter()
    tracing.start_with(SimpleSpanProcessor(made), "test")
    yield made
    tracing.stop()


def test_unset_nothing_of_it_is_imported() -> None:
    """Neither API nor worker pays for what nobody asked for."""
    code = (
        "import sys, app.serve, app.worker; from app import tracing; tracing.start(None, 'api'); "
        "sys.exit(any(name.startswith('opentelemetry.sdk') or name.startswith('opentelemetry.exporter') "
        "for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_unset_a_span_is_silence() -> None:
    with tracing.span("anything", "client", store="alpha") as first, tracing.span("another") as second:
        first.tell(status=200)
        first.fail("timeout")
        assert first is second
        tracing.event("nothing")
        assert (tracing.traceparent(), tracing.trace_id()) == (None, None)


def test_a_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.tracing.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'makegood\[otel\]'"):
        tracing.start("http://127.0.0.1:4318/v1/traces", "api")
    tracing.check(None)


def test_a_trace_goes_on_in_another_process(exporter: InMemorySpanExporter) -> None:
    with origin.began("0199f5a2"), tracing.below(PARENT), tracing.span("first"):
        kept = origin.current()
    assert kept is not None
    with origin.resumed(kept), tracing.span("second"):
        assert origin.current() != kept
    first, second = exporter.get_finished_spans()
    assert first.context is not None
    assert second.parent is not None
    assert second.parent.span_id == first.context.span_id
    assert f"{second.parent.trace_id:032x}" == PARENT.split("-")[1]


@pytest.mark.parametrize("nonsense", [None, "", "x y", "id;00-zz", "a" * 65, f"{PARENT};{PARENT};"])
def test_what_is_no_origin_changes_nothing(exporter: InMemorySpanExporter, nonsense: str | None) -> None:
    with origin.began("mine"), origin.resumed(nonsense):
        assert (origin.current() or "").split(";")[0] == "mine"


@pytest.mark.parametrize("nonsense", ["", "00-0-0-0", PARENT[:-1] + "g", "01" + PARENT[2:]])
def test_a_traceparent_that_is_none_begins_a_new_trace(exporter: InMemorySpanExporter, nonsense: str) -> None:
    with tracing.below(nonsense), tracing.span("alone"):
        pass
    (span,) = exporter.get_finished_spans()
    assert span.parent is None


def test_an_error_is_told_by_its_kind_alone(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="ann"), tracing.span("broken"):
        raise ValueError("ann@example.com")
    (span,) = exporter.get_finished_spans()
    assert span.attributes == {"error.type": "ValueError"}
    assert (span.events, span.status.description) == ((), None)


def test_a_serving_process_sends_its_spans(tmp_path: Path, database_url: str, collector: Collector) -> None:
    """What is not sent yet when it is told to stop is sent then."""
    settings = {"DATABASE_URL": database_url, "MAKEGOOD_SECRET_KEY": SECRET, "MAKEGOOD_TRACES_URL": collector.url}
    with Running(tmp_path, "serve", "--port", "0", "--no-worker", **settings) as service:
        url = base_url(service)
        assert httpx.get(f"{url}/api/v1/cases").status_code == 401
        assert httpx.get(f"{url}/returns/nobody/secret-token").status_code == 404
        assert service.stop() == 0
    assert "GET /api/v1/cases" in collector.spans
    assert not any("secret-token" in name for name in collector.spans)
    assert collector.services == {"makegood"}
