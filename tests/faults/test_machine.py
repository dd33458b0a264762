"""Stories that hypothesis makes up. `MAKEGOOD_STORIES=500` plays that many, with new ones each time."""

from __future__ import annotations

import asyncio
import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.campaign import quiet
from tests.faults.machine import Scene, Story
from tests.faults.play import Batch

_FEW = 6
_STEPS = 14


def test_no_story_pays_twice_or_loses_a_refund(database_url: str) -> None:
    many = int(os.environ.get("MAKEGOOD_STORIES", "0"))
    batch = Batch([])
    opened = batch.opened(database_url)
    with quiet(), asyncio.Runner() as runner:
        theatre = runner.run(opened.__aenter__())
        try:
            runner.run(theatre.subscribe())
            story = type("PlayedStory", (Story,), {"scene": Scene(runner, batch)})
            run_state_machine_as_test(
                story,
                settings=settings(
                    max_examples=many or _FEW,
                    stateful_step_count=_STEPS,
                    derandomize=not many,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate, *([Phase.shrink] if many else [])],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
