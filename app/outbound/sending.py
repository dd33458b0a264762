"""Takes what is due for one receiver, sends it, and keeps what came back: transaction, call, transaction.

Any number of workers may do this at once. An event whose worker died is sent again, under the same id.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, insert, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from app.crashpoints import Point, reached
from app.db.work import Work
from app.outbound import plan, service
from app.outbound.models import OutboundAttempt, OutboundEvent, OutboundReceiver, OutboundSending, SendingStatus
from app.outbound.payloads import envelope
from app.outbound.plan import Answer, Verdict
from app.outbound.sender import Post, Sender
from app.runtime import Runtime
from app.settings_events import ReceiverSettings

# Calls at a time to one receiver by one worker: enough for a quick one, and a dead one holds no more than that.
AT_ONCE = 8
# Longer than the longest call and what is written after it: until then what is being sent belongs to its worker.
LEASE = timedelta(seconds=60)
# How exact `last_success_at` of a receiver in good health is.
_FRESH = timedelta(seconds=10)
# Written out, so that the partial indexes over what is pending are used.
_PENDING: ColumnElement[str] = literal_column("'pending'")


@dataclass(frozen=True, slots=True)
class Letter:
    """One event taken for sending; `number` is its attempt."""

    event_id: UUID
    receiver: str
    number: int
    body: dict[str, Any]


async def send_due(runtime: Runtime, sender: Sender, receiver: str) -> int:
    """Sends what is due for a receiver, side by side; answers how many were sent. At most one of a case at a time."""
    async with runtime.work() as work:
        letters = await claim(work, receiver)
    settings = runtime.settings.events[receiver]
    sent = await asyncio.gather(*(_send(runtime, sender, settings, one) for one in letters), return_exceptions=True)
    # Each is ended before one that could not be noted is reported: it is sent again when its lease is over.
    for outcome in sent:
        if isinstance(outcome, BaseException):
            raise outcome
    return len(letters)


async def test_now(runtime: Runtime, receiver: str) -> Answer:
    """Sends a test to a receiver at once, whatever its state, and answers what it said.

    Written and taken in one transaction, so that no worker is quicker.
    """
    async with runtime.work() as work:
        await revive(work, receiver)
        event_id = await service.test(work, receiver)
        row = await work.session.get_one(OutboundSending, (event_id, receiver))
        (letter,) = await _take(work, [row])
    async with Sender() as sender:
        return await _send(runtime, sender, runtime.settings.events[receiver], letter)


async def _send(runtime: Runtime, sender: Sender, settings: ReceiverSettings, letter: Letter) -> Answer:
    reached(Point.EVENT_TAKEN)
    post = Post(settings.url.get_secret_value(), settings.secrets, str(letter.event_id), letter.body)
    answer = await sender.post(post)
    reached(Point.EVENT_SENT)

    async def settled(work: Work) -> None:
        await settle(work, letter, answer)

    await runtime.carry_out(settled)
    return answer


async def claim(work: Work, receiver: str) -> list[Letter]:
    """Takes what is due for this worker; nothing while the receiver is paused or gone, one after it was down.

    What another worker holds is skipped. An event waits for the earlier ones of its case, unless they were
    refused too often.
    """
    state = await work.session.get(OutboundReceiver, receiver)
    if state is not None and (state.disabled_at or (state.paused_until and state.paused_until > work.now)):
        return []
    most = 1 if state is not None and state.failures >= plan.PAUSE_AFTER else AT_ONCE
    due, earlier = OutboundSending, aliased(OutboundSending)
    held = exists().where(
        earlier.receiver == due.receiver,
        earlier.case_id == due.case_id,
        earlier.status == _PENDING,
        earlier.seq < due.seq,
        earlier.refusals < plan.HOLDING_REFUSALS,
    )
    statement = (
        select(due)
        .where(due.receiver == receiver, due.status == _PENDING, due.next_try_at <= work.now, ~held)
        .order_by(due.next_try_at, due.seq)
        .limit(most)
        .with_for_update(skip_locked=True, of=due)
    )
    return await _take(work, list(await work.session.scalars(statement)))


async def _take(work: Work, rows: list[OutboundSending]) -> list[Letter]:
    if not rows:
        return []
    ids = [row.event_id for row in rows]
    found = await work.session.scalars(select(OutboundEvent).where(OutboundEvent.id.in_(ids)))
    events = {event.id: event for event in found}
    letters = []
    for row in rows:
        row.tries += 1
        row.attempts += 1
        row.claimed_at, row.next_try_at = work.now, work.now + LEASE
        event = events[row.event_id]
        body = envelope(event.id, event.type, event.seq, event.created_at, event.data)
        letters.append(Letter(event.id, row.receiver, row.attempts, body))
    begun = [
        {"event_id": one.event_id, "receiver": one.receiver, "number": one.number, "started_at": work.now}
        for one in letters
    ]
    await work.session.execute(insert(OutboundAttempt), begun)
    return letters


async def settle(work: Work, letter: Letter, answer: Answer) -> None:
    """Keeps an answer: delivered, tried again later, or given up. Locks the sending, then its receiver."""
    row = await work.session.get(OutboundSending, (letter.event_id, letter.receiver), with_for_update=True)
    attempt = await work.session.get(OutboundAttempt, (letter.event_id, letter.receiver, letter.number))
    if row is None or attempt is None:
        return
    attempt.finished_at = work.now
    attempt.http_status, attempt.error, attempt.body = answer.status, answer.error, answer.body
    # A later attempt is under way, or a replay has queued it anew: this answer decides nothing any more.
    if row.attempts != letter.number or row.claimed_at is None:
        return
    row.claimed_at = row.next_try_at = None
    if answer.verdict is Verdict.TAKEN:
        row.status, row.delivered_at = SendingStatus.DELIVERED, work.now
    else:
        # S311: spreads retries, no secret.
        wait = plan.next_wait(row.tries, random.random(), answer.retry_after)  # noqa: S311
        again = wait is not None and answer.verdict is Verdict.FAILED
        row.refusals += answer.refuses
        row.status = SendingStatus.PENDING if again else SendingStatus.FAILED
        row.next_try_at = work.now + wait if wait is not None and again else None
    await work.session.flush()
    await _keep_health(work, letter.receiver, answer)


async def _keep_health(work: Work, receiver: str, answer: Answer) -> None:
    """How the receiver fares. After it was down, everything that waits for it is due at once, in sequence."""
    taken = answer.verdict is Verdict.TAKEN
    if taken and await _known_to_be_well(work, receiver):
        return
    state = await _locked(work, receiver)
    if taken:
        was_down = state.failures >= plan.PAUSE_AFTER
        state.failures, state.failing_since, state.paused_until = 0, None, None
        state.last_success_at, state.last_error = work.now, None
        if was_down:
            await wake(work, receiver)
        return
    state.failures += 1
    state.failing_since = state.failing_since or work.now
    state.last_failure_at, state.last_error = work.now, answer.told
    state.paused_until = work.now + plan.pause(state.failures, answer.retry_after)
    if answer.verdict is Verdict.GONE:
        state.disabled_at = state.disabled_at or work.now


async def _known_to_be_well(work: Work, receiver: str) -> bool:
    """Whether the row says so already: those that are sent side by side need not queue for it."""
    state = await work.session.get(OutboundReceiver, receiver)
    well_at = state.last_success_at if state is not None and not state.failures else None
    return well_at is not None and well_at > work.now - _FRESH


async def wake(work: Work, receiver: str) -> None:
    """Makes everything due that waits for a receiver and is not being sent; its sequence counts again."""
    await work.session.execute(
        update(OutboundSending)
        .where(
            OutboundSending.receiver == receiver,
            OutboundSending.status == _PENDING,
            OutboundSending.claimed_at.is_(None),
        )
        .values(next_try_at=func.least(OutboundSending.next_try_at, work.now), refusals=0)
    )


async def revive(work: Work, receiver: str) -> None:
    """Somebody asks to try a receiver again: its pause is over, and so is what a 410 said."""
    state = await _locked(work, receiver)
    if state.disabled_at is not None:
        await wake(work, receiver)
    state.disabled_at = state.paused_until = None


async def _locked(work: Work, receiver: str) -> OutboundReceiver:
    await work.session.execute(upsert(OutboundReceiver).values(key=receiver).on_conflict_do_nothing())
    statement = select(OutboundReceiver).where(OutboundReceiver.key == receiver).with_for_update()
    return (await work.session.execute(statement.execution_options(populate_existing=True))).scalar_one()
