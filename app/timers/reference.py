"""Every clock as a page of documentation: `python -m app.timers.reference > docs/clocks.md`."""

from __future__ import annotations

import sys

from app.cases.vocabulary import State
from app.timers.clocks import CLOCKS, Clock, Count, Deed, Whose
from app.timers.firing import LATE
from app.timers.models import TimerKind
from app.timers.schedule import MORNING
from app.timers.terms import Terms

_HEAD = """# Clocks

This page is generated from the table that the service runs by, `app/timers/clocks.py`; do not edit it. A test compares
the two. Make it anew with `python -m app.timers.reference > docs/clocks.md`.

A clock ends with a day in the country of whoever should act, and reminders come at {morning} there. Business days leave
out that country's weekends and public holidays (in Israel the weekend is Friday and Saturday), and the day of the start
is never counted. A clock of calendar days that would end on a day off ends on the next working day. A customer or a
supplier whose country is not known has the store's. The lengths shown are the defaults: the policy's `[times]` sets the
merchant's days and the reminders to ship and to inspect, the supplier's terms set its own, and settings the others.

The legal date is not in this table: no setting and no policy can move it.
"""
_TABLE_HEAD = (
    "| clock | who should act | runs while the case is | length | reminders | each reminder | at the end "
    "|\n| --- | --- | --- | --- | --- | --- | --- |"
)
_TAIL = """## When a worker slept

Every step is a row in the database with its own date, so nothing is lost by a restart. Steps of a clock happen in their
order and each happens once, whatever is started twice and wherever the machine's clock is set. What was slept through:

- Of reminders that are due together only the last is made. The others are left out, and the case's events say so.
- Where the end takes something from the customer, the supplier or the carrier (the clocks marked *), it never comes
  together with a reminder: a step that comes {late} hours late or more moves those after it, so that the time between
  them stays what was planned. A return never expires in the minute in which the customer was at last reminded.
- An end of such a clock that alone comes so late is put off once, to the end of the next working day, so that what
  waits in queues and mailboxes is heard first.
- The merchant's own clocks, claim windows and credits are not moved: the last step that is due happens at once.

## The supplier's last day to claim

`CLAIM_WINDOW_DAYS` of a supplier, and `CLAIM_WINDOWS` for single reasons, are counted from the delivery, for `lost` and
`late` from the dispatch; of several lines the window that closes first counts. The last day is the supplier's own and
not moved for weekends. Where the delivery is not known the count starts with the dispatch, else with the order, so that
nobody is warned too late; such a day is not called certain, and nothing is called late by it. Three days before it the
case asks for attention (`claim_window:<day>`), unless the supplier has been told of the case: by a call of the channel
`http`, by the operator's `record-rma`, or by anything the supplier says. A claim filed after a certain last day is the
merchant's cost: the case says so, and a refund ahead of the supplier's verdict is booked as a loss.

## Not here

The customer is thanked, and asked how satisfied they are, on a morning some days after the last case of their request
is resolved: the policy's `[thanks]` says when. Looking for the outcome of a refund (seconds to minutes) and keeping
data no longer than needed are other sweeps of the worker: [reliability](reliability.md), [privacy](privacy.md).
"""
_DEEDS = {
    Deed.ASK_FOR_EVIDENCE: "mail to the customer: what is still missing",
    Deed.ASK_TO_SHIP: "mail to the customer: please send the goods",
    Deed.SAY_THAT_WE_ARE_LATE: "mail to the customer: we need longer",
    Deed.SAY_THAT_SUPPLIER_IS_LATE: "mail to the customer: the supplier is late, and what we do about it",
    Deed.ASK_SUPPLIER_AGAIN: "the supplier is asked again (`http`: by a call; else the operator asks)",
    Deed.REMIND_OPERATOR: "message to the operator",
    Deed.ESCALATE: "attention `review_overdue`, message to the operator",
    Deed.HAND_OVER: "message to the operator: decide",
    Deed.CHASE_CREDIT: "the supplier is asked for the credit (`http`: by a call; else the operator asks)",
    Deed.CALL_CREDIT_OVERDUE: "credit `overdue`, attention `credit_overdue`, message to the operator",
    Deed.WARN_OF_CLAIM_WINDOW: "attention; mail to the customer where evidence is missing, else to the operator",
    Deed.NOTE_CLAIM_WINDOW_MISSED: "message to the operator: the loss is the merchant's",
    Deed.CLOSE_UNLESS_CREDIT_IS_OPEN: "`close_due`, unless a credit is open",
}
_SPECIAL = {
    TimerKind.CLAIM: ("no claim is filed", "the supplier's last day"),
    TimerKind.CREDIT: ("a credit is owed", "{0} business days after it was expected"),
}


def page() -> str:
    """The whole page in Markdown."""
    terms = Terms(countries=dict.fromkeys(Whose))
    rows = [_row(clock, terms) for clock in CLOCKS]
    head = _HEAD.format(morning=f"{MORNING.seconds // 3600:02}:00")
    tail = _TAIL.format(late=LATE.seconds // 3600)
    return "\n".join([head, _TABLE_HEAD, *rows, "", tail])


def _row(clock: Clock, terms: Terms) -> str:
    mark = " *" if clock.outside else ""
    while_, length = _when(clock, terms)
    before = ", ".join(str(days) for days in getattr(terms, clock.reminders)) if clock.reminders else ""
    reminders = f"{before} {_unit(clock, int(before.split(', ')[-1]))} before" if before else ""
    ends = [f"`{clock.event}`"] if clock.event else []
    ends += [_DEEDS[deed] for deed in clock.ends]
    each = _DEEDS[clock.remind] if clock.remind else ""
    return f"| {clock.kind}{mark} | {clock.whose} | {while_} | {length} | {reminders} | {each} | {'; '.join(ends)} |"


def _when(clock: Clock, terms: Terms) -> tuple[str, str]:
    days = getattr(terms, clock.length, 0)
    if clock.states is None:
        while_, length = _SPECIAL[clock.kind]
        return while_, length.format(days)
    states = ", ".join(f"`{state}`" for state in State if state in clock.states)
    return states, f"{days} {_unit(clock, days)}"


def _unit(clock: Clock, days: int) -> str:
    word = "day" if days == 1 else "days"
    return word if clock.count is Count.DATE else f"{clock.count} {word}"


if __name__ == "__main__":
    sys.stdout.write(page())
