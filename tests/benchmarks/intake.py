"""How many webhooks are acknowledged a second, each of them durably, and how that compares."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.bench import SHOPIFY_SECRET, Bench, Served
from tests.benchmarks.load import Plan, Result, result_of, started
from tests.benchmarks.peers.node_peer import node_peer
from tests.benchmarks.table import Row, at_least, at_most

TITLE = "Intake: webhooks acknowledged, each after it is on disk"
# The size of most webhooks.
MOST_ARE_KB = 4


@dataclass(frozen=True)
class Cell:
    """One way of sending."""

    connections: int
    kilobytes: int

    @property
    def is_usual(self) -> bool:
        """Whether a busy store sends like this: measured longest, and all ratios must be reached."""
        return self.connections > 1 and self.kilobytes == MOST_ARE_KB

    @property
    def can_group(self) -> bool:
        """Whether the ratio to one transaction for each must be reached: one connection has nothing to share a commit
        with, and at 400 kB four times the ORM's way is more than two cores can verify, pack and write.
        """
        return self.connections > 1 and self.kilobytes < 400

    def __str__(self) -> str:
        return f"{self.connections} x {self.kilobytes} kB"


@dataclass(frozen=True)
class Measured:
    """Several rounds of one server: the middle one, and what was acknowledged a second in each."""

    acknowledged: float
    p99: float
    turns: tuple[float, ...]

    def against(self, other: Measured) -> float:
        """The middle one of the ratios, each of two rounds that followed one another: the machine's own speed changes
        from one minute to the next.
        """
        return median(mine / theirs for mine, theirs in zip(self.turns, other.turns, strict=True))


def measure(bench: Bench) -> list[Row]:
    """All that is compared, each against what ran at the same time."""
    connections = (1, 16) if bench.quick else (1, 16, 64)
    sizes = (4, 400) if bench.quick else (4, 40, 400)
    rows: list[Row] = []
    with contextlib.ExitStack() as all_of_them:
        ours = all_of_them.enter_context(bench.serve(bench.fresh_database()))
        orm = all_of_them.enter_context(peer(bench, "orm"))
        undurable = all_of_them.enter_context(peer(bench, "server", "undurable"))
        rows += _generator(all_of_them.enter_context(peer(bench, "server", "noop")))
        for cell in [Cell(many, size) for size in sizes for many in connections]:
            found = rounds(bench, cell, ours, orm, undurable)
            rows += _compared(cell, *found)
            rows.append(_at_half_load(bench, cell, found[1].acknowledged))
    rows += _two_processes(bench, Cell(connections[-1], MOST_ARE_KB))
    rows += _node(bench, Cell(connections[-1], MOST_ARE_KB))
    return rows


@contextlib.contextmanager
def peer(bench: Bench, module: str, *arguments: str) -> Iterator[Served]:
    """Another way to serve the endpoint, on a database of its own."""
    command = [sys.executable, "-m", f"tests.benchmarks.peers.{module}", *arguments]
    with bench.process(command, {"DATABASE_URL": bench.fresh_database()}) as served:
        served.url = served.until("listening on").split()[2]
        yield served


def rounds(bench: Bench, cell: Cell, *servers: Served) -> list[Measured]:
    """Each server's middle round; they take turns, so that what else the machine does meets all of them."""
    if cell.is_usual:
        count, seconds = (5, 1.0) if bench.quick else (9, 1.5)
    else:
        count, seconds = (1, 2.0) if bench.quick else (3, 3.0)
    found = [[sent(cell, seconds, server)[0] for server in servers] for _ in range(count)]
    return [_middle(of_one) for of_one in zip(*found, strict=True)]


def _middle(rounds_of_one: Sequence[Result]) -> Measured:
    turns = tuple(one.acknowledged for one in rounds_of_one)
    return Measured(median(turns), median(one.p99 for one in rounds_of_one), turns)


