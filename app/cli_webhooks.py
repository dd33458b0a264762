"""`makegood webhooks`: what the stores have subscribed, and making it complete."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from app.cli_output import print_table, progress, say
from app.clock import SystemClock
from app.db.engine import Database
from app.db.work import Work
from app.doctor_outside import needed_topics
from app.errors import AppError
from app.logging import configure_logging
from app.settings import Settings
from app.settings_load import load_settings
from app.start import look_at, reach_database
from app.stores import installation
from app.stores.base import Store
from app.stores.callbacks import Needs, callback_url, needs
from app.stores.registry import StoreRegistry
from app.stores.woocommerce import WooStore

group = typer.Typer(help="The stores' webhooks.", no_args_is_help=True, rich_markup_mode=None)
StoreKey = Annotated[str | None, typer.Option("--store", help="Only this store.")]
_COLUMNS = ("store", "topic", "active", "goes to")


@group.command("list")
def list_command(store: StoreKey = None) -> None:
    """List the webhooks that the stores have."""
    rows: list[tuple[str, str, str, str]] = []

    async def look(_settings: Settings, one: Store) -> None:
        found = await one.list_subscriptions()
        rows.extend((one.key, each.topic, "yes" if each.active else "no", each.url) for each in found)

    try:
        _each_store(store, "Asking", look)
    finally:
        print_table(_COLUMNS, rows, "There are no webhooks; make them with: makegood webhooks sync")


@group.command("sync")
def sync_command(
    store: StoreKey = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    secrets: Annotated[bool, typer.Option("--secrets", help="Tell WooCommerce the webhook secret again.")] = False,
) -> None:
    """Create missing webhooks, switch those on again that the store has switched off, and delete duplicates of ours."""

    said: list[str] = []
    done: list[str] = []

    async def sync(settings: Settings, one: Store) -> None:
        url = callback_url(settings, one.key)
        if dry_run or settings.stores[one.key].dry_run:
            found = needs(needed_topics(one.platform), await one.list_subscriptions(), url)
            said.append(f"{one.key}: dry run, nothing is written; {_would(found, url)}.")
            return
        changes = await one.sync_subscriptions(url)
        if secrets and isinstance(one, WooStore):
            changes += await one.renew_secrets(url)
        said.extend(f"{one.key}: {sentence}" for sentence in changes or [f"Every webhook already goes to {url}."])
        done.append(one.key)

    try:
        try:
            _each_store(store, "Synchronising", sync)
        finally:
            said.extend(_installed_again(load_settings(), done))
    finally:
        for sentence in said:
            say(sentence)


def _would(found: Needs, url: str) -> str:
    deeds = [
        (f"subscribe to {', '.join(found.absent)} at {url}", found.absent),
        (f"switch on {', '.join(found.off)}", found.off),
        (f"delete all but one of {', '.join(found.twice)}", found.twice),
    ]
    wanted = " and ".join(deed for deed, topics in deeds if topics)
    return f"would {wanted}" if wanted else "has every webhook it needs"


def _installed_again(settings: Settings, keys: list[str]) -> list[str]:
    """A store that lets its webhooks be made has the app: calls to it go on. One sentence for each that waited."""
    there = settings.database_url is not None or (settings.data_dir / "postgres" / "PG_VERSION").is_file()
    if not keys or not there:
        return []

    async def resume(url: str) -> list[str]:
        database = Database(url, 1)
        try:
            async with database.transaction() as session:
                work = Work(session, settings, SystemClock().now())
                return [key for key in keys if await installation.resume(work, key)]
        finally:
            await database.dispose()

    with reach_database(settings) as url:
        resumed = asyncio.run(resume(url)) if look_at(url).can_be_used else []
    return [f"{key}: the app is installed again; refunds and readings go on." for key in resumed]


def _each_store(key: str | None, doing: str, act: Callable[[Settings, Store], Awaitable[None]]) -> None:
    """Acts on every store (or the one named); a store that fails does not keep the others from their turn."""
    settings = load_settings()
    configure_logging("error")

    async def run() -> list[AppError]:
        stores = StoreRegistry(settings.stores)
        failures = []
        try:
            for one in [stores.get(key.lower())] if key else list(stores):
                looking_at(one.key)
                try:
                    await act(settings, one)
                except AppError as error:
                    failures.append(AppError(f"{one.key}: {error.detail}"))
        finally:
            await stores.aclose()
        return failures

    with progress(doing) as looking_at:
        failures = asyncio.run(run())
    if failures:
        raise AppError(" ".join(failure.detail for failure in failures))
