"""WooCommerce's order as an `OrderSnapshot`. Pure.

A webhook's body and `GET /wp-json/wc/v3/orders/<id>` have the same shape (REST v3), so one function reads both. Money
is text with the *store's* number of decimals, whatever the currency; a request with `dp` would hide that number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.orders.marker import operation_in
from app.orders.normalise_woocommerce_money import currency_in, exponent_in, in_minor, minor_of, taxes_of
from app.orders.reading import (
    UnreadablePayload,
    amount,
    child,
    identifier,
    moment,
    objects,
    quantity,
    required_identifier,
    text,
)
from app.orders.snapshot import (
    Extra,
    Fulfilment,
    Line,
    OrderSnapshot,
    Platform,
    RefundState,
    SeenRefund,
    is_manual_payment,
)

_PAID_STATUSES = frozenset({"processing", "completed", "refunded"})
_ORDER_ACTIONS = frozenset(
    {"woocommerce_order_refunded", "woocommerce_order_fully_refunded", "woocommerce_order_partially_refunded"}
)
_VENDOR_KEYS = ("vendor", "_vendor", "supplier", "_supplier")
_LOCALE_KEYS = ("wpml_language", "_locale")
# What the site's own withdrawal form leaves (WooCommerce 11.1 and newer, from its source).
_WITHDRAWN = "_order_withdrawal_requested"


def order_from_payload(payload: Mapping[str, Any]) -> OrderSnapshot:
    """The order in a webhook's body or a REST answer, its refunds as totals only (`lines` is None).

    Raises `UnreadablePayload` when it is no order. A correctly signed webhook can carry a REST error object instead,
    for example after the order was deleted for good.
    """
    order_id, status = _identity(payload)
    currency = currency_in(payload)
    exponent = exponent_in(payload)
    total = minor_of(payload, "total", exponent)
    updated_at = moment(payload, "date_modified_gmt") or moment(payload, "date_created_gmt")
    if updated_at is None:
        raise UnreadablePayload("The order has neither date_created_gmt nor date_modified_gmt")
    paid = moment(payload, "date_paid_gmt") is not None or status in _PAID_STATUSES
    billing, shipping = child(payload, "billing"), child(payload, "shipping")
    return OrderSnapshot(
        platform=Platform.WOOCOMMERCE,
        order_id=order_id,
        number=identifier(payload, "number") or order_id,
        currency=currency,
        exponent=exponent,
        total=total,
        captured=total if paid else 0,
        status=status,
        placed_at=moment(payload, "date_created_gmt") or updated_at,
        updated_at=updated_at,
        lines=tuple(_line(item, exponent) for item in objects(payload, "line_items")),
        extras=tuple(_extras(payload, exponent)),
        fulfilments=_fulfilments(payload, status),
        refunds=tuple(_listed_refund(payload, item, exponent) for item in objects(payload, "refunds")),
        taxes_included=payload.get("prices_include_tax") is True,
        email=text(billing, "email", 320),
        country=_country(shipping) or _country(billing),
        region=text(shipping if _country(shipping) else billing, "state", 60),
        company=text(billing, "company") is not None,
        locale=_meta_text(payload, _LOCALE_KEYS, 35),
        payment_method=text(payload, "payment_method", 100),
        cancelled_at=updated_at if status == "cancelled" else None,
        withdrawn=_meta_text(payload, (_WITHDRAWN,), 10) == "yes",
    )


def refunds_from_api(payload: Mapping[str, Any], refunds: Sequence[Mapping[str, Any]]) -> tuple[SeenRefund, ...]:
    """The refunds of `GET /orders/<id>/refunds` with their lines; `payload` is the order they belong to.

    Raises `UnreadablePayload` when the order cannot be read or a refund has no id.
    """
    exponent, method = exponent_in(payload), text(payload, "payment_method", 100)
    return tuple(_full_refund(item, exponent, method) for item in refunds)


def action_order_id(payload: Mapping[str, Any]) -> str | None:
    """The order id in the body of an `action.*` webhook; None when that action's argument is not an order id.

    `woocommerce_refund_created`, for one, carries a refund id, which shares its number space with orders. Raises
    `UnreadablePayload` when the body is not `{"action": …, "arg": <int>}`.
    """
    action, argument = text(payload, "action"), payload.get("arg")
    if action is None:
        raise UnreadablePayload("The body names no action")
    if action not in _ORDER_ACTIONS:
        return None
    if isinstance(argument, bool) or not isinstance(argument, int) or argument <= 0:
        raise UnreadablePayload(f"The argument of {action[:80]} is not an order id")
    return str(argument)


def _identity(payload: Mapping[str, Any]) -> tuple[str, str]:
    order_id, status = payload.get("id"), text(payload, "status", 60)
    if isinstance(order_id, int) and not isinstance(order_id, bool) and 0 < order_id < 10**18 and status:
        return str(order_id), status
    code = text(payload, "code", 80)
    if code is not None and "message" in payload:
        raise UnreadablePayload(f"The store sent the error {code} instead of an order")
    raise UnreadablePayload("The body is not an order: it needs an integer id and a status")


def _line(item: Mapping[str, Any], exponent: int) -> Line:
    tax = minor_of(item, "total_tax", exponent)
    return Line(
        line_id=required_identifier(item, "id"),
        title=text(item, "name") or text(item, "sku") or "",
        quantity=max(0, quantity(item, "quantity")),
        total=minor_of(item, "total", exponent) + tax,
        tax=tax,
        sku=text(item, "sku", 200),
        vendor=_meta_text(item, _VENDOR_KEYS, 200),
        product_id=_nonzero(item, "product_id"),
        variant_id=_nonzero(item, "variation_id"),
        taxes=taxes_of(item, tax),
    )


def _extras(payload: Mapping[str, Any], exponent: int) -> Iterator[Extra]:
    """Shipping and fees. A fee with a negative total is a discount and stays negative, so that sums stay right."""
    for key, kind, title in (("shipping_lines", "shipping", "method_title"), ("fee_lines", "fee", "name")):
        for item in objects(payload, key):
            tax = minor_of(item, "total_tax", exponent)
            yield Extra(
                line_id=required_identifier(item, "id"),
                kind=kind,
                title=text(item, title) or kind,
                total=minor_of(item, "total", exponent) + tax,
                tax=tax,
                taxes=taxes_of(item, tax),
            )


def _fulfilments(payload: Mapping[str, Any], status: str) -> tuple[Fulfilment, ...]:
    """Parcels as the common tracking plugins note them; without one, a completed order counts as sent once."""
    noted = _meta(payload, "_wc_shipment_tracking_items")
    parcels = [item for item in noted if isinstance(item, dict)] if isinstance(noted, list) else []
    if not parcels and status == "completed":
        return (Fulfilment("completed", "completed", created_at=moment(payload, "date_completed_gmt")),)
    return tuple(
        Fulfilment(
            fulfilment_id=identifier(parcel, "tracking_id") or f"tracking-{position}",
            status="shipped",
            created_at=_shipped_at(parcel),
            carrier=text(parcel, "tracking_provider", 100) or text(parcel, "custom_tracking_provider", 100),
            tracking_number=text(parcel, "tracking_number", 100),
            tracking_url=text(parcel, "custom_tracking_link"),
        )
        for position, parcel in enumerate(parcels, start=1)
    )


def _shipped_at(parcel: Mapping[str, Any]) -> datetime | None:
    """`date_shipped`: seconds since 1970 as number or text, or a date."""
    seconds = identifier(parcel, "date_shipped") or ""
    if not seconds.isdigit():
        return moment(parcel, "date_shipped")
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _listed_refund(payload: Mapping[str, Any], item: Mapping[str, Any], exponent: int) -> SeenRefund:
    """A refund in an order's `refunds[]`: a negative total, or `"-"` for a refund that was made without an amount."""
    total, operation = amount(item, "total"), operation_in(_reason(item))
    return SeenRefund(
        store_refund_id=required_identifier(item, "id"),
        amount=abs(in_minor(total, exponent)) if total is not None else 0,
        state=_refund_state(total, operation, None, text(payload, "payment_method", 100)),
        operation=operation,
    )


