"""Decides past cases under two policies, batch by batch, in as many processes as asked for.

At no time is more in memory than a few batches and the sums; what a batch comes to does not depend on which process
counts it, nor on what is counted beside it.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import chain, islice

from app.errors import AppError
from app.whatif.judge import Contest, Judge
from app.whatif.past import Batch
from app.whatif.tally import Tally

# Batches that wait for each process: enough to keep it busy, few enough to keep in memory.
AHEAD = 2
# Objects made before Python looks for circles among them.
_COLLECT_AFTER = 100_000


class RunBroken(AppError):
    """A process that counted is gone."""

    code = "run_broken"
    title = "The comparison could not be finished"


@dataclass(slots=True)
class Result:
    """The sums under both policies. `done` counts every case that came, `counted` those that were declared in time."""

    before: Tally = field(default_factory=Tally)
    after: Tally = field(default_factory=Tally)
    done: int = 0
    counted: int = 0

    def merge(self, other: Result) -> None:
        """Adds another result to this one."""
        self.before.merge(other.before)
        self.after.merge(other.after)
        self.done += other.done
        self.counted += other.counted


def compare(batches: Iterable[Batch], contest: Contest, jobs: int, advance: Callable[[int], None]) -> Result:
    """Decides every case twice. `advance` is told how many cases were done since it was last told.

    Raises `RunBroken` when a process dies, and what reading the batches raises.
    """
    total = Result()
    for result in _results(iter(batches), contest, jobs):
        total.merge(result)
        advance(result.done)
    return total


def _results(batches: Iterator[Batch], contest: Contest, jobs: int) -> Iterator[Result]:
    first = list(islice(batches, 2))
    everything = chain(first, batches)
    # One batch is counted sooner than a process is started.
    if jobs == 1 or len(first) < 2:
        judge = Judge(contest)
        yield from (count(judge, batch) for batch in everything)
        return
    # Not forked: this process may hold connections and threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(contest,))
    try:
        yield from _in_turn(pool, everything, jobs * AHEAD)
    except BrokenProcessPool:
        raise RunBroken("A process of the comparison was ended from outside; run it again with fewer --jobs.") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _in_turn(pool: ProcessPoolExecutor, batches: Iterator[Batch], most: int) -> Iterator[Result]:
    """Results as they come, with at most so many batches under way."""
    waiting: set[Future[Result]] = {pool.submit(_count, batch) for batch in islice(batches, most)}
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for one in done:
            yield one.result()
        waiting |= {pool.submit(_count, batch) for batch in islice(batches, len(done))}


_judge: Judge | None = None


def _begin(contest: Contest) -> None:
    global _judge
    # A case leaves many small objects and no circles; looking for circles often takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    _judge = Judge(contest)


def _count(batch: Batch) -> Result:
    assert _judge is not None, "the process was not prepared"
    return count(_judge, batch)


def count(judge: Judge, batch: Batch) -> Result:
    """What a batch comes to."""
    result = Result()
    for case in batch.cases():
        result.done += 1
        if judge.contest.since is not None and case.declared_at < judge.contest.since:
            continue
        result.counted += 1
        played = judge.play(case)
        result.before.add(played.groups, played.before)
        result.after.add(played.groups, played.after)
    return result
