"""Tells open cases what others did to their order: refunds by hand, refunds deleted, cancellations, chargebacks."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from app.cases import service as cases
from app.cases.models import Case, CaseEventRow, CaseLine
from app.cases.view import CaseView
from app.cases.vocabulary import BEFORE_RESOLVING, ENDED, OPEN, Event, Hold, State
from app.db.work import Work
from app.jobs import defer
from app.orders import service as orders
from app.orders.models import ObservedRefund, Order
from app.orders.snapshot import RefundState
from app.refunds import service as refunds
from app.refunds.amounts import Taken, decide
from app.refunds.models import Refund
from app.refunds.states import RESERVED, RefundStatus
from app.remedies import service as remedies
from app.remedies import units

_NOT_MONEY = (RefundState.FAILED, RefundState.NO_MONEY)


async def _cases_of(work: Work, order: Order) -> list[Case]:
    found = await work.session.scalars(select(Case.id).where(Case.order_pk == order.id).order_by(Case.id))
    return [await cases.lock(work, case_id) for case_id in found]


async def apply_observed(work: Work, order: Order) -> None:
    """Tells the cases of a locked order about refunds that somebody else made or took back.

    While a refund of ours is under way it is settled first: what looks like somebody else's may be ours. So is a
    replacement in doubt: whose units somebody has refunded is known only when it is known what was sent.
    """
    ours = await refunds.of_order(work, order.id)
    if any(refunds.may_be_at_work(refund) for refund in ours) or await units.in_doubt(work, order.id):
        return
    rows = list(await work.session.scalars(select(ObservedRefund).where(ObservedRefund.order_pk == order.id)))
    # Money of ours that was given up and shows up all the same counts like anybody else's.
    known = {refund.id: refund.case_id for refund in ours if refund.status in RESERVED}
    await _tell_ours_changed(work, [refund for refund in ours if refund.status == RefundStatus.SUCCEEDED], rows)
    for row in rows:
        if row.operation_id in known and row.removed_at is not None and row.applied_at is None:
            await _tell_ours_removed(work, await cases.lock(work, known[row.operation_id]), row)
    pending = [row for row in rows if row.operation_id not in known and _is_news(row)]
    if not pending:
        return
    affected = await _cases_of(work, order)
    for row in pending:
        if row.removed_at is not None:
            await _tell_removed(work, affected, row)
        else:
            await _tell_made(work, order, affected, row)


def _is_news(row: ObservedRefund) -> bool:
    """A refund whose lines are not known yet waits for the reading that tells them."""
    if row.removed_at is not None:
        return row.applied_at is not None and bool(row.applied)
    known = row.lines is not None and row.state in (RefundState.SUCCEEDED, RefundState.UNCLEAR)
    return known and row.applied_at is None


async def _tell_made(work: Work, order: Order, affected: list[Case], row: ObservedRefund) -> None:
    """Units go to open cases, oldest first; a refund without lines is matched by what the case is worth."""
    left = {line_id: int(units) for line_id, units in (row.lines or {}).items()}
    worth = row.amount - sum(int(minor) for minor in (row.extras or {}).values())
    applied: dict[str, dict[str, int]] = {}
    for case in affected:
        if case.state not in OPEN or case.state == State.RESOLVED or _is_past(case, row):
            continue
        view = cases.view_of(case)
        share = {line.line_id: min(left.get(line.line_id, 0), _unpaid(view, line.line_id)) for line in view.lines}
        share = {line_id: units for line_id, units in share.items() if units}
        covers = not row.lines and 0 < _value(order, view) <= worth
        if not share and not covers:
            continue
        if covers:
            share = {line.line_id: _unpaid(view, line.line_id) for line in view.lines}
            worth -= _value(order, view)
        data = {
            "store_refund_id": row.store_refund_id,
            "lines": share,
            "covers": covers,
            "amount": {"amount": orders.money_of(order, row.amount).text, "currency": order.currency},
        }
        await cases.record(work, case, Event.EXTERNAL_REFUND_OBSERVED, data, f"store:{case.store}")
        applied[str(case.id)] = share
        left = {line_id: units - share.get(line_id, 0) for line_id, units in left.items()}
    row.applied_at = work.now
    row.applied = applied


async def _tell_ours_changed(work: Work, proven: list[Refund], rows: list[ObservedRefund]) -> None:
    """A refund that was proven and failed later, or that the store shows twice, is for a person."""
    for refund in proven:
        shown = [row for row in rows if row.operation_id == refund.id and row.removed_at is None]
        failed = [row for row in shown if row.state in _NOT_MONEY and row.applied_at is None]
        if len(shown) - len(failed) > 1:
            text = f"The store shows our refund {refund.id} more than once; the customer may have been paid twice."
            await cases.add_problem(work, await cases.lock(work, refund.case_id), "refund_twice", text)
        elif failed and len(shown) == len(failed):
            text = f"Our refund {failed[0].store_refund_id} was paid, and the store shows now that its payment failed."
            await cases.add_problem(work, await cases.lock(work, refund.case_id), "refund_failed_later", text)


async def _tell_ours_removed(work: Work, case: Case, row: ObservedRefund) -> None:
    """Deleting a refund's record gives no money back; a person decides what it means."""
    row.applied_at = work.now
    text = f"Our refund {row.store_refund_id} was deleted in the store; the money may have stayed with the customer."
    await cases.add_problem(work, case, "refund_removed", text)


def _is_past(case: Case, row: ObservedRefund) -> bool:
    """Whether the refund belongs to the time before the case. The store's clock may be some minutes off."""
    made_before = row.made_at is not None and row.made_at < case.created_at - timedelta(minutes=5)
    return made_before or row.first_seen_at <= case.created_at


