"""What follows a transition. What stays in the database is done at once; what goes outside becomes a job.

Both are in the transition's own transaction, so a follow-up is kept exactly when the transition is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from app.cases.models import Case
from app.cases.states import Transition
from app.cases.vocabulary import Command, Event, Route
from app.db.work import Work
from app.jobs import defer
from app.ledger import service as ledger
from app.messages import service as messages
from app.messages.render import MessageKind
from app.policy.law.calendar import local_day
from app.refunds import service as refunds
from app.remedies import service as remedies
from app.thanks import service as thanks
from app.timers import service as timers
from app.timers.clocks import Whose

# A job was just enqueued for the call; the sweeper makes it only when that job was lost.
_JOB_LOST = timedelta(seconds=60)

Follow = Callable[[Work, Case, Transition, str], Awaitable[None]]


async def run_commands(work: Work, case: Case, transition: Transition, actor: str) -> None:
    """Carries out the commands of a transition, in order."""
    for command in transition.commands:
        follow = _FOLLOW.get(command)
        if follow is not None:
            await follow(work, case, transition, actor)


async def _ask_supplier(work: Work, case: Case, _transition: Transition, _actor: str) -> None:
    if case.supplier is None or case.route == Route.LOCAL:
        return
    case.supplier_call = {**(case.supplier_call or {}), "do": "open", "tries": 0, "cycle": case.cycle}
    case.supplier_call_at = work.now + _JOB_LOST
    await defer(work.session, "suppliers.call", case_id=str(case.id))


async def _withdraw(work: Work, case: Case, _transition: Transition, _actor: str) -> None:
    call = case.supplier_call or {}
    if not (call.get("opened") or call.get("asked")):
        case.supplier_call_at = None
        return
    case.supplier_call = {**call, "do": "withdraw", "tries": 0}
    case.supplier_call_at = work.now + _JOB_LOST
    await defer(work.session, "suppliers.call", case_id=str(case.id))


async def _issue_own_rma(work: Work, case: Case, _transition: Transition, _actor: str) -> None:
    supplier = work.settings.suppliers.get(case.supplier or "")
    case.rma_number = case.rma_number or case.reference
    case.return_address = case.return_address or (dict(supplier.return_address or {}) if supplier else None) or None


async def _plan_remedy(work: Work, case: Case, _transition: Transition, _actor: str) -> None:
    await defer(work.session, "refunds.plan", case_id=str(case.id))


async def _absorb_small(work: Work, case: Case, _transition: Transition, _actor: str) -> None:
    await defer(work.session, "refunds.absorb", case_id=str(case.id))


async def _void_remedy(work: Work, case: Case, transition: Transition, _actor: str) -> None:
    why = f"no longer wanted: {transition.event.type}"
    await refunds.void_planned(work, case.id, why)
    await remedies.void_planned(work, case.id, why)


async def _expect_credit(work: Work, case: Case, transition: Transition, _actor: str) -> None:
    if case.supplier is not None:
        credit = await ledger.expect_credit(work, case.id, case.supplier, transition.event.data.get("credit"))
        await timers.follow_credit(work, case, credit.expected_at)


async def _mail_evidence(work: Work, case: Case, transition: Transition, _actor: str) -> None:
    country = (await timers.terms_for(work, case)).countries[Whose.CUSTOMER]
    last_day = local_day(country, case.due_at) if case.due_at else None
    items = [str(item) for item in transition.event.data.get("items") or ()]
    asked = messages.Reminder(f"{case.id}:{case.seq}", last_day=last_day, items=items)
    await messages.remind(work, case, MessageKind.EVIDENCE_WANTED, asked)


async def _mail_approved(work: Work, case: Case, _transition: Transition, _actor: str) -> None:
    await messages.about_case(work, case, MessageKind.APPROVED)


async def _mail_received(work: Work, case: Case, _transition: Transition, _actor: str) -> None:
    country = (await timers.terms_for(work, case)).countries[Whose.CUSTOMER]
    last_day = local_day(country, case.due_at) if case.due_at else None
    await messages.goods_arrived(work, case, last_day)


async def _mail_verdict(work: Work, case: Case, _transition: Transition, _actor: str) -> None:
    await messages.verdict_given(work, case)


async def _mail_rma(work: Work, case: Case, _transition: Transition, _actor: str) -> None:
    await messages.about_case(work, case, MessageKind.RMA_ISSUED)


async def _mail_refused(work: Work, case: Case, transition: Transition, _actor: str) -> None:
    await messages.about_case(work, case, MessageKind.REFUSED, reason=str(transition.event.data.get("reason", "")))


async def _mail_cancelled(work: Work, case: Case, _transition: Transition, _actor: str) -> None:
    await messages.about_case(work, case, MessageKind.CANCELLED)


async def _plan_thanks(work: Work, case: Case, _transition: Transition, _actor: str) -> None:
    await thanks.plan(work, case)


def _store_return(wanted: str) -> Follow:
    async def follow(work: Work, case: Case, transition: Transition, _actor: str) -> None:
        if case.store_return_id is not None:
            said = transition.event.data.get("reason") if transition.event.type is Event.REJECTED else None
            await defer(work.session, "stores.sync_return", case_id=str(case.id), wanted=wanted, note=said or "")

    return follow


_FOLLOW: dict[Command, Follow] = {
    Command.ASK_SUPPLIER: _ask_supplier,
    Command.WITHDRAW_FROM_SUPPLIER: _withdraw,
    Command.ISSUE_OWN_RMA: _issue_own_rma,
    Command.PLAN_REMEDY: _plan_remedy,
    Command.ABSORB_SMALL: _absorb_small,
    Command.VOID_REMEDY: _void_remedy,
    Command.EXPECT_CREDIT: _expect_credit,
    Command.MAIL_EVIDENCE: _mail_evidence,
    Command.MAIL_APPROVED: _mail_approved,
    Command.MAIL_RMA: _mail_rma,
    Command.MAIL_RECEIVED: _mail_received,
    Command.MAIL_VERDICT: _mail_verdict,
    Command.MAIL_REFUSED: _mail_refused,
    Command.MAIL_CANCELLED: _mail_cancelled,
    Command.PLAN_THANKS: _plan_thanks,
    Command.APPROVE_STORE_RETURN: _store_return("approve"),
    Command.DECLINE_STORE_RETURN: _store_return("decline"),
    Command.CLOSE_STORE_RETURN: _store_return("close"),
}
