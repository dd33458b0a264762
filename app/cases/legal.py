"""Keeps the legal dates of a case true: asks the law anew after every event, and sets, moves or stops their timers.

Nothing here is done by reading: what is stored is what was true after the last event or news of the order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.cases import trail
from app.cases.legal_dates import Dates, RightDate, monotone
from app.cases.legal_facts import Told
from app.cases.models import NOT_ENDED, Case
from app.cases.vocabulary import BEFORE_RESOLVING, ENDED, Hold, Reason, State
from app.db.work import Work
from app.money import Money
from app.orders import service as orders
from app.orders.models import Order
from app.policy import service as policy
from app.policy.facts import facts_of, right_of
from app.policy.law.assess import assess
from app.policy.law.model import LegalView, Right, Surcharge
from app.policy.law.surcharge import surcharge
from app.timers import service as timers
from app.timers.models import TimerKind

_PAYABLE = BEFORE_RESOLVING | {State.RESOLVING}
# How long before the day of the refund the operator is warned.
_WARNINGS = {TimerKind.LEGAL_3_DAYS: timedelta(days=3), TimerKind.LEGAL_1_DAY: timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class News:
    """Something about a legal date for the audit trail: a sentence, and its data."""

    text: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the law says anew: the dates where they have moved, and the holds that stand against a date."""

    moved: dict[str, Any] | None = None
    conflicts: Sequence[News] = ()


def dates_of(case: Case) -> Dates | None:
    """What is stored of the case's legal dates; None before its first event."""
    return Dates.from_json(case.legal) if case.legal else None


def keep(case: Case, dates: Dates) -> None:
    """Stores them."""
    first = dates.next
    case.legal = dates.to_json()
    case.legal_due_at = first.due_at if first else None
    case.law_version = dates.version


def is_unpaid(case: Case) -> bool:
    """Whether what the law gives a date for is still owed: nobody has paid it, nor given what was chosen instead."""
    if case.state not in _PAYABLE:
        return False
    decided = any(line.approved for line in case.lines)
    return not decided or any(line.approved > line.refunded + line.replaced + line.external for line in case.lines)


async def refresh(work: Work, case: Case, now_told: Told | None = None) -> Answer:
    """Asks the law about the case as it is now, stores what it says and sets the timers; answers what is new.

    `now_told` is the event that is just being written, and that the trail does not have yet.
    The law packs are those that the case began with, until it is reopened.
    """
    before = dates_of(case)
    if case.state in ENDED:
        await timers.set_legal(work, case.id, {})
        if before is not None:
            keep(case, _metered(work, case, before))
        return Answer()
    if before is not None and before.cycle != case.cycle:
        before = None
    exempt = before.exempt if before else await _exempt(work, case)
    views = await _ask(work, case, before.version if before else None, exempt, now_told)
    rights = await _rights(work, case, views)
    if before is None:
        version = next(iter(views.values())).version
        after = Dates(version, case.cycle, tuple(rights), exempt)
    else:
        after = _metered(work, case, replace(before, rights=monotone(before.rights, rights)))
    keep(case, after)
    await _set_timers(work, case, after)
    return Answer(_moved(before, after), _conflicts(work, case, after))


async def without_dates(work: Work, limit: int = 50) -> Sequence[UUID]:
    """Open cases whose legal dates were never asked for: they are older than this part of Makegood."""
    statement = select(Case.id).where(Case.legal.is_(None), NOT_ENDED).order_by(Case.id).limit(limit)
    return (await work.session.scalars(statement)).all()


async def views_of(work: Work, case: Case) -> dict[Right, LegalView]:
    """What the law says now of each right that the case's lines rest on, by the packs that the case is pinned to."""
    dates = dates_of(case)
    if dates is None or dates.cycle != case.cycle:
        return await _ask(work, case, None, await _exempt(work, case))
    return await _ask(work, case, dates.version, dates.exempt)


async def _exempt(work: Work, case: Case) -> bool:
    """Whether a statutory exception holds for the goods, as the case's policy claims; asked once in each cycle."""
    return await policy.is_exempt(work, case, await work.session.get_one(Order, case.order_pk))


async def _ask(
    work: Work, case: Case, pinned: str | None, exempt: bool, now_told: Told | None = None
) -> dict[Right, LegalView]:
    order = orders.snapshot_of(await work.session.get_one(Order, case.order_pk))
    declared_at, progress = await trail.progress(work, case, now_told)
    file = await policy.policy_of(work, case)
    reasons = [Reason(line.reason) for line in case.lines]
    facts = facts_of(order, reasons, declared_at, file.policy, progress, exempt)
    return {one.right: assess(one, pinned) for one in facts}


