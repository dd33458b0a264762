"""Keeps a store's own return in step with the cases that were made of it."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext, RetryStrategy
from sqlalchemy import literal_column, select

from app.cases import service as cases
from app.cases.models import Case
from app.cases.vocabulary import ENDED, State
from app.crashpoints import Point, reached
from app.db.work import Work
from app.jobs import blueprint, defer
from app.requests import service as requests
from app.runtime import Runtime, runtime_of
from app.stores import installation
from app.stores.base import Store, StoreRefused, StoreUninstalled

# A store may be down, or the database restart: closing the return later is as good.
_BECOMES = {"approve": "open", "decline": "declined", "close": "closed"}
_PATIENCE = RetryStrategy(max_attempts=10, exponential_wait=4)


@blueprint.task(name="stores.sync_return", pass_context=True, retry=_PATIENCE)
async def sync_return(context: JobContext, case_id: str, wanted: str, note: str) -> None:
    """Approves, declines or closes the return in the store.

    A return that was split over suppliers is declined or closed only when every one of its cases has come that far.
    """
    runtime = runtime_of(context)
    async with runtime.work() as work:
        case = await work.session.get_one(Case, UUID(case_id))
        step = await _step(work, case, wanted)
        if step is None or case.store_return_id is None:
            return
        if runtime.settings.stores[case.store].dry_run:
            locked = await cases.lock(work, case.id)
            await cases.add_problem(work, locked, "dry_run", f"Dry run: the store's return would be told: {step}.")
            return
        store, return_id = runtime.stores.get(case.store), case.store_return_id
    reached(Point.STORE_RETURN_DECIDED)
    try:
        await _tell(store, return_id, step, note)
    except StoreUninstalled as error:
        async with runtime.work() as work:
            locked = await cases.lock(work, UUID(case_id))
            await cases.add_problem(work, locked, installation.PROBLEM, f"The store's return waits: {error.detail}")
        return
    except StoreRefused as error:
        await _refused(runtime, UUID(case_id), step, error)
        return
    reached(Point.STORE_RETURN_TOLD)
    async with runtime.work() as work:
        await requests.note_store_status(work, store.key, return_id, _BECOMES[step])


@blueprint.task(name="stores.resumed", pass_context=True, retry=_PATIENCE)
async def resumed(context: JobContext, store: str) -> None:
    """The app is installed again: the store's cases lose the problem, and its own returns are told what they missed."""
    runtime = runtime_of(context)
    async with runtime.work() as work:
        statement = select(Case.id).where(
            Case.attention != literal_column("'{}'"), Case.store == store, Case.problems.any_() == installation.PROBLEM
        )
        waiting = (await work.session.scalars(statement)).all()
    for case_id in waiting:
        async with runtime.work() as work:
            case = await cases.lock(work, case_id)
            if await cases.solve_problem(work, case, installation.PROBLEM, "The app is installed in the store again."):
                wanted = _missed(case)
                if case.store_return_id is not None and wanted is not None:
                    await defer(work.session, "stores.sync_return", case_id=str(case.id), wanted=wanted, note="")


def _missed(case: Case) -> str | None:
    """What the store's own return should have been told by now; telling it twice is harmless."""
    if case.state in (State.REJECTED, State.EXPIRED):
        return "decline"
    if case.state in (*ENDED, State.RESOLVED):
        return "close"
    return "approve" if any(line.approved for line in case.lines) else None


async def _tell(store: Store, return_id: str, step: str, note: str) -> None:
    if step == "approve":
        await store.approve_return(return_id)
    elif step == "decline":
        await store.decline_return(return_id, note or "Declined")
    else:
        await store.close_return(return_id)


async def _step(work: Work, case: Case, wanted: str) -> str | None:
    if wanted == "approve":
        return wanted
    statement = select(Case.state).where(Case.store == case.store, Case.store_return_id == case.store_return_id)
    states = set(await work.session.scalars(statement))
    if not states <= {*ENDED, State.RESOLVED}:
        return None
    return "decline" if states <= {State.REJECTED, State.EXPIRED} and wanted == "decline" else "close"


async def _refused(runtime: Runtime, case_id: UUID, step: str, error: StoreRefused) -> None:
    async with runtime.work() as work:
        case = await cases.lock(work, case_id)
        text = f"The store would not {step} its own return: {error.detail}"
        await cases.add_problem(work, case, "store_return", text)
