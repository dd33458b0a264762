"""Runs a campaign: draws plays, plays them in batches, collects the verdicts."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial

import structlog
import uvloop

from tests.faults.draw import Play
from tests.faults.judge import Verdict
from tests.faults.play import Batch
from tests.faults.theatre import fresh_database

BATCH = 80
# The sandbox, the API, the courier and the workers are threads of one process: they must hand over quickly.
_SWITCH_SECONDS = 0.0005
_COLLECT_AFTER = 100_000


@contextmanager
def quiet() -> Iterator[None]:
    """What the service logs about planned trouble is of no interest here."""
    before, level, seconds = structlog.get_config(), logging.getLogger().level, sys.getswitchinterval()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger().setLevel(logging.CRITICAL)
    sys.setswitchinterval(_SWITCH_SECONDS)
    collection = gc.get_threshold()
    # Most of what lives, lives for the whole batch: looking through it all the time costs a tenth of the run.
    gc.set_threshold(_COLLECT_AFTER, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*collection)
        structlog.configure(**before)
        logging.getLogger().setLevel(level)
        sys.setswitchinterval(seconds)


def play_batch(plays: Sequence[Play], server_url: str, template: str) -> list[Verdict]:
    """One batch in a database and a world of its own."""
    with quiet(), fresh_database(server_url, template) as database_url:
        return uvloop.run(Batch(plays).play(database_url))


def run(plays: Sequence[Play], server_url: str, template: str, jobs: int = 1) -> Iterator[list[Verdict]]:
    """Plays everything, `jobs` batches at a time; yields the verdicts of each batch as it ends."""
    batches = [plays[start : start + BATCH] for start in range(0, len(plays), BATCH)]
    one = partial(play_batch, server_url=server_url, template=template)
    if jobs == 1:
        yield from map(one, batches)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(one, batches)
