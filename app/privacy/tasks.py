"""Carries requests about customers' data out, in small transactions; a job that dies is taken up again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import UUID

from procrastinate import JobContext
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.cases.models import Case
from app.jobs import blueprint, defer
from app.orders.models import Order
from app.privacy import bodies, report
from app.privacy import service as privacy
from app.privacy.concerns import Subject, return_id
from app.privacy.erase import LEFT, erase_declarations, erase_order
from app.privacy.models import PrivacyKind, PrivacyRequest
from app.runtime import Runtime, runtime_of
from app.webhooks.models import SourceKind

# A mail or webhook that was in use is free again by then.
_AGAIN = timedelta(minutes=1)
_ORDERS_AT_ONCE = 200
_RECOUNTED = frozenset({"orders", "return_requests", "cases", "evidence"})
Meant = Callable[[str, bytes], bool]


@blueprint.task(name="privacy.carry_out", pass_context=True)
async def carry_out(context: JobContext, request_id: str) -> None:
    """Shows or erases what the request is about. Harmless to repeat; what is in use is erased by a later run."""
    runtime = runtime_of(context)
    async with runtime.work() as work:
        request = await work.session.get_one(PrivacyRequest, UUID(request_id), with_for_update=True)
        if request.done_at is not None:
            return
        request.next_try_at = work.now + privacy.LEASE
        if request.kind == PrivacyKind.DATA_REQUEST:
            request.result = await report.counts(work, request)
            request.done_at, request.next_try_at = work.now, None
            return
        whole_store, store = request.kind == PrivacyKind.REDACT_STORE, request.store
        meant = [] if whole_store else await privacy.orders_meant(work, request)
        # The first run takes the e-mail off the orders, and a second one must find them all the same.
        request.orders = await privacy.with_ids(work, request, meant)
    why = {"id": request_id}
    if whole_store:
        done = await _erase_store(runtime, store, why)
    else:
        done = await _erase_customer(runtime, request_id, meant, why)
    async with runtime.work() as work:
        request = await work.session.get_one(PrivacyRequest, UUID(request_id), with_for_update=True)
        request.result = _added(request.result or {}, done)
        request.next_try_at = work.now + _AGAIN if done[LEFT] else None
        if not done[LEFT]:
            request.done_at = work.now
            await privacy.forget_email(work, request)


def _added(before: Mapping[str, int], done: Counter[str]) -> dict[str, int]:
    """The counts of all runs; what each run goes through from the start counts once."""
    kept = {name: count + (0 if name in _RECOUNTED else before.get(name, 0)) for name, count in done.items()}
    kept.pop(LEFT, None)
    return kept


async def _erase_customer(runtime: Runtime, request_id: str, meant: list[UUID], why: dict[str, str]) -> Counter[str]:
    async with runtime.work() as work:
        request = await work.session.get_one(PrivacyRequest, UUID(request_id))
        subject, suppliers, store = await _subject(work.session, request, meant)
    done: Counter[str] = Counter()
    for order_pk in meant:
        async with runtime.work() as work:
            done += await erase_order(work, order_pk, why)
    if subject.email:
        async with runtime.work() as work:
            done += await erase_declarations(work, store, subject.email)
    senders = [(SourceKind.STORE, store), *((SourceKind.SUPPLIER, key) for key in suppliers)]
    return done + await _erase_around(runtime, senders, subject.concerns, subject.concerns)


async def _subject(session: AsyncSession, request: PrivacyRequest, meant: list[UUID]) -> tuple[Subject, list[str], str]:
    """How bodies name the customer, the suppliers that were told of their cases, and the store."""
    ids = set(await session.scalars(select(Order.order_id).where(Order.id.in_(meant))))
    found = (await session.scalars(select(Case).where(Case.order_pk.in_(meant)))).all()
    others = {str(case.id) for case in found} | {str(case.request_id) for case in found}
    others |= {case.store_return_id for case in found if case.store_return_id}
    others |= {request.customer_id} if request.customer_id else set()
    subject = Subject(request.email, frozenset(ids | set(request.orders)), frozenset(others))
    return subject, sorted({case.supplier for case in found if case.supplier}), request.store


async def _erase_store(runtime: Runtime, store: str, why: dict[str, str]) -> Counter[str]:
    done: Counter[str] = Counter()
    after: UUID | None = None
    suppliers: set[str] = set()
    case_ids: set[str] = set()
    while True:
        async with runtime.work() as work:
            statement = select(Order.id).where(Order.store == store).order_by(Order.id).limit(_ORDERS_AT_ONCE)
            if after is not None:
                statement = statement.where(Order.id > after)
            batch = (await work.session.scalars(statement)).all()
            found = (await work.session.scalars(select(Case).where(Case.order_pk.in_(batch)))).all()
            suppliers |= {case.supplier for case in found if case.supplier}
            case_ids |= {str(case.id) for case in found}
        for order_pk in batch:
            async with runtime.work() as work:
                done += await erase_order(work, order_pk, why)
        if len(batch) < _ORDERS_AT_ONCE:
            break
        after = batch[-1]
    told = f'"store": "{store}"'.encode()
    done += await _erase_around(
        runtime, [(SourceKind.STORE, store)], lambda _topic, _body: True, lambda _topic, answer: told in answer
    )
    senders = [(SourceKind.SUPPLIER, key) for key in sorted(suppliers)]
    return done + await _erase_around(runtime, senders, lambda _topic, body: return_id(body) in case_ids, None)


async def _erase_around(
    runtime: Runtime, senders: list[tuple[SourceKind, str]], meant: Meant, told: Meant | None
) -> Counter[str]:
    """The raw bodies of these senders, and the answers that were remembered for repeats."""
    done: Counter[str] = Counter()
    for kind, source in senders:
        after: UUID | None = None
        while True:
            async with runtime.work() as work:
                after, emptied, left = await bodies.erase_bodies(work, kind, source, after, meant)
            done.update({"deliveries": emptied, LEFT: left})
            if after is None:
                break
    place: tuple[str, str] | None = None
    while told is not None:
        async with runtime.work() as work:
            place, changed = await bodies.erase_answers(work, place, told)
        done["answers"] += changed
        if place is None:
            break
    return done


async def sweep(runtime: Runtime) -> None:
    """Enqueues requests whose job was lost, and those that had to leave something for later."""
    async with runtime.work() as work:
        statement = (
            select(PrivacyRequest)
            .where(PrivacyRequest.next_try_at <= work.now)
            .limit(50)
            .with_for_update(skip_locked=True)
        )
        for request in await work.session.scalars(statement):
            request.next_try_at = work.now + privacy.LEASE
            await defer(work.session, "privacy.carry_out", request_id=str(request.id))
