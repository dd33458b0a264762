"""Takes declarations of withdrawal in, and makes return requests of them. None is ever lost or judged here.

A declaration counts from the moment it was made, whenever its order is found. Looking for the order is a job's work:
whoever declares gets the same answer, at the same speed, whether there is such an order or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from app.cases.vocabulary import Reason, Remedy
from app.db.base import new_id
from app.db.work import Work
from app.errors import Conflict, NotFound
from app.jobs import defer
from app.messages import withdrawals as messages
from app.orders import service as orders
from app.orders.models import Order
from app.policy import service as policy
from app.requests import service as requests
from app.requests.service import UnknownLine, Wanted, WantedLine
from app.withdrawals.models import Withdrawal, WithdrawalStatus

PAGE, WOOCOMMERCE = "page", "woocommerce"
# A job was just enqueued; the sweeper takes the declaration up only when that job was lost.
JOB_LOST = timedelta(seconds=60)
_OPEN = frozenset({WithdrawalStatus.RECEIVED, WithdrawalStatus.UNMATCHED, WithdrawalStatus.UNCLEAR})


class WithdrawalSettled(Conflict):
    """A return request was made of the declaration, or it was closed."""

    code = "withdrawal_settled"
    title = "The withdrawal is settled already"


class NothingToReturn(Conflict):
    """Every unit of the order was refunded or is in a return already."""

    code = "nothing_to_return"
    title = "Nothing of the order is left to return"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a consumer declares. `source` tells declarations apart: the same one again is the same withdrawal.

    `goods` is their own words when they withdraw from a part of the order; None: from all of it. `confirms` is False
    where the store itself has sent the receipt.
    """

    store: str
    origin: str
    source: str
    name: str
    order_named: str
    email: str
    language: str
    declared_at: datetime
    goods: str | None = None
    confirms: bool = True


async def declare(work: Work, told: Declaration) -> Withdrawal:
    """Keeps a declaration, has its receipt sent and its order looked for; one that is known already is answered."""
    statement = (
        insert(Withdrawal)
        .values(
            id=new_id(),
            store=told.store,
            origin=told.origin,
            source=told.source,
            name=told.name,
            order_named=told.order_named,
            email=told.email,
            goods=told.goods,
            language=told.language,
            status=WithdrawalStatus.RECEIVED,
            declared_at=told.declared_at,
            next_try_at=work.now + JOB_LOST,
        )
        .on_conflict_do_nothing()
        .returning(Withdrawal)
    )
    made = (await work.session.execute(statement)).scalar_one_or_none()
    if made is None:
        same = select(Withdrawal).where(Withdrawal.store == told.store, Withdrawal.source == told.source)
        return (await work.session.execute(same)).scalar_one()
    if told.confirms:
        made.receipt_id = await messages.confirm_receipt(work, made)
    await defer(work.session, "withdrawals.match", withdrawal_id=str(made.id))
    return made


async def lock(work: Work, withdrawal_id: UUID) -> Withdrawal:
    """The declaration, locked until the transaction ends. Lock its order before. Raises `NotFound`."""
    statement = select(Withdrawal).where(Withdrawal.id == withdrawal_id).with_for_update(key_share=True)
    found = await work.session.scalar(statement.execution_options(populate_existing=True))
    if found is None:
        raise NotFound(f"There is no withdrawal {withdrawal_id}.")
    return found


async def order_meant(work: Work, withdrawal: Withdrawal) -> Order | None:
    """The known order of that number or id that was placed with the declaration's e-mail, if there is one."""
    named = withdrawal.order_named
    bare = named.lstrip("#").strip()
    statement = select(Order).where(
        Order.store == withdrawal.store, or_(Order.order_id == bare, Order.number.in_([named, bare, f"#{bare}"]))
    )
    found = await work.session.scalars(statement)
    return next((order for order in found if is_theirs(withdrawal, order.email)), None)


def is_theirs(withdrawal: Withdrawal, email: str | None) -> bool:
    """Whether an order with that e-mail is the consumer's who declared. Their name may be written in many ways."""
    return bool(email) and (email or "").strip().casefold() == withdrawal.email.strip().casefold()


async def open_request(
    work: Work, withdrawal: Withdrawal, order: Order, actor: str, units: Mapping[str, int] | None = None
) -> None:
    """Makes a return request of an open declaration, for `units` by line or all that is left of the order.

    Order and declaration must be locked. Raises `WithdrawalSettled`, `NothingToReturn`, `UnknownLine` and
    `requests.QuantityNotAvailable`.
    """
    require_open(withdrawal)
    free = await returnable(work, order)
    if units is not None and (strange := set(units) - {line.line_id for line in orders.snapshot_of(order).lines}):
        raise UnknownLine(f"The order has no line {sorted(strange)[0]!r}.")
    chosen = {line: count for line, count in (free if units is None else units).items() if count > 0}
    if not chosen:
        raise NothingToReturn("Every unit of the order was refunded or is in a return already.")
    wanted = Wanted(
        Remedy.REFUND,
        [WantedLine(count, Reason.CHANGED_MIND, line_id=line) for line, count in chosen.items()],
        "withdrawal",
        actor,
        email=withdrawal.email if is_theirs(withdrawal, order.email) else None,
        declared_at=withdrawal.declared_at,
    )
    request, _ = await requests.submit(work, order, wanted)
    withdrawal.order_pk, withdrawal.request_id = order.id, request.id
    _settle(work, withdrawal, WithdrawalStatus.MATCHED, None, actor)


async def returnable(work: Work, order: Order) -> dict[str, int]:
    """Units by line that were neither refunded nor are in a return; a gift card is nothing to send back."""
    # No case has the order's id: every one of them counts.
    free = await policy.free_units(work, order, without=order.id)
    return {
        line.line_id: min(line.quantity, free.get(line.line_id, 0))
        for line in orders.snapshot_of(order).lines
        if not line.gift_card and free.get(line.line_id, 0) > 0
    }


async def needs_person(
    work: Work, withdrawal: Withdrawal, status: WithdrawalStatus, why: str, order: Order | None = None
) -> None:
    """Leaves a locked, open declaration to the operator, who is told once."""
    require_open(withdrawal)
    withdrawal.status, withdrawal.detail, withdrawal.next_try_at = status, why, None
    withdrawal.order_pk = order.id if order else None
    await messages.ask_operator(work, withdrawal)


async def close(work: Work, withdrawal: Withdrawal, reason: str, actor: str) -> None:
    """Ends a locked declaration without a return request. Raises `WithdrawalSettled`."""
    require_open(withdrawal)
    _settle(work, withdrawal, WithdrawalStatus.CLOSED, reason, actor)


def require_open(withdrawal: Withdrawal) -> None:
    """Raises `WithdrawalSettled`."""
    if withdrawal.status not in _OPEN:
        raise WithdrawalSettled(f"The withdrawal is {withdrawal.status} already.")


def _settle(work: Work, withdrawal: Withdrawal, status: WithdrawalStatus, why: str | None, actor: str) -> None:
    withdrawal.status, withdrawal.detail, withdrawal.next_try_at = status, why, None
    withdrawal.settled_by, withdrawal.settled_at = actor, work.now
