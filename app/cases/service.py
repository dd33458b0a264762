"""Moves cases: every change goes through `record`, which writes the audit row, the new state and what follows."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import watching
from app.cases import legal, states
from app.cases.claims import claim_closes
from app.cases.commands import run_commands
from app.cases.effects import told_by_law
from app.cases.facts import keep_facts
from app.cases.legal_facts import Told
from app.cases.models import Case, CaseEventRow
from app.cases.states import CaseEvent, GuardFailed, Transition, TransitionConflict, TransitionNotAllowed
from app.cases.view import CaseView, LineView
from app.cases.vocabulary import WAITS_FOR_OPERATOR, Command, Event, Ground, Hold, Remedy, Route, State
from app.db.work import Work
from app.messages import operator as messages
from app.outbound import service as outbound
from app.policy import service as policy
from app.timers import service as timers

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_COUNTERS = (
    "requested", "approved", "shipped", "received", "accepted", "cleared", "refunded", "external", "replaced",
)  # fmt: skip
# A supplier without an API or mail is asked by a person; a case that waits for such a supplier waits for that person.
_WAITS_FOR_SUPPLIER = frozenset({State.AUTHORIZING, State.INSPECTING, State.CLAIMING})

# News that has a state's clocks start anew though the case stays where it is: another parcel, another address.
_ANEW = frozenset({(Event.TRACKING_ADDED, State.IN_TRANSIT), (Event.SUPPLIER_AUTHORIZED, State.AWAITING_SHIPMENT)})
# A supplier that speaks of a case has been told of it, by whomever.
_SUPPLIER_SPOKE = frozenset(
    {Event.SUPPLIER_AUTHORIZED, Event.SUPPLIER_REFUSED, Event.GOODS_RECEIVED, Event.SUPPLIER_CONFIRMED,
     Event.SUPPLIER_REJECTED, Event.CREDIT_SETTLED}
)  # fmt: skip


def new_reference() -> str:
    """A short name for people: no vowels or look-alikes, so that it can be read aloud and spells nothing."""
    return "MG-" + "".join(secrets.choice(_ALPHABET) for _ in range(8))


async def lock(work: Work, case_id: UUID) -> Case:
    """The case, locked until the transaction ends and read anew."""
    statement = (
        select(Case).where(Case.id == case_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    return (await work.session.execute(statement)).scalar_one()


def view_of(case: Case) -> CaseView:
    """The machine's view of a stored case."""
    return CaseView(
        state=State(case.state),
        lines=tuple(LineView(line.line_id, *(getattr(line, name) for name in _COUNTERS)) for line in case.lines),
        route=Route(case.route) if case.route else None,
        remedy=Remedy(case.remedy),
        requires_rma=case.requires_rma,
        has_supplier=case.supplier is not None,
        holds=frozenset(Hold(kind) for kind in case.holds),
        ground=Ground(case.ground) if case.ground else None,
        credit_open=case.credit_open,
        right_alive=case.right_alive,
        statutory_until=case.statutory_until,
        cycle=case.cycle,
    )


def _store_view(case: Case, view: CaseView) -> None:
    case.state = view.state
    case.route = view.route
    case.remedy = view.remedy
    case.holds = sorted(view.holds)
    case.ground = view.ground
    case.credit_open = view.credit_open
    case.right_alive = view.right_alive
    case.statutory_until = view.statutory_until
    case.cycle = view.cycle
    by_id = {line.line_id: line for line in view.lines}
    for line in case.lines:
        for name in _COUNTERS:
            setattr(line, name, getattr(by_id[line.line_id], name))


async def open_case(work: Work, case: Case, data: Mapping[str, Any], actor: str) -> None:
    """Starts a case that has just been built (row 1), and lets the policy decide at once."""
    work.session.add(case)
    await work.session.flush()
    await _write(work, case, states.begin(view_of(case), data), actor)


async def record(work: Work, case: Case, event: Event, data: Mapping[str, Any], actor: str) -> Transition:
    """Applies an event to a locked case.

    `actor` is who it comes from (`operator:ops`, `supplier:acme`, `policy:…`, `store:alpha`, `makegood`). `data` is
    plain JSON. Raises `TransitionNotAllowed`, `GuardFailed` or `TransitionConflict`; nothing is changed then.
    """
    transition = states.apply(view_of(case), CaseEvent(event, _plain(data)), work.now)
    await _write(work, case, transition, actor)
    return transition


async def record_news(work: Work, case: Case, event: Event, data: Mapping[str, Any], actor: str) -> Transition:
    """As `record`, for news from outside: what a case no longer needs becomes a note and changes nothing."""
    try:
        return await record(work, case, event, data, actor)
    except (TransitionNotAllowed, GuardFailed) as refusal:
        return await note(work, case, f"{event} was not needed: {refusal.detail}", actor, {"ignored": event, **data})


async def note(work: Work, case: Case, text: str, actor: str, data: Mapping[str, Any] | None = None) -> Transition:
    """Writes a note into the audit trail."""
    return await record(work, case, Event.NOTE_ADDED, {"text": text[:2000], **(data or {})}, actor)


async def add_problem(work: Work, case: Case, problem: str, text: str) -> None:
    """Something only a person can mend: the case asks for attention until it moves on. Told once."""
    if problem not in case.problems:
        case.problems = [*case.problems, problem]
        await note(work, case, text, "makegood", {"problem": problem})
        look_again(work, case)


async def solve_problem(work: Work, case: Case, problem: str, text: str) -> bool:
    """A problem is gone without a person; False when the case had no such problem."""
    if problem not in case.problems:
        return False
    case.problems = [name for name in case.problems if name != problem]
    await note(work, case, text, "makegood", {"solved": problem})
    return True


