"""What a case wants refunded, and what a settled refund does to its case.

Locks are taken in one sequence everywhere: the order, then the case.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import exists, select, union

from app.cases import observe
from app.cases import service as cases
from app.cases.claims import claim_of
from app.cases.keeping import kept_of
from app.cases.models import Case, CaseLine
from app.cases.vocabulary import Event, Ground, Remedy, Route, State
from app.db.work import Work
from app.jobs import defer
from app.ledger import service as ledger
from app.messages import service as messages
from app.messages.render import MessageKind
from app.money import Money
from app.orders import service as orders
from app.orders.models import Order
from app.refunds import service as refunds
from app.refunds.amounts import decide
from app.refunds.models import Refund
from app.refunds.states import UNSETTLED

_PAYING = frozenset({State.RESOLVING, State.CONTESTED})
# What a person should look at and no reason to keep the customer waiting; any other problem may be about the money.
_BESIDE_THE_MONEY = [
    "supplier_call_failed", "supplier_nonsense", "store_return", "order_not_readable", "dry_run", "mail_bounced",
    "mail_not_sent", "coupon_failed", "supplier_note",
]  # fmt: skip


async def lock_both(work: Work, case_id: UUID) -> tuple[Order, Case]:
    """The case and its order, both locked, order first."""
    order_pk = (await work.session.get_one(Case, case_id)).order_pk
    order = await orders.lock(work, order_pk)
    return order, await cases.lock(work, case_id)


async def plan_refund(work: Work, case_id: UUID) -> Refund | None:
    """Plans the refund that the case may have now: gate open, no hold, units cleared and not yet paid or reserved.

    Answers None when there is nothing to plan. Repeating it plans nothing twice.
    """
    order, case = await lock_both(work, case_id)
    view = cases.view_of(case)
    if case.state not in _PAYING or view.holds or view.remedy is not Remedy.REFUND:
        return None
    reserved = await refunds.reserved_units(work, case.id)
    wanted = {line.line_id: line.owed - reserved.get(line.line_id, 0) for line in view.lines}
    wanted = {line_id: units for line_id, units in wanted.items() if units > 0}
    if not wanted or view.ground is None:
        await _finish(work, case)
        return None
    kept = await kept_of(work, order, case, wanted)
    decided = decide(orders.snapshot_of(order), wanted, await refunds.taken(work, order), kept)
    if decided.amount <= 0:
        reason = "nothing is left to refund: the order's captured money is refunded or reserved already"
        await cases.record(work, case, Event.REMEDY_IMPOSSIBLE, {"reason": reason, "lines": wanted}, "makegood")
        await cases.add_problem(work, case, "nothing_left_to_refund", f"No refund was planned: {reason}.")
        return None
    wish = refunds.Plan(
        case_id=case.id,
        decided=decided,
        ground=view.ground,
        evidence=dict(case.gate or {}),
        reason=f"{case.reference}",
    )
    return await refunds.plan(work, order, wish)


async def unpaid_amount(work: Work, case: Case) -> Money:
    """What the customer of a case would still get: what is planned or in doubt, and what its open units come to."""
    order = await work.session.get_one(Order, case.order_pk)
    view = cases.view_of(case)
    reserved = await refunds.reserved_units(work, case.id)
    open_ones = {line.line_id: (line.open if line.approved else line.requested) for line in view.lines}
    wanted = {line_id: max(0, units - reserved.get(line_id, 0)) for line_id, units in open_ones.items()}
    ours = [refund for refund in await refunds.of_order(work, order.id) if refund.case_id == case.id]
    planned = sum(refund.amount for refund in ours if refund.status in UNSETTLED)
    kept = await kept_of(work, order, case, wanted)
    decided = decide(orders.snapshot_of(order), wanted, await refunds.taken(work, order), kept)
    return orders.money_of(order, planned + decided.amount)


async def forgotten(work: Work, limit: int = 100) -> Sequence[UUID]:
    """Cases that owe money and plan none, or are paid and not finished: the job that should have seen to it was lost.

    Cases with a problem about their money wait for a person; cases that moved within the last minute have a job of
    their own.
    """
    unsettled = exists().where(Refund.case_id == Case.id, Refund.status.in_([str(one) for one in UNSETTLED]))
    owing = select(CaseLine.case_id).where(CaseLine.cleared > CaseLine.refunded + CaseLine.external)
    resolving = select(Case.id).where(Case.state == State.RESOLVING)
    contested = select(Case.id).where(Case.state == State.CONTESTED, Case.id.in_(owing))
    # Two look-ups joined: with "or" between them all lines of all cases would be read.
    candidates = union(resolving, contested).subquery()
    statement = (
        select(Case.id)
        .where(
            Case.id.in_(candidates.select()),
            Case.holds == [],
            Case.problems.contained_by(_BESIDE_THE_MONEY),
            Case.updated_at < work.now - timedelta(minutes=1),
            ~unsettled,
        )
        .order_by(Case.updated_at)
        .limit(limit)
    )
    return (await work.session.scalars(statement)).all()


async def _finish(work: Work, case: Case) -> None:
    """A case whose every unit is paid is done, whoever paid."""
    if case.state != State.RESOLVING:
        return
    if cases.view_of(case).covered:
        await cases.record(work, case, Event.REMEDY_DONE, {}, "makegood")


async def refund_succeeded(work: Work, order: Order, case: Case, refund: Refund) -> None:
    """The money of a refund is proven: counters, ledger, mail, and the case is done when all is paid."""
    data = {
        "refund_id": refund.id,
        "store_refund_id": refund.store_refund_id,
        "lines": {line["line_id"]: line["quantity"] for line in refund.lines},
        "amount": {"amount": refunds.money(refund).text, "currency": refund.currency},
    }
    await cases.record(work, case, Event.REFUND_SUCCEEDED, data, f"store:{case.store}")
    recoverable, ahead = _recoverable(work, order, case, refund), _ahead_of_supplier(case)
    await ledger.refund_paid(work, refund.id, case.id, refunds.money(refund), recoverable, ahead)
    await ledger.fee_kept(work, refund.id, case.id, refunds.money(refund).with_minor(refund.fee))
    await messages.about_case(work, case, MessageKind.REFUND_SENT, refund=refund)
    await _finish(work, case)
    if case.state == State.RESOLVING:
        await defer(work.session, "refunds.plan", case_id=str(case.id))
    if orders.snapshot_of(order).paid_by_hand:
        text = f"The store has booked {refunds.money(refund)}, and its payment method sends nothing: pay the customer."
        await cases.add_problem(work, case, "pay_by_hand", text)
    await observe.apply_observed(work, order)


def _recoverable(work: Work, order: Order, case: Case, refund: Refund) -> bool:
    """Whether the supplier is expected to make it good: not when a person or the policy absorbed the loss, nor ahead of
    its verdict when its claim window was missed."""
    if case.supplier is None:
        return False
    if refund.ground == Ground.SUPPLIER:
        return True
    claim = claim_of(case, orders.snapshot_of(order), work.settings, work.now)
    in_time = claim is None or not claim.late
    return in_time and (refund.ground == Ground.LAW or case.route == Route.RETURNLESS)


def _ahead_of_supplier(case: Case) -> bool:
    """Whether more was paid than the supplier has accepted so far."""
    return any(line.refunded > line.accepted for line in case.lines)


async def refund_failed(work: Work, order: Order, case: Case, refund: Refund) -> None:
    """It is proven that the refund was not made: a person chooses another way."""
    if case.state in _PAYING:
        reason = refund.detail or "the store refused the refund"
        data = {"reason": reason, "refund_id": refund.id}
        await cases.record(work, case, Event.REMEDY_IMPOSSIBLE, data, f"store:{case.store}")
    await cases.add_problem(work, case, "refund_rejected", f"The refund was not made: {refund.detail}")
    await observe.apply_observed(work, order)


async def refund_in_review(work: Work, case: Case, refund: Refund) -> None:
    """No machine can know whether the money moved."""
    text = f"A person must settle the refund {refund.id}: {refund.detail}"
    await cases.add_problem(work, case, "refund_needs_review", text)