def _unpaid(view: CaseView, line_id: str) -> int:
    line = view.line(line_id)
    return max(0, (line.approved or line.requested) - line.settled) if line else 0


def _value(order: Order, view: CaseView) -> int:
    """What the unpaid units of a case are worth, goods only, in minor units."""
    wanted = {line.line_id: _unpaid(view, line.line_id) for line in view.lines}
    snapshot = orders.snapshot_of(order)
    decided = decide(snapshot, wanted, Taken(0, {}, {}))
    return sum(line.total for line in decided.lines)


async def _tell_removed(work: Work, affected: list[Case], row: ObservedRefund) -> None:
    for case in affected:
        share = (row.applied or {}).get(str(case.id))
        if share:
            data = {"store_refund_id": row.store_refund_id, "lines": share}
            await cases.record(work, case, Event.EXTERNAL_REFUND_REMOVED, data, f"store:{case.store}")
            text = f"The refund {row.store_refund_id} was deleted in the store; the money may not have come back."
            await cases.add_problem(work, case, "external_refund_removed", text)
    row.applied, row.applied_at = {}, None


async def order_cancelled(work: Work, order: Order) -> None:
    """The order was cancelled in the store. Cases end when its money went back, and go on when it did not."""
    left = order.captured - (await refunds.taken(work, order)).amount
    for case in await _cases_of(work, order):
        told = await _already_told(work, case)
        if case.state not in ENDED and not told:
            data = {"made_whole": left <= 0}
            await cases.record(work, case, Event.ORDER_CANCELLED, data, f"store:{case.store}")
            if case.state in BEFORE_RESOLVING:
                text = "The order was cancelled in the store, and its money has not gone back to the customer."
                await cases.add_problem(work, case, "order_cancelled", text)


async def order_edited(work: Work, order: Order) -> None:
    """Units that the merchant took out of a locked order leave its open cases, the newest case first.

    What is given or may be given this moment stays; what is only planned is planned anew.
    """
    there = {line.line_id: line.quantity for line in orders.snapshot_of(order).lines}
    statement = select(CaseLine.line_id, func.sum(CaseLine.approved)).join(Case, Case.id == CaseLine.case_id)
    of_order = statement.where(Case.order_pk == order.id, Case.state.in_([str(one) for one in OPEN]))
    asked = (await work.session.execute(of_order.group_by(CaseLine.line_id))).all()
    over = {line_id: units - there.get(line_id, 0) for line_id, units in asked if units > there.get(line_id, 0)}
    if not over:
        return
    for case in reversed(await _cases_of(work, order)):
        if case.state in OPEN:
            await _shrink(work, case, over)


async def _shrink(work: Work, case: Case, over: dict[str, int]) -> None:
    """Takes what it can off `over`."""
    if not any(
        over.get(line.line_id) for line in case.lines if line.approved > line.refunded + line.replaced + line.external
    ):
        return
    await refunds.void_planned(work, case.id, "the order was edited in the store")
    await remedies.void_planned(work, case.id, "the order was edited in the store")
    reserved = await refunds.reserved_units(work, case.id)
    left = {}
    for line in case.lines:
        kept = line.refunded + line.replaced + line.external + reserved.get(line.line_id, 0)
        gone = min(over.get(line.line_id, 0), max(0, line.approved - kept))
        if gone > 0:
            left[line.line_id] = line.approved - gone
            over[line.line_id] -= gone
    if left:
        await cases.record(work, case, Event.ORDER_CANCELLED, {"lines": left}, f"store:{case.store}")
        if case.state in BEFORE_RESOLVING and not any(line.approved for line in case.lines):
            text = "The order was edited in the store: nothing of this case is left in it, and goods have moved."
            await cases.add_problem(work, case, "order_edited", text)
    await defer(work.session, "refunds.plan", case_id=str(case.id))


async def tell_law(work: Work, order: Order) -> None:
    """News of a locked order (a delivery, an edit) may start or move the legal dates of its open cases."""
    wanted = (Case.order_pk == order.id, Case.state.in_([str(one) for one in OPEN]))
    for case_id in (await work.session.scalars(select(Case.id).where(*wanted).order_by(Case.id))).all():
        await cases.keep_legal_dates(work, await cases.lock(work, case_id))


async def _already_told(work: Work, case: Case) -> bool:
    statement = select(CaseEventRow.seq).where(
        CaseEventRow.case_id == case.id,
        CaseEventRow.type == Event.ORDER_CANCELLED,
        # An edit is not the end of the order.
        ~CaseEventRow.data.has_key("lines"),
    )
    return await work.session.scalar(statement.limit(1)) is not None


async def chargeback(work: Work, order: Order, event: Event, data: dict[str, str]) -> None:
    """A chargeback was opened, won or lost: money is held, or the hold is lifted, or the bank has paid."""
    for case in await _cases_of(work, order):
        held = Hold.CHARGEBACK in case.holds
        wanted = {Event.CHARGEBACK_OPENED: not held, Event.CHARGEBACK_WON: held}.get(event, True)
        if case.state not in ENDED and wanted:
            await cases.record(work, case, event, data, f"store:{case.store}")


async def hold_if_disputed(work: Work, order: Order) -> None:
    """The order as read from the store shows a chargeback, or that it was won: no webhook need have told of it."""
    shown = orders.snapshot_of(order)
    if shown.charged_back:
        await chargeback(work, order, Event.CHARGEBACK_LOST, {"seen": "in the order"})
    elif shown.disputed:
        await chargeback(work, order, Event.CHARGEBACK_OPENED, {"seen": "in the order"})
    elif shown.disputes_won:
        # Only a reading says so: a webhook's snapshot never does, so what was won before lifts no hold of today.
        await chargeback(work, order, Event.CHARGEBACK_WON, {"seen": "in the order"})
