"""`makegood events`: what the merchant's own systems are told, telling it again, and testing a receiver."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from app.cases import queries as cases
from app.cli_lists import AsJson, Limit, in_database
from app.cli_output import print_json, print_table, progress, say
from app.db.work import Work
from app.errors import AppError
from app.logging import configure_logging
from app.outbound import queries, receivers, replays
from app.outbound.models import SendingStatus
from app.outbound.plan import Answer, Verdict
from app.outbound.schemas import OutboundEventOut, ReceiverOut
from app.outbound.sending import test_now
from app.outbound.vocabulary import EventType
from app.runtime import build_runtime
from app.settings_load import load_settings
from app.start import open_database

group = typer.Typer(help="Events for your own systems.", no_args_is_help=True, rich_markup_mode=None)
_DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
ReceiverKey = Annotated[str | None, typer.Option("--receiver", help="Only this receiver.")]


class ReceiverFailed(AppError):
    """A receiver did not take a test."""

    code = "receiver_failed"
    title = "The receiver did not take it"


@group.command("list")
def list_events(
    type_: Annotated[EventType | None, typer.Option("--type", help="Only events of this type.")] = None,
    case: Annotated[str | None, typer.Option(help="Only this case's: id or reference.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=_DATES, help="Only from then on (UTC).")] = None,
    receiver: ReceiverKey = None,
    status: Annotated[SendingStatus | None, typer.Option(help="Only those that stand so.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List events, newest first, with where each stands with its receivers."""

    async def read(work: Work) -> list[OutboundEventOut]:
        case_id = await cases.required_id(work, case) if case else None
        key = receiver.lower() if receiver else None
        wanted = queries.Wanted(type_, case_id, _utc(since), key, status)
        rows = await queries.search(work, wanted, None, limit)
        sendings = await queries.sendings(work, [row.id for row in rows])
        return [OutboundEventOut.of(row, sendings[row.id]) for row in rows]

    found = in_database(read)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    columns = ("id", "type", "about", "at (UTC)", "receivers")
    print_table(columns, [_row(one) for one in found], "There are no such events.")


def _row(event: OutboundEventOut) -> tuple[str, ...]:
    about = event.data.get("case") or {}
    stands = ", ".join(f"{one.receiver} {one.status} ({one.tries})" for one in event.sendings)
    at = f"{event.timestamp:%Y-%m-%d %H:%M:%S}"
    return (str(event.id), event.type, about.get("reference") or event.store or "-", at, stands or "-")


@group.command("receivers")
def list_receivers(as_json: AsJson = False) -> None:
    """List the receivers of the settings and how they fare."""

    async def read(work: Work) -> list[ReceiverOut]:
        health = await queries.health(work)
        keys = sorted(work.settings.events)
        return [receivers.shown(work, key, health.get(key), await queries.backlog(work, key)) for key in keys]

    found = in_database(read)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    rows = [(one.key, one.host, one.state, str(one.waiting), one.last_error or "-") for one in found]
    print_table(("key", "host", "state", "waiting", "last error"), rows, "No receiver is configured.")


@group.command("replay")
def replay_events(
    event: Annotated[UUID | None, typer.Argument(help="The event's id; else --since is needed.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=_DATES, help="All from then on (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(formats=_DATES, help="Before then; now unless given.")] = None,
    receiver: ReceiverKey = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that were given up.")] = False,
) -> None:
    """Send one event, or a stretch of time, again. The ids stay, so a receiver knows what it has had."""
    begin = _utc(since)
    if (event is None) == (begin is None):
        raise typer.BadParameter("name one event, or a stretch with --since")

    async def again(work: Work) -> None:
        if event is not None:
            await replays.again(work, event, receiver)
        elif begin is not None:
            await replays.begin(work, replays.stretch_of(work, begin, _utc(until), receiver, [], failed))

    in_database(again)
    say("It will be sent again by the next free worker; see how it goes with: makegood events list")


@group.command("test")
def try_receiver(receiver: Annotated[str, typer.Argument(help="The receiver's key.")]) -> None:
    """Send a test to a receiver now, and tell what it answers. Enables one that had answered HTTP 410."""
    settings = load_settings()
    configure_logging("error")

    async def run(url: str) -> Answer:
        runtime = build_runtime(settings, url, pool_size=1)
        try:
            async with runtime.work() as work:
                key = replays.require_receiver(work, receiver)
            return await test_now(runtime, key)
        finally:
            await runtime.aclose()

    with open_database(settings) as url, progress("Sending"):
        answer = asyncio.run(run(url))
    if answer.verdict is not Verdict.TAKEN:
        raise ReceiverFailed(f"{receiver} did not take the test: {answer.told}. {answer.body or ''}".strip())
    say(f"{receiver} took the test: HTTP {answer.status}.")


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
