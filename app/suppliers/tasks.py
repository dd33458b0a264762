"""Calls suppliers: transaction, call, transaction. Every call carries the same key on every try."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext

from app.cases import service as cases
from app.cases.models import Case
from app.crashpoints import Point, reached
from app.db.work import Work
from app.evidence.showing import shown_to_supplier
from app.jobs import blueprint, defer
from app.outcomes import Ok, Rejected
from app.runtime import Runtime, runtime_of
from app.suppliers import calls, email
from app.suppliers.base import SupplierChannel, SupplierOutcome
from app.suppliers.news import take_in


@blueprint.task(name="suppliers.call", pass_context=True)
async def call(context: JobContext, case_id: str) -> None:
    """Makes the call that the case wants, if it still wants one."""
    runtime = runtime_of(context)
    async with runtime.work() as work:
        case = await cases.lock(work, UUID(case_id))
        wish = calls.wanted_call(case)
        if wish is None or case.supplier is None:
            calls.stop(case)
            return
        if runtime.settings.stores[case.store].dry_run and wish != "poll":
            await _would_have_called(work, case, wish)
            return
        if not calls.lease(work, case):
            return
        channel = runtime.suppliers.get(case.supplier)
        photos = calls.photos_told(case, await shown_to_supplier(work, case.id)) if wish == "open" else ()
        body = calls.body_of(case, await calls.order_of(work, case), runtime.settings.public_url, photos)
        key = calls.idempotency_key(case)
    reached(Point.SUPPLIER_LEASED)
    outcome = await _make(channel, wish, case_id, body, key)
    reached(Point.SUPPLIER_CALLED)
    async with runtime.work() as work:
        case = await cases.lock(work, UUID(case_id))
        calls.end_lease(case)
        await _settle(work, case, channel, wish, outcome)
        if calls.overtaken(work, case, wish, outcome):
            await defer(work.session, "suppliers.call", case_id=case_id)
    reached(Point.SUPPLIER_SETTLED)


async def _make(
    channel: SupplierChannel, wish: str, case_id: str, body: dict[str, object], key: str
) -> SupplierOutcome:
    if wish == "open":
        return await channel.open_return(body, key)
    return await (channel.poll(case_id) if wish == "poll" else channel.cancel(case_id))


async def _settle(work: Work, case: Case, channel: SupplierChannel, wish: str, outcome: SupplierOutcome) -> None:
    if isinstance(outcome, Ok):
        if wish == "open":
            calls.opened(case)
            if await email.ask(work, case) or channel.has_api:
                await cases.claim_filed(work, case)
        elif wish == "withdraw":
            await email.withdraw(work, case)
        if calls.still_wants(case, wish) and (wish == "withdraw" or not channel.has_api):
            calls.stop(case)
        if wish != "withdraw":
            await take_in(work, case, outcome.value, quiet=wish == "poll")
            if channel.has_api and calls.still_wants(case, wish):
                calls.plan_poll(work, case)
        return
    refused = isinstance(outcome, Rejected) and not outcome.retryable
    if refused and wish == "open":
        calls.not_opened(case)
    if not calls.still_wants(case, wish):
        return
    if refused and wish == "withdraw" and outcome.code == "supplier_unknown_return":
        calls.stop(case)
        return
    if refused:
        text = f"The supplier could not be asked ({wish}): {outcome.detail}"
        await cases.add_problem(work, case, "supplier_call_failed", text)
        calls.plan_poll(work, case) if wish == "poll" else calls.stop(case)
        return
    calls.plan_retry(work, case, outcome)


async def _would_have_called(work: Work, case: Case, wish: str) -> None:
    calls.stop(case)
    await cases.add_problem(
        work, case, "dry_run", f"Dry run: the supplier {case.supplier} would have been called ({wish})."
    )


async def sweep(runtime: Runtime) -> None:
    """Enqueues the calls that are due."""
    async with runtime.work() as work:
        for case_id in await calls.due(work):
            await defer(work.session, "suppliers.call", case_id=str(case_id))