def _full_refund(item: Mapping[str, Any], exponent: int, method: str | None) -> SeenRefund:
    total, operation = amount(item, "amount"), operation_in(_reason(item))
    lines: dict[str, int] = {}
    for line in objects(item, "line_items"):
        line_id = refunded_item_id(line)
        if line_id is not None:
            lines[line_id] = lines.get(line_id, 0) + abs(quantity(line, "quantity"))
    extras: dict[str, int] = {}
    for extra in objects(item, "shipping_lines") + objects(item, "fee_lines"):
        line_id = refunded_item_id(extra)
        if line_id is not None:
            parts = (amount(extra, "total"), amount(extra, "total_tax"))
            minor = sum(in_minor(part, exponent) for part in parts if part is not None)
            extras[line_id] = extras.get(line_id, 0) - minor
    return SeenRefund(
        store_refund_id=required_identifier(item, "id"),
        amount=abs(in_minor(total, exponent)) if total is not None else 0,
        state=_refund_state(total, operation, item.get("refunded_payment"), method),
        operation=operation,
        lines=lines,
        extras=extras,
        created_at=moment(item, "date_created_gmt"),
    )


def _refund_state(total: Decimal | None, operation: str | None, paid: Any, method: str | None) -> RefundState:
    """A refund that somebody else booked is the merchant's word that the customer was paid; ours needs proof."""
    if total is None:
        return RefundState.UNCLEAR
    if operation is None or paid is True or (paid is False and is_manual_payment(method)):
        return RefundState.SUCCEEDED
    return RefundState.UNCLEAR


def refunded_item_id(item: Mapping[str, Any]) -> str | None:
    """The id of the order's line, shipping or fee that a refund's item stands for; None when it does not say."""
    return identifier({"id": _meta(item, "_refunded_item_id")}, "id")


def _reason(item: Mapping[str, Any]) -> str | None:
    # Very old samples name it `refund`.
    return text(item, "reason", 2000) or text(item, "refund", 2000)


def _meta(item: Mapping[str, Any], key: str) -> Any:
    return next((entry.get("value") for entry in objects(item, "meta_data") if entry.get("key") == key), None)


def _meta_text(item: Mapping[str, Any], keys: Sequence[str], limit: int) -> str | None:
    found = (text({"value": _meta(item, key)}, "value", limit) for key in keys)
    return next((value for value in found if value), None)


def _nonzero(item: Mapping[str, Any], key: str) -> str | None:
    found = identifier(item, key)
    return None if found == "0" else found


def _country(address: Mapping[str, Any]) -> str | None:
    code = (text(address, "country", 10) or "").upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() else None