async def claim_filed(work: Work, case: Case) -> None:
    """The supplier knows of the case: its claim window is kept or, with a note, missed. Harmless to repeat."""
    if await timers.claim_filed(work, case):
        text = f"The claim was filed after the supplier's last day, {case.claim_until}: "
        await note(work, case, text + "what the supplier does not pay is the merchant's cost.", "makegood")


def look_again(work: Work, case: Case) -> None:
    """Says anew whether a person should look at the case."""
    case.attention = attention_of(case, work)


async def _write(work: Work, case: Case, transition: Transition, actor: str) -> None:
    before, after, event = transition.before, transition.after, transition.event
    known = tuple(case.attention)
    case.seq += 1
    _store_view(case, after)
    data = _plain(event.data)
    # Before the law is asked: which right a line rests on depends on its reason.
    keep_facts(case, event.type, data)
    law = await _ask_law(work, case, Told(event.type, work.now, data))
    if law.moved is not None:
        data["legal"] = _plain(law.moved)
        _store_view(case, told_by_law(after, data))
    row = CaseEventRow(
        case_id=case.id,
        seq=case.seq,
        type=event.type,
        at=work.now,
        actor=actor,
        from_state=before.state if before else None,
        to_state=after.state,
        data=data,
    )
    work.session.add(row)
    moved = before is None or before.state is not after.state
    if moved:
        case.problems = []
    if moved or (event.type, after.state) in _ANEW:
        await timers.restart(work, case)
    if before is not None and before.credit_open and not after.credit_open:
        case.problems = [name for name in case.problems if name != "credit_overdue"]
        await timers.follow_credit(work, case, None)
    _tell_gate(case, transition, row)
    look_again(work, case)
    case.updated_at = work.now
    try:
        await work.session.flush()
    except IntegrityError as error:
        raise TransitionConflict("The case was changed by somebody else at the same time; look at it again.") from error
    await outbound.case_changed(work, case, transition, actor, known)
    watching.case_event(work.session, case, event.type, moved=moved)
    if event.type in _SUPPLIER_SPOKE:
        await claim_filed(work, case)
    for conflict in law.conflicts:
        await note(work, case, conflict.text, "makegood", conflict.data)
    await messages.call_operator(work, case, [word for word in case.attention if word not in known])
    if Command.DECIDE in transition.commands:
        await _decide(work, case)
    await run_commands(work, case, transition, actor)


async def _ask_law(work: Work, case: Case, told: Told) -> legal.Answer:
    """What the law says after an event that is being written; a note is none that it looks at."""
    if told.type is Event.NOTE_ADDED:
        return legal.Answer()
    return await legal.refresh(work, case, told)


def _tell_gate(case: Case, transition: Transition, row: CaseEventRow) -> None:
    """Keeps on the case what has just opened its gate, if the event did."""
    before, after = transition.before, transition.after
    by_law = transition.event.type is Event.LEGAL_DATE_REACHED
    if after.ground is not None and (by_law or before is None or before.ground is not after.ground):
        opened = {"ground": after.ground, "at": row.at.isoformat(), "event_seq": row.seq, "actor": row.actor}
        case.gate = {**opened, **_grounds(row)}


def _grounds(row: CaseEventRow) -> dict[str, Any]:
    """What the law or the policy says for opening the gate; what a person wrote stays in the trail alone."""
    if row.actor.startswith("policy:") and row.data.get("reason"):
        return {"reason": row.data["reason"]}
    found: dict[str, Any] = row.data.get("law") or {}
    return found


async def keep_legal_dates(work: Work, case: Case) -> None:
    """Asks the law again about a locked case without an event of its own: its order changed, or it was never asked."""
    law = await legal.refresh(work, case)
    if law.moved is not None:
        await note(work, case, legal.sentence(case), "makegood", {"legal": law.moved})
    for conflict in law.conflicts:
        await note(work, case, conflict.text, "makegood", conflict.data)


async def _decide(work: Work, case: Case) -> None:
    ruling = await policy.decide(work, case)
    try:
        await record(work, case, ruling.event, ruling.data, ruling.actor)
    except GuardFailed as refusal:
        # The machine has the last word: what it does not let the policy do, a person decides.
        ruling = policy.deferred(ruling, refusal.detail)
        await record(work, case, ruling.event, ruling.data, ruling.actor)


def attention_of(case: Case, work: Work) -> list[str]:
    """Why a person should look at the case, as stable words; empty when nobody needs to."""
    found = [f"hold:{kind}" for kind in case.holds]
    if case.state in WAITS_FOR_OPERATOR:
        found.append(case.state)
    if case.state in _WAITS_FOR_SUPPLIER:
        supplier = work.settings.suppliers.get(case.supplier or "")
        hears = supplier is not None and (
            supplier.channel == "http" or (supplier.channel == "email" and work.settings.smtp_url is not None)
        )
        if not hears:
            found.append("supplier_by_hand")
    if claim_closes(case, work.settings, work.now):
        found.append(f"claim_window:{case.claim_until}")
    return [*found, *legal.words(case, work.now), *(f"problem:{name}" for name in case.problems)]


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data as JSON keeps it, so that the log replays to the same view."""
    return {key: _plain_value(value) for key, value in data.items() if value is not None}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain_value(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return str(value)
    if hasattr(value, "__dataclass_fields__"):
        return _plain_value(asdict(value))
    return str(value) if isinstance(value, UUID) else value
