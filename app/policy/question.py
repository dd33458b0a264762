"""All that a policy decides by. Pure values; amounts are minor units of the order's currency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.cases.vocabulary import Reason, Remedy
from app.orders.snapshot import OrderSnapshot


@dataclass(frozen=True, slots=True)
class AskedLine:
    """One line as the customer asks.

    `value` is what the asked units cost the customer with tax, after discounts. `free` is how many units are neither
    refunded nor in another case. `condition` is what is known of the goods' state, in the words of `model.Wear`.
    `recent_damage` counts the cases of the last 90 days in which the same article came damaged or defective.
    `variant` is what it is to be exchanged for, where that was chosen.
    """

    line_id: str
    quantity: int
    reason: Reason
    value: int
    free: int
    condition: str | None = None
    recent_damage: int = 0
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class SupplierTerms:
    """A supplier's terms. `cost_ratio` is wholesale by sales price, `returnless_below` minor units of the order's
    currency (None when it is in another currency or not agreed), `claim_window_days` days after delivery."""

    key: str
    requires_rma: bool = True
    requires_goods: bool | None = None
    claim_window_days: int | None = None
    returnless_below: int | None = None
    cost_ratio: Decimal | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The customer's last 365 days in this store, this case and its order's own money included in nothing but
    `orders` and `spent`. Amounts are of the order's currency only."""

    orders: int = 1
    cases: int = 0
    spent: int = 0
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Present:
    """Evidence that is there, by kind; a link to a picture is a photo."""

    photos: int = 0
    answers: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """A request, or the part of it that one supplier handles.

    `declared_at` is when the customer asked; windows are measured against it, so that time spent waiting for evidence
    or a person never costs the customer a right. `asked_by_hand` says that a person asked for evidence: then a person
    looks at what came. `fee_kept` is what other cases of the order keep already (a limit in money holds for the whole
    order). `held` says that the case is on hold.
    """

    order: OrderSnapshot
    lines: Sequence[AskedLine]
    remedy: Remedy
    supplier: SupplierTerms | None
    declared_at: datetime
    now: datetime
    history: History = History()
    evidence: Present = Present()
    asked_by_hand: bool = False
    fee_kept: int = 0
    held: bool = False


def window_start(order: OrderSnapshot, line_id: str) -> datetime:
    """When the window of a line begins: delivered, else fulfilled, else placed.

    Several parcels: the last one counts. A parcel whose lines are not told carries every line.
    """
    parcels = [parcel for parcel in order.fulfilments if not parcel.lines or line_id in parcel.lines]
    if parcels and all(parcel.delivered_at for parcel in parcels):
        return max(parcel.delivered_at for parcel in parcels if parcel.delivered_at)
    dates = [date for parcel in parcels for date in (parcel.delivered_at, parcel.created_at) if date]
    return max(dates) if dates else order.placed_at