def sent(cell: Cell, seconds: float, *servers: Served, rate: float | None = None) -> list[Result]:
    """One round, of all servers at the same time. Raises when anything but 200 was answered, for then nothing was
    measured.
    """
    size = cell.kilobytes * 1000
    senders = [started(Plan(one.url, cell.connections, size, seconds, SHOPIFY_SECRET, rate=rate)) for one in servers]
    results = [result_of(sender) for sender in senders]
    for server, result in zip(servers, results, strict=True):
        if result.statuses.keys() != {"200"} or result.lost:
            raise RuntimeError(f"{cell} at {server.url}: {result.statuses}, {result.lost} lost; see {server.log}")
    return results


def _generator(noop: Served) -> list[Row]:
    (result,) = sent(Cell(16, MOST_ARE_KB), 2.0, noop)
    return [
        Row("16 x 4 kB: the sender against a server that does nothing", result.acknowledged, "acks/s"),
        Row("16 x 4 kB: what the sender takes of the machine then", result.cpu, "cores"),
    ]


def _compared(cell: Cell, ours: Measured, orm: Measured, undurable: Measured) -> list[Row]:
    against_orm, against_none = ours.against(orm), ours.against(undurable)
    of_orm, of_none = f"{cell}: against one ORM transaction for each", f"{cell}: against no database"
    return [
        Row(f"{cell}: Makegood", ours.acknowledged, "acks/s"),
        Row(f"{cell}: Makegood, 99th percentile", ours.p99 * 1000, "ms"),
        Row(f"{cell}: one ORM transaction for each", orm.acknowledged, "acks/s"),
        Row(f"{cell}: no database", undurable.acknowledged, "acks/s"),
        at_least(of_orm, against_orm, 4) if cell.can_group else Row(of_orm, against_orm, "ratio"),
        at_least(of_none, against_none, 0.5) if cell.is_usual else Row(of_none, against_none, "ratio"),
    ]


def _at_half_load(bench: Bench, cell: Cell, most: float) -> Row:
    """The same deliveries a second for both, half of what the ORM's way can take at most, into tables as large.

    Both at the same time: a disk that stalls for a moment, as that of a virtual machine does for seconds on end, is
    more than the hundredth part of any turn, and must meet both.
    """
    count, seconds = (3, 2.0) if bench.quick else (15, 2.0)
    with bench.serve(bench.fresh_database()) as ours, peer(bench, "orm") as orm:
        # The first ones pay for connections and plans.
        sent(cell, 1.0, ours, orm, rate=most / 2)
        found = [sent(cell, seconds, ours, orm, rate=most / 2) for _ in range(count)]
    ratio = median(mine.p99 / theirs.p99 for mine, theirs in found)
    usual = median(theirs.p99 for _, theirs in found)
    told = f"{cell}: 99th percentile at {most / 2:.0f} a second, against the ORM's {usual * 1000:.1f} ms"
    return at_most(told, ratio, 1)


def _two_processes(bench: Bench, cell: Cell) -> list[Row]:
    with bench.serve(bench.fresh_database()) as one, bench.serve(bench.fresh_database(), processes=2) as two:
        alone, both = rounds(bench, cell, one, two)
    # On two cores, which the sender and PostgreSQL share, this shows what a second process costs rather than brings.
    return [Row(f"{cell}: two API processes against one", both.against(alone), "ratio")]


def _node(bench: Bench, cell: Cell) -> list[Row]:
    with contextlib.ExitStack() as both:
        node = both.enter_context(node_peer(bench))
        name = f"{cell}: against @shopify/shopify-app-express with pg"
        if isinstance(node, str):
            return [Row(name, f"skipped: {node}", "")]
        ours = both.enter_context(bench.serve(bench.fresh_database()))
        mine, theirs = rounds(bench, cell, ours, node)
    return [
        Row(f"{cell}: @shopify/shopify-app-express with pg", theirs.acknowledged, "acks/s"),
        at_least(name, mine.against(theirs), 2.5),
    ]
