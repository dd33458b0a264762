"""What Shopify's two spellings of an order have in common: money sets, exponents, what became of a refund. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.money import BadAmount, currency_exponent, significant_decimals, units_share
from app.orders.reading import amount
from app.orders.snapshot import RefundState

# No currency has more digits; finer amounts are computed averages (Shopify calls its unit price "approximate").
_MOST_DIGITS = 4
# As the JSON was read: nothing is derived from these, and a type is compared sooner than a family of types.
_NESTED = frozenset({dict, list})
# A sum of money holds no further ones.
_SIDES = frozenset({"presentment_money", "shop_money", "presentmentMoney", "shopMoney"})

MOVING = frozenset({"pending", "awaiting_response", "unknown"})
_FAILED = frozenset({"failure", "error"})

# A parcel in one of these states reaches nobody, whatever its last scan said.
UNDELIVERABLE = frozenset({"cancelled", "error", "failure"})

# An order lists nothing by which a refund of shipping could name its line when it has none.
SHIPPING_WITHOUT_ID = "shipping"


def is_currency(code: str | None) -> bool:
    """Whether `code` is a currency code of three capital letters."""
    try:
        return code is not None and currency_exponent(code) >= 0
    except BadAmount:
        return False


def amounts_in(value: Any, side: str, skip: Collection[str] = ()) -> set[Decimal]:
    """Every amount under a key `side` (`presentment_money`, `shopMoney`) anywhere in `value`, but not under `skip`."""
    return amounts_by_side(value, (side,), skip)[side]


def amounts_by_side(value: Any, sides: Collection[str], skip: Collection[str] = ()) -> dict[str, set[Decimal]]:
    """The same for several sides in one walk, which is most of the work of reading an order."""
    told: dict[str, set[Any]] = {side: set() for side in sides}
    closed = _SIDES.union(skip)
    waiting = [value]
    for item in waiting:
        if isinstance(item, dict):
            for side, seen in told.items():
                if side in item:
                    seen.add(_raw_amount(item[side]))
            waiting += [inner for key, inner in item.items() if type(inner) in _NESTED and key not in closed]
        elif isinstance(item, list):
            waiting += [inner for inner in item if type(inner) in _NESTED]
    # An order tells the same few amounts many times: each is read once.
    return {side: {found for raw in seen if (found := _read(raw)) is not None} for side, seen in told.items()}


def _raw_amount(of_money: Any) -> str | int | Decimal | None:
    raw = of_money.get("amount") if isinstance(of_money, dict) else None
    return raw if isinstance(raw, (str, int, Decimal)) and not isinstance(raw, bool) else None


def _read(raw: str | int | Decimal | None) -> Decimal | None:
    return amount({"amount": raw}, "amount")


def exponent_for(currency: str, amounts: Iterable[Decimal]) -> int:
    """The digits to keep: CLDR's for the currency, or more when the order itself uses more (at most four)."""
    seen = [significant_decimals(value) for value in set(amounts)]
    return max([currency_exponent(currency), *(digits for digits in seen if digits <= _MOST_DIGITS)])


def to_minor(value: Decimal | None, exponent: int) -> int:
    """Minor units of `value`, half a unit rounded up; an amount that is not there counts as nothing."""
    return 0 if value is None else int(value.scaleb(exponent).to_integral_value(rounding=ROUND_HALF_UP))


def kept_units(ordered: int, current: int | None, refunded: int | None) -> int:
    """What was ordered less what an order edit removed.

    Shopify's current quantity leaves out refunded units too. When either number is not known, nothing was removed.
    """
    if current is None or refunded is None:
        return ordered
    return ordered - min(ordered, max(0, ordered - current - refunded))


def kept_share(total: int, ordered: int, kept: int) -> int:
    """The part of a line's `total` that falls to the `kept` of its `ordered` units."""
    return total if kept == ordered else units_share(total, ordered, 0, kept)


@dataclass(frozen=True, slots=True)
class RefundMovement:
    """One transaction of a refund: its status in lower case and its amount."""

    status: str
    value: Decimal


def money_moved(movements: list[RefundMovement]) -> Decimal:
    """What has reached the customer or still may."""
    return sum((each.value for each in movements if each.status == "success" or each.status in MOVING), Decimal(0))


def refund_state(movements: list[RefundMovement]) -> RefundState:
    """What became of a refund's money, from its transactions.

    A refund whose money went out only in part is UNCLEAR, never FAILED: the part that went out must stay counted.
    """
    statuses = {each.status for each in movements}
    if not statuses:
        return RefundState.NO_MONEY
    if statuses & MOVING:
        return RefundState.PENDING
    if statuses == {"success"}:
        return RefundState.SUCCEEDED
    return RefundState.FAILED if statuses <= _FAILED else RefundState.UNCLEAR


def refunded_units(refunds: Iterable[Mapping[str, int] | None]) -> dict[str, int] | None:
    """Units refunded by line id over all refunds; None when one of them does not tell its lines."""
    units: dict[str, int] = {}
    for lines in refunds:
        if lines is None:
            return None
        for line_id, number in lines.items():
            units[line_id] = units.get(line_id, 0) + number
    return units


def line_title(title: str | None, variant: str | None) -> str:
    """What a person calls the goods; "Default Title" is how Shopify names the only variant of a product."""
    return f"{title or ''} ({variant})".strip() if variant and variant != "Default Title" else title or ""


def gateways(names: Iterable[Any]) -> str | None:
    """How an order was paid: the gateways' codes, joined by a comma when there were several."""
    return ",".join(name.replace("\x00", "").strip()[:80] for name in names if isinstance(name, str))[:200] or None
