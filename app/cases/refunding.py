"""What a case wants refunded, and what a settled refund does to its case.

Locks are taken in one sequence everywhere: the order, then the case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import exists, select, union

from app.cases import observe
from app.cases import service as cases
from app.cases.claims import claim_of
from app.cases.keeping import kept_of
from app.cases.models import Case, CaseLine
from app.cases.vocabulary import BY_MONEY, Event, Ground, Remedy, Route, State
from app.db.work import Work
from app.jobs import defer
from app.ledger import service as ledger
from app.messages import service as messages
from app.messages.render import MessageKind
from app.money import Money
from app.orders import service as orders
from app.orders.models import Order
from app.outbound import service as outbound
from app.policy import service as policy
from app.refunds import service as refunds
from app.refunds.amounts import Decided, decide, part_of
from app.refunds.models import Refund
from app.refunds.states import UNSETTLED
from app.remedies import service as remedies
from app.remedies import states as replacing
from app.remedies.models import Replacement
from app.stores.asked import RefundMethod

PAYING = frozenset({State.RESOLVING, State.CONTESTED})
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
    if case.state not in PAYING or view.holds or view.remedy not in BY_MONEY:
        return None
    await remedies.void_planned(work, case.id, f"no longer wanted: the remedy is {view.remedy}")
    wanted = await unreserved(work, case)
    if not wanted or view.ground is None:
        await finish(work, case)
        return None
    decided = await _amount_of(work, order, case, wanted)
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
        method=RefundMethod.STORE_CREDIT if view.remedy is Remedy.STORE_CREDIT else RefundMethod.ORIGINAL,
        amount_only=view.remedy is Remedy.KEEP_ITEM,
    )
    return await refunds.plan(work, order, wish)


async def unreserved(work: Work, case: Case) -> dict[str, int]:
    """Units by line whose remedy may go out and is in no operation yet."""
    reserved = await refunds.reserved_units(work, case.id)
    wanted = {line.line_id: line.owed - reserved.get(line.line_id, 0) for line in cases.view_of(case).lines}
    return {line_id: units for line_id, units in wanted.items() if units > 0}


async def _amount_of(work: Work, order: Order, case: Case, wanted: Mapping[str, int]) -> Decided:
    """The money for these units: all of it less what may be kept, or the part for which the customer keeps them."""
    snapshot, taken = orders.snapshot_of(order), await refunds.taken(work, order)
    if case.remedy == Remedy.KEEP_ITEM:
        percent = (await policy.policy_of(work, case)).policy.remedies.keep_item_percent
        return part_of(snapshot, wanted, taken, percent)
    return decide(snapshot, wanted, taken, await kept_of(work, order, case, wanted))


async def unpaid_amount(work: Work, case: Case) -> Money:
    """What the customer of a case would still get: what is planned or in doubt, and what its open units come to."""
    order = await work.session.get_one(Order, case.order_pk)
    view = cases.view_of(case)
    reserved = await refunds.reserved_units(work, case.id)
    open_ones = {line.line_id: (line.open if line.approved else line.requested) for line in view.lines}
    wanted = {line_id: max(0, units - reserved.get(line_id, 0)) for line_id, units in open_ones.items()}
    ours = [refund for refund in await refunds.of_order(work, order.id) if refund.case_id == case.id]
    planned = sum(refund.amount for refund in ours if refund.status in UNSETTLED)
    decided = await _amount_of(work, order, case, wanted)
    return orders.money_of(order, planned + decided.amount)


async def forgotten(work: Work, limit: int = 100) -> Sequence[UUID]:
    """Cases that owe a remedy and plan none, or are not finished: the job that should have seen to it was lost.

    Cases with a problem about their money wait for a person; cases that moved within the last minute have a job of
    their own.
    """
    unsettled = exists().where(Refund.case_id == Case.id, Refund.status.in_([str(one) for one in UNSETTLED]))
    open_orders = [str(one) for one in replacing.UNSETTLED]
    reordered = exists().where(Replacement.case_id == Case.id, Replacement.status.in_(open_orders))
    settled = CaseLine.refunded + CaseLine.replaced + CaseLine.external
    owing = select(CaseLine.case_id).where(CaseLine.cleared > settled)
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
            ~reordered,
        )
        .order_by(Case.updated_at)
        .limit(limit)
    )
    return (await work.session.scalars(statement)).all()


async def finish(work: Work, case: Case) -> None:
    """A case whose every unit has its remedy is done, whoever gave it."""
    if case.state != State.RESOLVING:
        return
    if cases.view_of(case).covered:
        await cases.record(work, case, Event.REMEDY_DONE, {}, "makegood")


async def refund_succeeded(work: Work, order: Order, case: Case, refund: Refund) -> None:
    """The money of a refund is proven: counters, ledger, mail, and the case is done when all is paid."""
    await outbound.refund_changed(work, refund)
    data = {
        "refund_id": refund.id,
        "store_refund_id": refund.store_refund_id,
        "lines": {line["line_id"]: line["quantity"] for line in refund.lines},
        "amount": {"amount": refunds.money(refund).text, "currency": refund.currency},
    }
    await cases.record(work, case, Event.REFUND_SUCCEEDED, data, f"store:{case.store}")
    recoverable, ahead = is_recoverable(work, order, case, refund.ground), is_ahead_of_supplier(case)
    await ledger.refund_paid(work, refund.id, case.id, refunds.money(refund), recoverable, ahead)
    await ledger.fee_kept(work, refund.id, case.id, refunds.money(refund).with_minor(refund.fee))
    credit = refund.method == RefundMethod.STORE_CREDIT
    await messages.about_case(work, case, MessageKind.CREDIT_SENT if credit else MessageKind.REFUND_SENT, refund=refund)
    await finish(work, case)
    if case.state == State.RESOLVING:
        await defer(work.session, "refunds.plan", case_id=str(case.id))
    if orders.snapshot_of(order).paid_by_hand and not credit:
        text = f"The store has booked {refunds.money(refund)}, and its payment method sends nothing: pay the customer."
        await cases.add_problem(work, case, "pay_by_hand", text)
    await observe.apply_observed(work, order)


def is_recoverable(work: Work, order: Order, case: Case, ground: str) -> bool:
    """Whether the supplier is expected to make it good: not when a person or the policy absorbed the loss, nor ahead of
    its verdict when its claim window was missed, nor when its case was taken back so that the customer keeps the goods.
    """
    if case.supplier is None:
        return False
    if ground == Ground.SUPPLIER:
        return True
    if case.remedy == Remedy.KEEP_ITEM and not case.credit_open:
        return False
    claim = claim_of(case, orders.snapshot_of(order), work.settings, work.now)
    in_time = claim is None or not claim.late
    return in_time and (ground == Ground.LAW or case.route == Route.RETURNLESS)


def is_ahead_of_supplier(case: Case) -> bool:
    """Whether more was given than the supplier has accepted so far."""
    return any(line.refunded + line.replaced > line.accepted for line in case.lines)


async def refund_failed(work: Work, order: Order, case: Case, refund: Refund) -> None:
    """It is proven that the refund was not made: a person chooses another way."""
    await outbound.refund_changed(work, refund)
    if case.state in PAYING:
        reason = refund.detail or "the store refused the refund"
        data = {"reason": reason, "refund_id": refund.id}
        await cases.record(work, case, Event.REMEDY_IMPOSSIBLE, data, f"store:{case.store}")
    await cases.add_problem(work, case, "refund_rejected", f"The refund was not made: {refund.detail}")
    await observe.apply_observed(work, order)


async def refund_in_review(work: Work, case: Case, refund: Refund) -> None:
    """No machine can know whether the money moved."""
    await outbound.refund_changed(work, refund)
    text = f"A person must settle the refund {refund.id}: {refund.detail}"
    await cases.add_problem(work, case, "refund_needs_review", text)
