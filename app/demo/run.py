"""`makegood demo`: the whole story on one machine, with nothing else installed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from itertools import groupby

import httpx
from rich.console import Console

from app.demo.keepsakes import leave
from app.demo.scene import Scene, StoryStuck
from app.demo.stage import Stage, open_stage
from app.demo.stories_shopify import SHOPIFY_STORIES
from app.demo.stories_woocommerce import WOOCOMMERCE_STORIES
from app.demo.story import Played, Story
from app.demo.till import differences
from app.demo.view import Picture, closing_table, make_console

STORIES: tuple[Story, ...] = (*SHOPIFY_STORIES, *WOOCOMMERCE_STORIES)
# A wait without an end cannot be interrupted on Windows.
_TICK = 1.0
# Lines of the service's log that are shown when something was not as told.
_TROUBLE = 10


def run_demo(once: bool, port: int | None, stories: Sequence[Story] = STORIES) -> int:
    """Plays the stories and answers 0 when every case ended as told, else 1.

    Without `once` everything stays up until Ctrl-C. `port` is the API's; None takes a free one. Raises `ConfigError`
    when the port is taken or the embedded PostgreSQL is not installed.
    """
    console = make_console()
    with open_stage(port, lambda text: console.print(f"{text} …", style="dim")) as stage:
        played = [Played(number, story) for number, story in enumerate(stories, 1)]
        asyncio.run(_play_all(stage, played, console))
        console.print(closing_table(played))
        for one in played:
            for difference in one.differences:
                console.print(f"✗ {one.story.title}: {difference}", style="red", markup=False, soft_wrap=True)
        as_told = sum(one.as_told for one in played)
        if as_told < len(played):
            _show_trouble(stage, console)
        console.print(f"{as_told} of {len(played)} stories ended as told.", style="bold")
        if not once:
            _stay(stage, played, console)
    return 0 if as_told == len(played) else 1


async def _play_all(stage: Stage, played: Sequence[Played], console: Console) -> None:
    """The stores play side by side; in one store a story begins when the one before is over."""
    console.print(f"{await stage.subscribe()} webhooks are subscribed.", style="dim")
    async with stage.client() as api:
        with Picture(console, played) as picture:
            by_store = groupby(sorted(played, key=lambda one: one.story.store), key=lambda one: one.story.store)
            lanes = [list(lane) for _, lane in by_store]
            async with asyncio.TaskGroup() as group:
                for lane in lanes:
                    group.create_task(_play_lane(stage, api, lane, picture))


async def _play_lane(stage: Stage, api: httpx.AsyncClient, lane: Sequence[Played], picture: Picture) -> None:
    for played in lane:
        scene = Scene(stage.world, api, played, picture)
        scene.say(played.story.sentence)
        try:
            await played.story.play(scene)
        except (StoryStuck, httpx.HTTPError) as error:
            played.trouble = f"{error}"
        except (LookupError, ValueError) as error:
            # The sandbox refuses so, for one a return that the supplier was never asked about.
            played.trouble = f"{error!r}"
        played.differences = differences(played, scene.tills)
        played.done = True
        picture.ended(played)


def _show_trouble(stage: Stage, console: Console) -> None:
    """The last warnings and errors that the service logged: the file goes away with the demo."""
    lines = stage.log_file.read_text(encoding="utf-8").splitlines()
    for line in [line for line in lines if '"level": "info"' not in line][-_TROUBLE:]:
        console.print(line, style="dim", markup=False, soft_wrap=True)


async def _keepsakes(stage: Stage) -> list[tuple[str, str]]:
    async with stage.client() as api:
        return await leave(stage, api)


def _stay(stage: Stage, played: Sequence[Played], console: Console) -> None:
    """Prints the links and waits for Ctrl-C."""
    links = [*asyncio.run(_keepsakes(stage)), *(link for one in played for link in one.links)]
    pages = "".join(f"  {who}\n    {link}\n" for who, link in links)
    console.print(
        f"\nMakegood stays up. Look around:\n"
        f"  documentation  {stage.url}/docs\n"
        f"  API            {stage.url}/api/v1\n"
        f"  API token      {stage.token}\n"
        f"  sandbox        {stage.world.url}   (play it: POST /control/orders, GET /control/ledger)\n"
        f"  log            {stage.log_file}\n"
        f"{pages}"
        f'Try: curl -H "Authorization: Bearer {stage.token}" {stage.url}/api/v1/cases\n'
        f"Ctrl-C stops it and leaves nothing behind.",
        markup=False,
        soft_wrap=True,
    )
    never = threading.Event()
    try:
        while not never.wait(_TICK):
            continue
    except KeyboardInterrupt:
        console.print("Stopped.")
