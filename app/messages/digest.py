"""The operator's day in one mail: what needs a person now, and what happened in the last 24 hours."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Select, func, select

from app.cases import queries
from app.cases.models import NOT_ENDED, Case, CaseEventRow
from app.cases.queries import Conditions
from app.cases.vocabulary import BEFORE_RESOLVING, Event
from app.db.work import Work
from app.feedback.models import Feedback
from app.ledger.models import CREDIT_OPEN, CreditStatus, SupplierCredit
from app.messages.facts import DigestCase, DigestFacts
from app.messages.models import Message, MessageStatus
from app.messages.render import MessageFacts, MessageKind
from app.messages.service import Letter, write
from app.money import Money
from app.orders.models import Order
from app.policy.law.calendar import zone_of
from app.refunds.models import Refund
from app.refunds.states import RefundStatus
from app.settings import Settings

# So many cases are shown; the rest is counted.
_SHOWN = 20
_DAY, _SOON = timedelta(days=1), timedelta(days=3)


async def send_digest(work: Work) -> None:
    """Writes the digest of the operator's day when its hour has come and it is not written yet.

    A worker that slept through the hour writes it later that day; a day that was slept through as a whole has none.
    """
    settings = work.settings
    if settings.digest_hour < 0 or settings.operator_email is None:
        return
    here = work.now.astimezone(zone_of(_country(settings)))
    key = f"{MessageKind.DIGEST}:{here.date()}"
    if here.hour < settings.digest_hour or await _written(work, key):
        return
    facts = MessageFacts(
        kind=MessageKind.DIGEST,
        locale=_locale(settings),
        store_name="Makegood",
        order_number="",
        country=_country(settings),
        digest=await digest_of(work, here),
    )
    await write(work, facts, Letter(key, settings.operator_email, None))


async def digest_of(work: Work, here: datetime) -> DigestFacts:
    """What the digest of that local day tells; the last 24 hours end now."""
    since = work.now - _DAY
    urgent = await queries.most_urgent(work, Conditions(), None, _SHOWN)
    money = await work.session.execute(
        select(Refund.currency, Refund.exponent, func.sum(Refund.amount), func.count())
        .where(Refund.status == RefundStatus.SUCCEEDED, Refund.settled_at >= since)
        .group_by(Refund.currency, Refund.exponent)
        .order_by(Refund.currency, Refund.exponent)
    )
    refunds = money.all()
    scores = await work.session.scalars(select(Feedback.score).where(Feedback.updated_at >= since))
    return DigestFacts(
        day=here.date(),
        waiting=await _count(work, select(func.count()).select_from(Case).where(queries.needs_attention())),
        cases=[await _shown(work, case) for case in urgent],
        legal_soon=await _count(work, _due_soon(work.now)),
        credits_overdue=await _count(
            work,
            select(func.count())
            .select_from(SupplierCredit)
            .where(CREDIT_OPEN, SupplierCredit.status == CreditStatus.OVERDUE),
        ),
        bounced=await _count(
            work,
            select(func.count())
            .select_from(Message)
            .where(Message.status.in_([MessageStatus.BOUNCED, MessageStatus.FAILED]), Message.created_at >= since),
        ),
        opened=await _count(work, select(func.count()).select_from(Case).where(Case.created_at >= since)),
        resolved=await _count(work, _resolved(since)),
        refunds=sum(count for *_, count in refunds),
        refunded=[Money(int(total), currency, exponent) for currency, exponent, total, _ in refunds],
        scores=list(scores),
    )


def _country(settings: Settings) -> str | None:
    return settings.operator_country or next((store.country for store in settings.stores.values()), None)


def _locale(settings: Settings) -> str | None:
    return settings.operator_locale or next((store.locale for store in settings.stores.values()), None)


async def _written(work: Work, key: str) -> bool:
    return await work.session.scalar(select(Message.id).where(Message.dedupe_key == key)) is not None


async def _count(work: Work, statement: Select[int]) -> int:
    return int(await work.session.scalar(statement) or 0)


async def _shown(work: Work, case: Case) -> DigestCase:
    order = await work.session.get_one(Order, case.order_pk)
    dates = [at for at in (case.due_at, case.legal_due_at if case.state in BEFORE_RESOLVING else None) if at]
    return DigestCase(case.reference, order.number, case.attention, min(dates, default=None))


def _due_soon(now: datetime) -> Select[int]:
    undecided = Case.state.in_([str(state) for state in BEFORE_RESOLVING])
    return select(func.count()).select_from(Case).where(undecided, NOT_ENDED, Case.legal_due_at <= now + _SOON)


def _resolved(since: datetime) -> Select[int]:
    """Cases whose remedy was carried out; only cases that moved since can have such an event."""
    moved = select(Case.id).where(Case.updated_at >= since)
    done = CaseEventRow.type == Event.REMEDY_DONE
    return (
        select(func.count())
        .select_from(CaseEventRow)
        .where(CaseEventRow.case_id.in_(moved), done, CaseEventRow.at >= since)
    )
