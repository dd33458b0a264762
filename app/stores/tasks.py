"""Keeps a store's own return in step with the cases that were made of it."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext, RetryStrategy
from sqlalchemy import select

from app.cases import service as cases
from app.cases.models import Case
from app.cases.vocabulary import ENDED, State
from app.db.work import Work
from app.jobs import blueprint
from app.runtime import Runtime, runtime_of
from app.stores.base import Store, StoreRefused

# A store may be down, or the database restart: closing the return later is as good.
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
    try:
        await _tell(store, return_id, step, note)
    except StoreRefused as error:
        await _refused(runtime, UUID(case_id), step, error)


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
