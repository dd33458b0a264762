"""What processes have counted. Several API processes behind one port count into one folder, and each answers for all.

`makegood serve --processes N` makes the folder before it starts them (see docs/decisions/0017-watching.md). A worker of
its own answers for itself on a port of its own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from app.errors import ConfigError

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def counting_together(processes: int) -> Iterator[None]:
    """Has the processes that are started within the block count into one folder, when there are several."""
    if processes < 2 or _FOLDER in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="makegood-metrics-") as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[_FOLDER]


def registry_of_processes() -> CollectorRegistry:
    """The counts of this process, or of all that count into the same folder."""
    folder = os.environ.get(_FOLDER)
    if folder is None:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    registry.register(_Siblings(Path(folder)))
    return registry


class _Siblings:
    """Memory, processor time and files of every process that counts into the folder and lives, by its id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """The families of all of them."""
        pids = {path.stem.rpartition("_")[2] for path in self._folder.glob("*.db")}
        found: dict[str, Metric] = {}
        for pid in sorted(pids):
            if not Path(f"/proc/{pid}").exists():
                continue
            for family in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
                whole = found.setdefault(family.name, _empty(family))
                for sample in family.samples:
                    whole.add_sample(sample.name, {**sample.labels, "pid": pid}, sample.value)
        yield from found.values()


def _empty(family: Metric) -> Metric:
    kind = CounterMetricFamily if family.type == "counter" else GaugeMetricFamily
    return kind(family.name, family.documentation, labels=["pid"])


@contextmanager
def serving_counts(host: str, port: int | None) -> Iterator[int | None]:
    """Answers `/metrics` of this process on a port of its own; None: not at all. Yields the port.

    Raises `ConfigError` when the port cannot be had.
    """
    if port is None:
        yield None
        return
    try:
        server, thread = start_http_server(port, addr=host)
    except OSError as error:
        reason = error.strerror or "unknown address"
        raise ConfigError(f"Port {port} of {host} cannot be used ({reason}); choose another.") from None
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
