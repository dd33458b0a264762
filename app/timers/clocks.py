"""Every clock of a case but the legal one, as data: whose it is, how long it runs, what happens on the way and at the
end. Pure.

`python -m app.timers.reference` makes the page of documentation from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.cases.vocabulary import Event, State
from app.timers.models import TimerKind


class Whose(StrEnum):
    """Who is expected to act; working days and the end of a day are those of their country."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"
    SUPPLIER = "supplier"
    CARRIER = "carrier"


class Count(StrEnum):
    """How days are counted.

    `business`: working days after the day of the start. `calendar`: all days, and a clock that would end on a day off
    ends on the next working day. `date`: the last day is given.
    """

    BUSINESS = "business"
    CALENDAR = "calendar"
    DATE = "date"


class Deed(StrEnum):
    """What a step does, beside the case's event."""

    ASK_FOR_EVIDENCE = "ask_for_evidence"
    ASK_TO_SHIP = "ask_to_ship"
    SAY_THAT_WE_ARE_LATE = "say_that_we_are_late"
    SAY_THAT_SUPPLIER_IS_LATE = "say_that_supplier_is_late"
    ASK_SUPPLIER_AGAIN = "ask_supplier_again"
    REMIND_OPERATOR = "remind_operator"
    ESCALATE = "escalate"
    HAND_OVER = "hand_over"
    CHASE_CREDIT = "chase_credit"
    CALL_CREDIT_OVERDUE = "call_credit_overdue"
    WARN_OF_CLAIM_WINDOW = "warn_of_claim_window"
    NOTE_CLAIM_WINDOW_MISSED = "note_claim_window_missed"
    CLOSE_UNLESS_CREDIT_IS_OPEN = "close_unless_credit_is_open"


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock.

    `states` are those in which it runs, starting anew whenever the case enters one; None for a clock that is set and
    stopped by other news. `length` and `reminders` name fields of `Terms`: days, and on which days before the end
    `remind` is done. At the end the case hears `event`, and after it `ends` are done. `outside` says that somebody
    else's time is measured: what Makegood sleeps through is given back to them.
    """

    kind: TimerKind
    whose: Whose
    count: Count
    length: str
    states: frozenset[State] | None
    reminders: str | None = None
    remind: Deed | None = None
    event: Event | None = None
    ends: tuple[Deed, ...] = ()

    @property
    def outside(self) -> bool:
        """True where the end takes something from somebody who is not the merchant. Credits and claim windows are the
        merchant's own affair: their dates stand, whoever slept."""
        return self.event is not None and self.whose is not Whose.MERCHANT


_K, _S = TimerKind, State

CLOCKS: tuple[Clock, ...] = (
    Clock(
        _K.REPLY, Whose.MERCHANT, Count.BUSINESS, "merchant_days", frozenset({_S.UNDER_REVIEW}),
        ends=(Deed.SAY_THAT_WE_ARE_LATE,),
    ),
    Clock(
        _K.REVIEW, Whose.MERCHANT, Count.BUSINESS, "escalate_days", frozenset({_S.UNDER_REVIEW, _S.CONTESTED}),
        "review_reminders", Deed.REMIND_OPERATOR, ends=(Deed.ESCALATE,),
    ),
    Clock(
        _K.EVIDENCE, Whose.CUSTOMER, Count.CALENDAR, "evidence_days", frozenset({_S.EVIDENCE_NEEDED}),
        "evidence_reminders", Deed.ASK_FOR_EVIDENCE, Event.EVIDENCE_TIMED_OUT,
    ),
    Clock(
        _K.RMA, Whose.SUPPLIER, Count.BUSINESS, "response_days", frozenset({_S.AUTHORIZING}),
        "response_reminders", Deed.ASK_SUPPLIER_AGAIN, Event.SUPPLIER_SILENT,
        (Deed.SAY_THAT_SUPPLIER_IS_LATE, Deed.HAND_OVER),
    ),
    Clock(
        _K.SHIP, Whose.CUSTOMER, Count.CALENDAR, "ship_days", frozenset({_S.AWAITING_SHIPMENT}),
        "ship_reminders", Deed.ASK_TO_SHIP, Event.SHIPMENT_TIMED_OUT,
    ),
    Clock(
        _K.TRANSIT, Whose.CARRIER, Count.CALENDAR, "transit_days", frozenset({_S.IN_TRANSIT}),
        event=Event.PARCEL_STALLED, ends=(Deed.HAND_OVER,),
    ),
    Clock(
        _K.INSPECTION, Whose.SUPPLIER, Count.BUSINESS, "inspection_days", frozenset({_S.INSPECTING, _S.CLAIMING}),
        "inspection_reminders", Deed.ASK_SUPPLIER_AGAIN, Event.VERDICT_TIMED_OUT,
        (Deed.SAY_THAT_SUPPLIER_IS_LATE, Deed.HAND_OVER),
    ),
    Clock(
        _K.CLAIM, Whose.SUPPLIER, Count.DATE, "claim_day", None,
        "claim_reminders", Deed.WARN_OF_CLAIM_WINDOW, ends=(Deed.NOTE_CLAIM_WINDOW_MISSED,),
    ),
    Clock(
        _K.CREDIT, Whose.SUPPLIER, Count.BUSINESS, "credit_days", None,
        "credit_reminders", Deed.CHASE_CREDIT, ends=(Deed.CALL_CREDIT_OVERDUE,),
    ),
    Clock(
        _K.CLOSE, Whose.MERCHANT, Count.CALENDAR, "close_days", frozenset({_S.RESOLVED}),
        ends=(Deed.CLOSE_UNLESS_CREDIT_IS_OPEN,),
    ),
)  # fmt: skip

CLOCK_OF = {clock.kind: clock for clock in CLOCKS}


def clocks_of(state: State) -> list[Clock]:
    """The clocks that start when a case enters `state`."""
    return [clock for clock in CLOCKS if clock.states and state in clock.states]
