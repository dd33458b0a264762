"""`makegood deliveries` and `makegood cases`: the same as the API, straight from the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from app.cases import queries as case_queries
from app.cases.answers import case_out
from app.cases.models import Case
from app.cases.queries import Conditions
from app.cases.schemas import CaseOut, EventOut
from app.cases.vocabulary import State
from app.cli_output import print_json, print_table, say
from app.clock import SystemClock
from app.db.engine import Database
from app.db.work import Work
from app.errors import NotFound
from app.logging import configure_logging
from app.settings_load import load_settings
from app.start import open_database
from app.webhooks import inbox
from app.webhooks import queries as delivery_queries
from app.webhooks.models import DeliveryStatus
from app.webhooks.schemas import DeliveryOut

T = TypeVar("T")

deliveries = typer.Typer(help="Webhooks as they came.", no_args_is_help=True, rich_markup_mode=None)
cases = typer.Typer(help="Return cases.", no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="For programs: as the API answers.")]
Limit = Annotated[int, typer.Option(help="At most so many, newest first.", min=1, max=1000)]
# The audit trail of one case; nobody reads further in a terminal.
_MOST_EVENTS = 1000


@deliveries.command("list")
def list_deliveries(
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only deliveries with this status.")] = None,
    store: Annotated[str | None, typer.Option(help="Only this store's.")] = None,
    supplier: Annotated[str | None, typer.Option(help="Only this supplier's.")] = None,
    topic: Annotated[str | None, typer.Option(help="Only this topic.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List webhooks as they came, newest first."""

    async def read(work: Work) -> list[DeliveryOut]:
        found = await delivery_queries.search(
            work,
            status=status,
            store=store.lower() if store else None,
            supplier=supplier.lower() if supplier else None,
            topic=topic,
            after=None,
            limit=limit,
        )
        return [DeliveryOut.of(one) for one in found]

    found = in_database(read)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    columns = ("id", "from", "topic", "status", "came again", "received", "error")
    print_table(columns, [_delivery_row(one) for one in found], "There are no such deliveries.")


def _delivery_row(delivery: DeliveryOut) -> tuple[str, ...]:
    return (
        str(delivery.id),
        delivery.store or delivery.supplier or "-",
        delivery.topic,
        delivery.status,
        str(delivery.duplicates),
        f"{delivery.received_at:%Y-%m-%d %H:%M:%S}",
        delivery.error or "-",
    )


@deliveries.command("replay")
def replay_delivery(delivery: Annotated[UUID, typer.Argument(help="The delivery's id.")]) -> None:
    """Have a delivery read once more. Harmless to repeat: what it says is applied once."""

    async def replay(work: Work) -> None:
        if not await inbox.again(work, delivery):
            raise NotFound(f"There is no delivery {delivery}.")

    in_database(replay)
    say(f"The delivery {delivery} will be read again by the next free worker.")


@cases.command("list")
def list_cases(
    state: Annotated[State | None, typer.Option(help="Only cases in this state.")] = None,
    store: Annotated[str | None, typer.Option(help="Only this store's.")] = None,
    supplier: Annotated[str | None, typer.Option(help="Only this supplier's.")] = None,
    order: Annotated[str | None, typer.Option(help="Only this order's: the store's id or the printed number.")] = None,
    needs_attention: Annotated[bool, typer.Option("--needs-attention", help="Only those that wait for you.")] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List cases, newest first; with --needs-attention most urgent first, and what to do about each."""
    conditions = Conditions(
        state=state,
        store=store.lower() if store else None,
        supplier=supplier.lower() if supplier else None,
        order=order,
        needs_attention=needs_attention or None,
    )

    async def read(work: Work) -> list[CaseOut]:
        if needs_attention:
            found = await case_queries.most_urgent(work, conditions, None, limit)
        else:
            found = await case_queries.search(work, conditions, None, limit)
        return [case_out(facts) for facts in await case_queries.facts(work, found)]

    found = in_database(read)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    if needs_attention:
        tasks = ("reference", "state", "store", "order", "supplier", "due", "what to do")
        print_table(tasks, [_task_row(one) for one in found], "No case waits for you.")
        return
    columns = ("reference", "state", "store", "order", "supplier", "reasons", "waits for you", "updated")
    print_table(columns, [_case_row(one) for one in found], "There are no such cases.")


def _task_row(case: CaseOut) -> tuple[str, ...]:
    due = f"{case.due.at:%Y-%m-%d}" if case.due else "-"
    return (*_named(case), due, " ".join(case.attention_why))


def _case_row(case: CaseOut) -> tuple[str, ...]:
    waits = ", ".join(case.attention) or "-"
    return (*_named(case), ", ".join(case.reasons), waits, f"{case.updated_at:%Y-%m-%d %H:%M}")


def _named(case: CaseOut) -> tuple[str, ...]:
    """The columns that both lists begin with."""
    return (case.reference, case.state, case.store, case.order.number, case.supplier or "-")


@cases.command("show")
def show_case(
    case: Annotated[str, typer.Argument(help="Id or reference (MG-…).")],
    as_json: AsJson = False,
) -> None:
    """Show a case with its audit trail."""

    async def read(work: Work) -> tuple[CaseOut, list[EventOut]]:
        case_id = await case_queries.required_id(work, case)
        stored = await work.session.get_one(Case, case_id)
        facts = await case_queries.facts(work, [stored])
        rows = await case_queries.events(work, case_id, 0, _MOST_EVENTS)
        return case_out(facts[0]), [EventOut.model_validate(row, from_attributes=True) for row in rows]

    shown, events = in_database(read)
    if as_json:
        print_json({**shown.model_dump(mode="json"), "events": [one.model_dump(mode="json") for one in events]})
        return
    for name, value in _case_facts(shown):
        say(f"{name:<14}{value}")
    say("")
    rows = [(str(one.seq), f"{one.at:%Y-%m-%d %H:%M:%S}", one.type, one.to_state, one.actor) for one in events]
    print_table(("#", "at (UTC)", "event", "state", "by"), rows, "")


def _case_facts(case: CaseOut) -> list[tuple[str, str]]:
    lines = "; ".join(f"{line.quantity} x {line.title} ({line.reason})" for line in case.lines)
    refunds = "; ".join(f"{one.amount.amount} {one.amount.currency} {one.status}" for one in case.refunds)
    due = f"{case.due.kind} on {case.due.at:%Y-%m-%d %H:%M}" if case.due else "-"
    return [
        ("case", f"{case.reference} ({case.id})"),
        ("state", case.state),
        ("waits for you", " ".join(case.attention_why) or "no"),
        ("order", f"{case.order.number} of {case.store}"),
        ("supplier", case.supplier or "-"),
        ("lines", lines),
        ("RMA number", case.rma_number or "-"),
        ("gate", case.gate.ground if case.gate else "closed"),
        ("refunds", refunds or "-"),
        ("due", due),
        ("claim by", f"{case.claim.last_day} {case.claim.note or ''}".strip() if case.claim else "-"),
        ("actions", ", ".join(case.allowed_actions) or "-"),
    ]


def in_database(act: Callable[[Work], Awaitable[T]]) -> T:
    """Runs `act` in one transaction on the configured database."""
    settings = load_settings()
    configure_logging("error")

    async def run(url: str) -> T:
        database = Database(url, pool_size=1)
        try:
            async with database.transaction() as session:
                return await act(Work(session, settings, SystemClock().now()))
        finally:
            await database.dispose()

    with open_database(settings) as url:
        return asyncio.run(run(url))
