"""What may be had for what was bought: another variant of the same product, in stock and not dearer."""

from __future__ import annotations

from collections.abc import Sequence

from app.orders.snapshot import OrderSnapshot
from app.stores.asked import NewOrderIntent, Variant
from app.stores.base import NewOrderNotPossible, Store


def exchangeable(order: OrderSnapshot, line_id: str, variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """The variants that cost no more than a unit of the line did, and that the store has.

    Who bought with a discount may have what costs no more than what they bought costs now. A price in another currency
    than the order's cannot be compared, so it is none that may be had.
    """
    line = order.line(line_id)
    if line is None or line.quantity <= 0:
        return ()
    comparable = [
        one for one in variants if (one.price.currency, one.price.exponent) == (order.currency, order.exponent)
    ]
    # Listed prices are with tax or without, as the order's were; what one unit cost at least is rounded down.
    paid = (line.total if order.taxes_included else line.total - line.tax) // line.quantity
    most = max([paid, *(one.price.minor for one in comparable if one.variant_id == line.variant_id)])
    return tuple(one for one in comparable if one.available and one.price.minor <= most)


async def check_exchange(store: Store, intent: NewOrderIntent, order: OrderSnapshot) -> None:
    """Asks once more, right before sending, whether the chosen variants may be had; reads only.

    Raises `NewOrderNotPossible`, `StoreUnavailable`, `StoreRefused`.
    """
    for line in intent.lines:
        if line.variant_id is None:
            continue
        found = exchangeable(order, line.line_id, await store.variants(intent.order_id, line.line_id))
        if line.variant_id not in {one.variant_id for one in found}:
            raise NewOrderNotPossible("the variant that was chosen is sold out, gone, or costs more than was paid")
