"""Placing an order in the sandbox's WooCommerce site."""

from __future__ import annotations

import hashlib
import json

from app.sandbox.woocommerce.model import LINE, Arrival, CouponLine, NewOrder, Order, TaxLine
from app.sandbox.woocommerce.pricing import Priced, Till
from app.sandbox.woocommerce.render import meta
from app.sandbox.woocommerce.state import WooState


def place_order(state: WooState, site_key: str, new: NewOrder) -> Order:
    """Prices the order and keeps it; tells nobody. Raises `KeyError` for a tax rate that the site does not have."""
    till = Till(state.rates, state.prices_include_tax, state.decimals)
    priced = till.price(new.lines, new.shipping, new.fees, new.coupon, lambda: next(state.item_ids))
    tax_lines, coupon_line = _tax_lines(state, priced), _coupon_line(state, new, priced)
    _reduce_stock(state, priced)
    order_id, now, gateway = next(state.post_ids), state.clock.now(), state.gateways.get(new.gateway)
    order = Order(
        order_id=order_id,
        number=new.number or str(order_id),
        status=new.status,
        currency=new.currency or state.currency,
        decimals=state.decimals,
        prices_include_tax=state.prices_include_tax,
        customer=new.customer,
        gateway_id=new.gateway,
        gateway_title=gateway.title if gateway else new.gateway,
        transaction_id=f"ch_{site_key}_{order_id}",
        order_key="wc_order_" + hashlib.sha256(f"{site_key}{order_id}".encode()).hexdigest()[:13],
        created_at=now,
        modified_at=now,
        paid_at=now if new.status in {"processing", "completed"} else None,
        completed_at=now if new.status == "completed" else None,
        items=priced.items,
        tax_lines=tax_lines,
        coupon=coupon_line,
        discount_total=priced.discount,
        discount_tax=priced.discount_tax,
        created_via="store-api" if new.arrival is Arrival.BLOCKS else "rest-api",
        meta=[{"id": next(state.meta_ids), "key": key, "value": value} for key, value in new.meta_data.items()],
    )
    state.orders[order_id] = order
    return order


def _tax_lines(state: WooState, priced: Priced) -> list[TaxLine]:
    used = dict.fromkeys(rate_id for item in priced.items for rate_id in item.taxes)
    return [TaxLine(next(state.item_ids), state.rates[rate_id]) for rate_id in used]


def _coupon_line(state: WooState, new: NewOrder, priced: Priced) -> CouponLine | None:
    if new.coupon is None:
        return None
    info = json.dumps([13, new.coupon.code, "percent", new.coupon.percent], separators=(",", ":"))
    about = [meta(next(state.meta_ids), "coupon_info", info)]
    return CouponLine(next(state.item_ids), new.coupon, priced.discount, priced.coupon_tax, about)


def _reduce_stock(state: WooState, priced: Priced) -> None:
    """Notes on each line how many units left the stock; only those can be put back by a refund."""
    for item in priced.items:
        if item.kind == LINE:
            item.meta.append(meta(next(state.meta_ids), "_reduced_stock", str(item.quantity)))