async def _rights(work: Work, case: Case, views: Mapping[Right, LegalView]) -> list[RightDate]:
    """What the views say, for the lines that rest on each right."""
    order = orders.snapshot_of(await work.session.get_one(Order, case.order_pk))
    rests = {line.line_id: right_of(Reason(line.reason), order) for line in case.lines}
    return [
        RightDate.of(view, [line_id for line_id, of in rests.items() if of is right]) for right, view in views.items()
    ]


def _metered(work: Work, case: Case, dates: Dates) -> Dates:
    """A late refund that is paid, or that is not wanted any more, stops the meter."""
    late = dates.late
    if late is None or late.paid_at is not None or is_unpaid(case):
        return dates
    return replace(dates, late=replace(late, paid_at=work.now))


async def _set_timers(work: Work, case: Case, dates: Dates) -> None:
    """Warnings and the date itself for the right whose date comes first; none where nothing is to be paid."""
    wanted: dict[TimerKind, datetime] = {}
    act = min((act for _, act in dates.running()), default=None)
    if act is not None and is_unpaid(case):
        wanted = {kind: act - ahead for kind, ahead in _WARNINGS.items()}
        wanted[TimerKind.LEGAL] = act
    if is_unpaid(case) and dates.late is None:
        lates = [one.late_at for one in dates.rights if one.late_at is not None]
        if lates:
            wanted[TimerKind.LEGAL_LATE] = min(lates)
    again = Hold.CHARGEBACK not in case.holds
    await timers.set_legal(work, case.id, wanted, again=again)


def _moved(before: Dates | None, after: Dates) -> dict[str, Any] | None:
    """The dates where they are new or have moved. A case without any right is not talked about."""
    known = _told(before) if before else {"alive": False}
    told = _told(after)
    silent = before is None and not after.alive and after.next is None
    return None if silent or told == known else told


def _told(dates: Dates) -> dict[str, Any]:
    """The dates as the trail keeps them."""
    first = dates.next
    return {
        "version": dates.version,
        "alive": dates.alive,
        "statutory_until": dates.until,
        "due_at": first.due_at if first else None,
        "due_start": first.due_start if first else None,
        "waits_for": list(dict.fromkeys(start for one in dates.rights for start in one.waits_for)),
        "articles": first.articles if first else [],
    }


def sentence(case: Case) -> str:
    """What the law says of the case, for the trail."""
    dates = dates_of(case)
    if dates is None:
        return "The law was not asked."
    first = dates.next
    if first is not None:
        return f"{due_text(first)}, counted from: {first.due_start}."
    waits = dict.fromkeys(str(start) for one in dates.rights for start in one.waits_for)
    if waits:
        return f"By law no refund is due yet; the date waits for: {' or '.join(waits)}."
    return "By law the customer has a right, and no date for a refund." if dates.alive else "No legal right is alive."


def due_text(one: RightDate) -> str:
    """When a right's refund is due, and by which articles."""
    articles = f" ({'; '.join(one.articles)})" if one.articles else ""
    return f"By law the refund is due until {one.due_at:%Y-%m-%d %H:%M} UTC{articles}"


def _conflicts(work: Work, case: Case, dates: Dates) -> list[News]:
    """A hold stops money and never the date: said once for each hold that stands against a date that has come."""
    against = [hold for hold in standing(case, dates, work.now) if hold not in dates.conflicts]
    if not against:
        return []
    keep(case, replace(dates, conflicts=(*dates.conflicts, *against)))
    first = dates.come(work.now)[0]
    text = f"{due_text(first)}, and the case is on hold ({', '.join(against)}): the hold stops the money, not the date."
    return [News(text, {"legal_conflict": against, "articles": first.articles})]


def standing(case: Case, dates: Dates, now: datetime) -> list[str]:
    """The holds that stand against a legal date that has come while money is unpaid."""
    return list(case.holds) if case.holds and dates.come(now) and is_unpaid(case) else []


def words(case: Case, now: datetime) -> list[str]:
    """Why a person should look at the case because of its legal date, as stable words."""
    dates = dates_of(case)
    if dates is None or case.state in ENDED:
        return []
    found = [f"legal_conflict:{hold}" for hold in standing(case, dates, now)]
    if is_unpaid(case):
        if dates.late is not None:
            found.append("legal:late")
        elif dates.warned is not None and dates.warned[1] == case.legal_due_at:
            found.append(f"legal:{dates.warned[0]}")
    return [*found, "legal:surcharge"] if dates.surcharge else found


def surcharge_of(dates: Dates, now: datetime) -> Surcharge | None:
    """What the late refund costs beside itself by now, or cost when it was paid; None where the law has none."""
    late = dates.late
    if late is None:
        return None
    amount = Money(late.amount, late.currency, late.exponent)
    metered = surcharge(dates.version, late.right, amount, late.due_at, late.paid_at or now)
    return metered if metered.cites else None
