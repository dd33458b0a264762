"""What the steps of clocks do: messages, another question to the supplier, a word to the case."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from app.cases import service as cases
from app.cases.models import Case
from app.cases.queries import wanted_evidence
from app.cases.vocabulary import Event, State
from app.db.work import Work
from app.ledger import service as ledger
from app.messages import operator
from app.messages import service as messages
from app.messages.render import MessageKind, Task
from app.messages.service import Reminder
from app.policy.law.calendar import local_day
from app.suppliers import calls
from app.timers import service as timers
from app.timers.clocks import Clock, Deed, Whose
from app.timers.models import END, Timer, TimerKind


@dataclass(frozen=True, slots=True)
class Strike:
    """One step of a clock that happens now. `last_day` is the day with which the clock ends, as whoever should act
    counts days; `final` says that no other reminder comes before."""

    work: Work
    case: Case
    clock: Clock
    step: Timer
    last_day: date
    final: bool

    def reminder(self) -> Reminder:
        """What a message of this step tells; its key is the step, so that it is written once."""
        return Reminder(str(self.step.id), last_day=self.last_day, final=self.final)

    async def ask_operator(self, task: Task) -> None:
        """Asks the operator for something."""
        days = (self.last_day - await _today(self.work, self.case, self.clock.whose)).days
        await operator.ask_operator(self.work, self.case, task, replace(self.reminder(), days_left=days))

    async def tell(self, text: str) -> None:
        """Leaves a trace in the case."""
        data = {"timer": self.step.kind, "step": self.step.step, "last_day": self.last_day.isoformat()}
        await cases.note(self.work, self.case, text, "clock", data)


async def carry_out(work: Work, case: Case, clock: Clock, step: Timer, following: Sequence[Timer]) -> None:
    """Does what a step of a clock is there for; `following` are the steps that are still to come."""
    country = (await timers.terms_for(work, case)).countries[clock.whose]
    end = following[-1] if following else step
    strike = Strike(work, case, clock, step, local_day(country, end.due_at), len(following) < 2)
    if step.step != END:
        if clock.remind is not None:
            await _DEEDS[clock.remind](strike)
        return
    if clock.event is not None and not await _tell_case(strike, clock.event):
        return
    for deed in clock.ends:
        await _DEEDS[deed](strike)


async def _tell_case(strike: Strike, event: Event) -> bool:
    """Tells the case that a clock has run out. Answers False when it had no need of that, or has moved on by itself."""
    data = {"timer": strike.step.kind, "due_at": strike.step.due_at}
    transition = await cases.record_news(strike.work, strike.case, event, data, "clock")
    return transition.event.type is event and strike.case.state == transition.after.state


async def _today(work: Work, case: Case, whose: Whose) -> date:
    return local_day((await timers.terms_for(work, case)).countries[whose], work.now)


async def _ask_for_evidence(strike: Strike) -> None:
    items = (await wanted_evidence(strike.work, [strike.case])).get(strike.case.id, [])
    reminder = replace(strike.reminder(), items=items)
    await messages.remind(strike.work, strike.case, MessageKind.EVIDENCE_WANTED, reminder)
    await strike.tell("The customer was reminded of the evidence that is still missing.")


async def _ask_to_ship(strike: Strike) -> None:
    await messages.remind(strike.work, strike.case, MessageKind.SHIP_REMINDER, strike.reminder())
    await strike.tell("The customer was reminded to send the goods back.")


async def _say_that_we_are_late(strike: Strike) -> None:
    await messages.remind(strike.work, strike.case, MessageKind.STILL_REVIEWING, strike.reminder())
    await strike.tell("The customer was told that our answer takes longer.")


async def _say_that_supplier_is_late(strike: Strike) -> None:
    await messages.remind(strike.work, strike.case, MessageKind.SUPPLIER_LATE, strike.reminder())


async def _ask_supplier_again(strike: Strike) -> None:
    if calls.ask_again(strike.work, strike.case):
        await strike.tell("The supplier has not answered; it is asked again.")
        return
    await strike.ask_operator(Task.ASK_SUPPLIER)
    await strike.tell("The supplier has not answered; the operator was asked to speak to it again.")


async def _remind_operator(strike: Strike) -> None:
    await strike.ask_operator(Task.DECIDE)
    await strike.tell("The operator was reminded to decide.")


async def _escalate(strike: Strike) -> None:
    await strike.ask_operator(Task.OVERDUE)
    text = "Nobody has decided this case in the time there was for it."
    await cases.add_problem(strike.work, strike.case, "review_overdue", text)


async def _hand_over(strike: Strike) -> None:
    stalled = strike.step.kind == TimerKind.TRANSIT
    await strike.ask_operator(Task.PARCEL_STALLED if stalled else Task.SUPPLIER_SILENT)


async def _chase_credit(strike: Strike) -> None:
    if calls.ask_again(strike.work, strike.case):
        await strike.tell("The supplier's credit is due; the supplier is asked for news of it.")
        return
    await strike.ask_operator(Task.CREDIT_DUE)
    await strike.tell("The supplier's credit is due; the operator was asked to collect it.")


async def _call_credit_overdue(strike: Strike) -> None:
    await ledger.credit_overdue(strike.work, strike.case.id)
    await strike.ask_operator(Task.CREDIT_OVERDUE)
    text = f"The supplier's credit should have been paid by {strike.last_day}."
    await cases.add_problem(strike.work, strike.case, "credit_overdue", text)


async def _warn_of_claim_window(strike: Strike) -> None:
    """The customer is asked where their evidence is missing; else the operator is."""
    case = strike.case
    await timers.follow_claim_window(strike.work, case)
    if case.claim_until != strike.last_day:
        await strike.tell(f"The supplier's last day to claim is {case.claim_until or 'open'} now.")
    elif case.state == State.EVIDENCE_NEEDED:
        await _ask_for_evidence(strike)
    else:
        await strike.ask_operator(Task.CLAIM_WINDOW)
        await strike.tell(f"The supplier takes a claim until {strike.last_day}, and none has been filed.")
    cases.look_again(strike.work, case)


async def _note_claim_window_missed(strike: Strike) -> None:
    case = strike.case
    await timers.follow_claim_window(strike.work, case)
    if case.claim_until == strike.last_day:
        await strike.ask_operator(Task.CLAIM_MISSED)
        text = f"The supplier's last day to claim was {strike.last_day}: what it does not pay is the merchant's cost."
        await strike.tell(text)
    cases.look_again(strike.work, case)


async def _close_unless_credit_is_open(strike: Strike) -> None:
    work, case = strike.work, strike.case
    if not case.credit_open:
        await _tell_case(strike, Event.CLOSE_DUE)
        return
    if not await timers.running(work, case.id, TimerKind.CREDIT):
        text = "The case cannot be closed: the supplier still owes its credit."
        await cases.add_problem(work, case, "credit_overdue", text)
    await timers.start(work, case, TimerKind.CLOSE)


_DEEDS: dict[Deed, Callable[[Strike], Awaitable[None]]] = {
    Deed.ASK_FOR_EVIDENCE: _ask_for_evidence,
    Deed.ASK_TO_SHIP: _ask_to_ship,
    Deed.SAY_THAT_WE_ARE_LATE: _say_that_we_are_late,
    Deed.SAY_THAT_SUPPLIER_IS_LATE: _say_that_supplier_is_late,
    Deed.ASK_SUPPLIER_AGAIN: _ask_supplier_again,
    Deed.REMIND_OPERATOR: _remind_operator,
    Deed.ESCALATE: _escalate,
    Deed.HAND_OVER: _hand_over,
    Deed.CHASE_CREDIT: _chase_credit,
    Deed.CALL_CREDIT_OVERDUE: _call_credit_overdue,
    Deed.WARN_OF_CLAIM_WINDOW: _warn_of_claim_window,
    Deed.NOTE_CLAIM_WINDOW_MISSED: _note_claim_window_missed,
    Deed.CLOSE_UNLESS_CREDIT_IS_OPEN: _close_unless_credit_is_open,
}
