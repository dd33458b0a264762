"""What happens when a legal date comes near, comes, or has passed. Called when a timer fires, with the case locked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.cases import legal, trail
from app.cases import service as cases
from app.cases.legal_dates import Dates, Late, RightDate
from app.cases.models import Case
from app.cases.refunding import unpaid_amount
from app.cases.states import GuardFailed
from app.cases.vocabulary import BEFORE_RESOLVING, BY_NEW_ORDER, Event, Hold, Remedy, State
from app.db.work import Work
from app.messages import operator as messages
from app.orders.models import Order
from app.policy import service as policy
from app.policy.law.model import Right
from app.timers import service as timers
from app.timers.models import TimerKind

CLOCK = "clock"
_WARNING = {TimerKind.LEGAL_3_DAYS: "due_in_3_days", TimerKind.LEGAL_1_DAY: "due_in_1_day"}


async def fired(work: Work, case: Case, kind: TimerKind) -> None:
    """A legal timer of the case has fired. Warnings that were not heard in time are given before anything else."""
    dates = legal.dates_of(case)
    if dates is None or not legal.is_unpaid(case):
        return
    if kind in _WARNING:
        await _warn(work, case, kind)
        return
    for timer in await timers.overdue_warnings(work, case.id):
        timer.fired_at = work.now
        await _warn(work, case, TimerKind(timer.kind))
    if kind is TimerKind.LEGAL:
        await _come(work, case, dates)
    else:
        await _late(work, case)


async def _warn(work: Work, case: Case, kind: TimerKind) -> None:
    dates = legal.dates_of(case)
    first = dates.next if dates else None
    if dates is None or first is None or first.due_at is None:
        return
    warning = _WARNING[kind]
    legal.keep(case, replace(dates, warned=(warning, first.due_at)))
    held = f" The case is on hold ({', '.join(case.holds)})." if case.holds else ""
    data = {"legal_warning": warning, "due_at": first.due_at, "articles": first.articles}
    await cases.note(work, case, f"{legal.due_text(first)}.{held}", CLOCK, data)
    about = messages.LegalDate(warning, first.due_at, first.articles)
    await messages.warn_of_date(work, case, about)


async def _come(work: Work, case: Case, dates: Dates) -> None:
    """Opens the gate for what is due. A chargeback stops even that, and the date comes anew when it is lifted."""
    dates = legal.dates_of(case) or dates
    due = [one for one, act in dates.running() if act <= work.now]
    if not due:
        return
    imposed = case.remedy == Remedy.STORE_CREDIT and await trail.chosen_remedy(work, case) is not Remedy.STORE_CREDIT
    unsent = case.state == State.RESOLVING and (case.remedy in BY_NEW_ORDER or imposed)
    if case.state not in BEFORE_RESOLVING and not unsent:
        # The gate is open and the money on its way, or held.
        await _reached(work, case, dates, due)
        return
    data = {
        "timer": TimerKind.LEGAL,
        "due_at": due[0].due_at,
        "lines": await _units(work, case, due),
        "imposed": imposed or None,
        "law": {
            "reason": f"{legal.due_text(due[0])}, counted from: {due[0].due_start}",
            "articles": list(dict.fromkeys(article for one in due for article in one.articles)),
            "law_version": dates.version,
            "due_at": due[0].due_at,
            "due_start": due[0].due_start,
        },
    }
    if Hold.CHARGEBACK not in case.holds:
        legal.keep(case, _with_reached(dates, due))
    try:
        await cases.record(work, case, Event.LEGAL_DATE_REACHED, data, CLOCK)
    except GuardFailed as refusal:
        await cases.note(work, case, f"The legal date came and no refund goes out: {refusal.detail}", CLOCK, data)
    await cases.keep_legal_dates(work, case)


def _with_reached(dates: Dates, due: Sequence[RightDate]) -> Dates:
    rights: tuple[Right, ...] = tuple(one.right for one in due)
    return replace(dates, reached=tuple(dict.fromkeys((*dates.reached, *rights))))


async def _reached(work: Work, case: Case, dates: Dates, due: Sequence[RightDate]) -> None:
    legal.keep(case, _with_reached(dates, due))
    await cases.keep_legal_dates(work, case)


async def _units(work: Work, case: Case, due: Sequence[RightDate]) -> dict[str, int]:
    """Units that the law wants paid: what was approved, or what was asked for and nobody else has."""
    lines = {line_id for one in due for line_id in one.lines}
    if any(line.approved for line in case.lines):
        return {line.line_id: line.approved for line in case.lines if line.line_id in lines}
    order = await work.session.get_one(Order, case.order_pk)
    free = await policy.free_units(work, order, without=case.id)
    return {
        line.line_id: max(0, min(line.requested, free.get(line.line_id, 0) + line.external))
        for line in case.lines
        if line.line_id in lines
    }


async def _late(work: Work, case: Case) -> None:
    """The day of the refund has passed and it is unpaid: a person must see it, and what it costs is metered."""
    dates = legal.dates_of(case)
    due = [one for one in dates.rights if one.late_at and one.late_at <= work.now] if dates else []
    if dates is None or not due or dates.late is not None:
        return
    first = min(due, key=lambda one: str(one.late_at))
    amount = await unpaid_amount(work, case)
    late = Late(first.due_at or work.now, first.right, amount.minor, amount.currency, amount.exponent)
    metered = replace(dates, late=late)
    costs = legal.surcharge_of(metered, work.now)
    legal.keep(case, replace(metered, surcharge=costs is not None))
    said = " A surcharge is owed to the customer from now on; a person settles it." if costs else ""
    data = {"legal_late": {"amount": amount.text, "currency": amount.currency}, "articles": first.articles}
    await cases.note(work, case, f"{legal.due_text(first)}, and it is late: {amount} is unpaid.{said}", CLOCK, data)
