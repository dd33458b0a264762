"""What the service says of itself where things happen: a number, a line in the log and a moment in the trace.

One call stands at each place. What a transaction changes is counted and logged after its commit, so that nothing is
told that was undone; the trace has it at once, because its span would be over by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import object_session

from app import origin, tracing
from app.cases.models import Case
from app.cases.vocabulary import Event
from app.db.after import after_commit, unless_undone
from app.metrics import counts
from app.metrics.labels import source_label, topic_label
from app.refunds.models import Refund
from app.refunds.states import RefundStatus
from app.webhooks.models import Delivery

log = structlog.get_logger()
_SERIOUS = frozenset({RefundStatus.UNKNOWN, RefundStatus.NEEDS_REVIEW, RefundStatus.REJECTED})


@contextmanager
def reading(session: AsyncSession, delivery: Delivery) -> Iterator[None]:
    """Around the reading of one delivery, inside or outside its savepoint: what follows goes back to it."""
    told = {"source": source_label(delivery.source), "topic": topic_label(delivery.topic)}
    correlation = str(delivery.id)
    with (
        origin.began(correlation, delivery=correlation, **told),
        tracing.below(delivery.trace),
        tracing.span("read delivery", "consumer", delivery=correlation, **told),
        unless_undone(session),
    ):
        yield


def delivery_read(session: AsyncSession, delivery: Delivery, outcome: str) -> None:
    """A delivery was read: `processed`, `ignored`, `retried` (it will be read again) or `failed`."""
    kind, source, topic, name = delivery.source_kind, delivery.source, delivery.topic, str(delivery.id)
    tracing.event(f"delivery {outcome}")

    def tell() -> None:
        counts.delivery(kind, source, topic, outcome)
        # Thousands come in a minute, and most of them concern no case.
        say = {"failed": log.warning, "retried": log.info}.get(outcome, log.debug)
        say("delivery_read", delivery=name, source=source_label(source), topic=topic_label(topic), outcome=outcome)

    after_commit(session, tell)


def deliveries_read(session: AsyncSession, kind: str, numbers: Mapping[tuple[str, str, str], int]) -> None:
    """As `delivery_read`, for a batch: how many of each source, topic and outcome."""
    told = {**numbers}

    def tell() -> None:
        for (source, topic, outcome), number in told.items():
            counts.deliveries(kind, source, topic, outcome, number)

    after_commit(session, tell)


def case_event(session: AsyncSession, case: Case, event: Event, *, moved: bool) -> None:
    """An event was written into a case's trail; `moved`: it brought the case to another state."""
    name, reference, state = str(case.id), case.reference, case.state
    tracing.event(f"case {event}", case=name, state=state)

    def tell() -> None:
        if moved:
            counts.case_moved(state)
        say = log.debug if event is Event.NOTE_ADDED else log.info
        say("case_event", case=name, reference=reference, type=str(event), state=state)

    after_commit(session, tell)


def refund_moved(refund: Refund, before: str | None) -> None:
    """A refund came to its status; `before` is None when it was planned just now."""
    session = object_session(refund)
    if session is None:
        return
    status, store, amount, currency = str(refund.status), refund.store, refund.amount, refund.currency
    about = {"refund": str(refund.id), "case": str(refund.case_id)}
    tracing.event(f"refund {status}", **about)

    def tell() -> None:
        counts.refund_moved(store, status)
        say = log.warning if status in _SERIOUS else log.info
        say("refund_moved", before=before, status=status, store=store, amount=amount, currency=currency, **about)

    after_commit(session, tell)


def mail_ended(session: AsyncSession, message: str, status: str) -> None:
    """A sending of a mail ended, and the mail came to a status."""
    tracing.event(f"mail {status}")

    def tell() -> None:
        counts.mail_ended(status)
        log.info("mail_ended", mail=message, status=status)

    after_commit(session, tell)
