"""What the law is told about a request: one `LawFacts` for each right that its lines rest on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.cases.vocabulary import Reason
from app.orders.snapshot import OrderSnapshot
from app.policy.law.model import LawFacts, LegalView, Right
from app.policy.model import Policy

Laws = Mapping[Right, LegalView]
Assess = Callable[[LawFacts], LegalView]

_RIGHTS = {
    Reason.DEFECTIVE: Right.NON_CONFORMITY,
    Reason.DAMAGED_IN_TRANSIT: Right.NON_CONFORMITY,
    Reason.NOT_AS_DESCRIBED: Right.NON_CONFORMITY,
    Reason.WRONG_ITEM: Right.NON_CONFORMITY,
    Reason.MISSING_PARTS: Right.NON_CONFORMITY,
    Reason.LOST: Right.NON_DELIVERY,
}


def right_of(reason: Reason, order: OrderSnapshot) -> Right:
    """The right that a reason rests on.

    What is late and has not come is not delivered; what came late, and a wrong size or colour that was ordered so,
    is withdrawn from. `wrong_item` is for goods that are not what was ordered.
    """
    if reason is Reason.LATE:
        return Right.WITHDRAWAL if any(one.delivered_at for one in order.fulfilments) else Right.NON_DELIVERY
    return _RIGHTS.get(reason, Right.WITHDRAWAL)


@dataclass(frozen=True, slots=True)
class Progress:
    """What has happened to the case since: None or False means that it has not.

    `agreed_at`: approved by policy or operator. `dispatch_proved_at`: the customer's parcel has a tracking number.
    `goods_back_at`: the supplier or centre has it. `nothing_moves`: the route is claim or returnless.
    """

    agreed_at: datetime | None = None
    dispatch_proved_at: datetime | None = None
    goods_back_at: datetime | None = None
    nothing_moves: bool = False


def facts_of(
    order: OrderSnapshot,
    reasons: Sequence[Reason],
    declared_at: datetime,
    policy: Policy,
    progress: Progress | None = None,
    exempt: bool = False,
) -> tuple[LawFacts, ...]:
    """The facts for each right behind `reasons`, in a fixed order.

    `exempt`: every line that is withdrawn from falls under a statutory exception of the policy (`lines.exempt`).
    """
    done = progress or Progress()
    rights = {right_of(reason, order) for reason in reasons}
    promised = policy.law.delivery_days
    return tuple(
        LawFacts(
            country=order.country,
            region=order.region,
            # A company in the billing address may still be a person: not known, which the law takes for a consumer.
            consumer=None if order.company else True,
            right=right,
            ordered_at=order.placed_at,
            declared_at=declared_at,
            delivered_at=None if right is Right.NON_DELIVERY else _delivered_at(order),
            shipped_at=_shipped_at(order),
            informed=policy.law.informed,
            agreed_at=done.agreed_at,
            dispatch_proved_at=done.dispatch_proved_at,
            goods_back_at=done.goods_back_at,
            promised_by=order.placed_at + timedelta(days=promised) if promised is not None else None,
            nothing_to_return=done.nothing_moves or right is Right.NON_DELIVERY,
            exempt=exempt and right is Right.WITHDRAWAL,
        )
        for right in Right
        if right in rights
    )


def _delivered_at(order: OrderSnapshot) -> datetime | None:
    """When the last parcel of the whole order arrived; None while one is on its way, unsent, or nobody tells."""
    parcels = [parcel for parcel in order.fulfilments if parcel.status != "cancelled"]
    dates = [parcel.delivered_at for parcel in parcels if parcel.delivered_at]
    told = bool(parcels) and all(parcel.lines for parcel in parcels)
    unsent = told and any(
        sum(parcel.lines.get(line.line_id, 0) for parcel in parcels) < line.quantity
        for line in order.lines
        if not line.gift_card
    )
    return max(dates) if dates and len(dates) == len(parcels) and not unsent else None


def _shipped_at(order: OrderSnapshot) -> datetime | None:
    return max((parcel.created_at for parcel in order.fulfilments if parcel.created_at), default=None)


def assess_all(facts: Sequence[LawFacts], assess: Assess) -> Laws:
    """What the law says to each right."""
    return {one.right: assess(one) for one in facts}


def due_of(laws: Laws) -> LegalView | None:
    """The view with the earliest refund date; None while no date runs."""
    running = [(view.due_at, right, view) for right, view in laws.items() if view.due_at is not None]
    return min(running, key=lambda one: one[:2])[2] if running else None


def statutory_until(laws: Laws) -> datetime | None:
    """Until when the longest-lived right that is alive can be declared; None without one or without a known end."""
    return max((view.statutory_until for view in laws.values() if view.alive and view.statutory_until), default=None)


def version_of(laws: Laws) -> str:
    """The packs that were asked, for all rights together: the same packs answer all of them."""
    return next(iter(laws.values())).version if laws else ""
