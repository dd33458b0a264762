"""The order as Shopify's GraphQL Admin API tells it becomes a snapshot. Pure.

What is read here is what `app.stores.shopify_documents.ORDER` asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.orders.marker import operation_in
from app.orders.normalise_shopify_money import (
    SHIPPING_WITHOUT_ID,
    UNDELIVERABLE,
    RefundMovement,
    amounts_in,
    exponent_for,
    gateways,
    is_currency,
    kept_share,
    kept_units,
    line_title,
    money_moved,
    refund_state,
    refunded_units,
    to_minor,
)
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
from app.orders.snapshot import Extra, Fulfilment, Line, OrderSnapshot, Platform, RefundState, SeenRefund

_CUSTOMER, _SHOP = "presentmentMoney", "shopMoney"
_UNIT_AFTER_DISCOUNTS = "discountedUnitPriceAfterAllDiscountsSet"
_HARMLESS_DISPUTES = frozenset({"WON", "PREVENTED"})
_LOST_DISPUTES = frozenset({"LOST", "ACCEPTED", "CHARGE_REFUNDED"})
_CAPTURING = frozenset({"SALE", "CAPTURE"})

# `Order.transactions` is a list without pages; an answer this long may have been cut (see the document).
TRANSACTIONS_ASKED = 25


@dataclass(frozen=True, slots=True)
class _Purse:
    """One of the two currencies in which every amount of an order is told."""

    side: str
    currency: str
    exponent: int
    taxes_included: bool

    def find(self, container: Mapping[str, Any], key: str) -> Decimal | None:
        return amount(child(child(container, key), self.side), "amount")

    def read(self, container: Mapping[str, Any], key: str) -> Decimal:
        return self.find(container, key) or Decimal(0)

    def minor(self, value: Decimal) -> int:
        return max(0, to_minor(value, self.exponent))

    def tax(self, container: Mapping[str, Any]) -> Decimal:
        return sum((self.read(tax, "priceSet") for tax in objects(container, "taxLines")), Decimal(0))

    def with_tax(self, paid: Decimal, container: Mapping[str, Any]) -> int:
        return self.minor(paid if self.taxes_included else paid + self.tax(container))

    def line_total(self, item: Mapping[str, Any], units: int) -> int:
        """Exact: unit price times units less allocations. Shopify's own price after discounts is approximate."""
        unit = self.find(item, "originalUnitPriceSet")
        if unit is None or not isinstance(item.get("discountAllocations"), list):
            return self.with_tax(self.read(item, _UNIT_AFTER_DISCOUNTS) * units, item)
        given = (self.read(each, "allocatedAmountSet") for each in objects(item, "discountAllocations"))
        return self.with_tax(unit * units - sum(given, Decimal(0)), item)


def nodes(container: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The nodes of the connection at `key`."""
    return objects(child(container, key), "nodes")


def has_more(container: Mapping[str, Any], key: str) -> bool:
    """Whether the connection at `key` has pages after this one."""
    return child(child(container, key), "pageInfo").get("hasNextPage") is True


def order_from_api(node: Mapping[str, Any]) -> OrderSnapshot:
    """Reads an `Order`. Raises `UnreadablePayload` when the id, a usable date or a usable currency is missing."""
    order_id = required_identifier(node, "id")
    placed_at = moment(node, "createdAt") or moment(node, "processedAt") or moment(node, "updatedAt")
    if placed_at is None:
        raise UnreadablePayload("The order has no usable date")
    purse, shop = _purses(node)
    extras = _shipping(node, purse)
    shipping = extras[0].line_id if extras else SHIPPING_WITHOUT_ID
    refunds = _refunds(node, purse, shop, shipping)
    refunded = refunded_units(refund.lines for refund in refunds) if refunds is not None else None
    disputes = {text(each, "status", 40) or "" for each in objects(node, "disputes")}
    return OrderSnapshot(
        platform=Platform.SHOPIFY,
        order_id=order_id,
        number=text(node, "name", 80) or order_id,
        currency=purse.currency,
        exponent=purse.exponent,
        total=purse.minor(purse.read(node, "totalPriceSet")),
        captured=_captured(node, purse),
        status=(text(node, "displayFinancialStatus", 40) or "unknown").lower(),
        placed_at=placed_at,
        updated_at=moment(node, "updatedAt") or placed_at,
        lines=tuple(_line(item, purse, shop, refunded) for item in nodes(node, "lineItems") if _has_id(item)),
        extras=extras,
        fulfilments=tuple(_fulfilment(item) for item in objects(node, "fulfillments") if _has_id(item)),
        refunds=refunds,
        shop_currency=shop.currency,
        shop_exponent=shop.exponent,
        taxes_included=purse.taxes_included,
        email=text(node, "email", 320),
        country=text(_address(node), "countryCodeV2", 2),
        region=text(_address(node), "provinceCode", 10),
        company=text(child(node, "billingAddress"), "company") is not None,
        locale=text(node, "customerLocale", 35),
        payment_method=_payment_method(node),
        cancelled_at=moment(node, "cancelledAt"),
        disputed=bool(disputes - _HARMLESS_DISPUTES - _LOST_DISPUTES),
        charged_back=bool(disputes & _LOST_DISPUTES),
        disputes_won=bool(disputes) and disputes <= _HARMLESS_DISPUTES,
        disputes_ended=_ended_disputes(node),
        test=node.get("test") is True,
    )


def movements_in(refund: Mapping[str, Any], side: str = _CUSTOMER) -> list[RefundMovement]:
    """The transactions of a `Refund` that are refunds of money (voiding an authorisation moves none)."""
    return [
        RefundMovement(
            (text(each, "status", 40) or "unknown").lower(),
            amount(child(child(each, "amountSet"), side), "amount") or Decimal(0),
        )
        for each in nodes(refund, "transactions")
        if text(each, "kind", 40) == "REFUND"
    ]


def _has_id(item: Mapping[str, Any]) -> bool:
    return identifier(item, "id") is not None


def _purses(node: Mapping[str, Any]) -> tuple[_Purse, _Purse]:
    own = text(node, "currencyCode", 3)
    currency = text(node, "presentmentCurrencyCode", 3) or own
    if currency is None or not is_currency(currency):
        raise UnreadablePayload("The order has no usable currency")
    shop_currency = own if own is not None and is_currency(own) else currency
    included = node.get("taxesIncluded") is True
    approximate = (_UNIT_AFTER_DISCOUNTS,)
    return (
        _Purse(_CUSTOMER, currency, exponent_for(currency, amounts_in(node, _CUSTOMER, approximate)), included),
        _Purse(_SHOP, shop_currency, exponent_for(shop_currency, amounts_in(node, _SHOP, approximate)), included),
    )


def _captured(node: Mapping[str, Any], purse: _Purse) -> int:
    transactions = objects(node, "transactions")
    if not transactions or len(transactions) >= TRANSACTIONS_ASKED:
        return purse.minor(purse.read(node, "totalReceivedSet"))
    taken = (
        purse.read(each, "amountSet")
        for each in transactions
        if text(each, "kind", 40) in _CAPTURING and text(each, "status", 40) == "SUCCESS"
    )
    return purse.minor(sum(taken, Decimal(0)))


def _line(item: Mapping[str, Any], purse: _Purse, shop: _Purse, refunded: Mapping[str, int] | None) -> Line:
    line_id = required_identifier(item, "id")
    ordered = max(0, quantity(item, "quantity"))
    current = quantity(item, "currentQuantity", -1)
    gone = None if refunded is None else refunded.get(line_id, 0)
    kept = kept_units(ordered, current if current >= 0 else None, gone)
    return Line(
        line_id=line_id,
        title=line_title(text(item, "title"), text(item, "variantTitle")),
        quantity=kept,
        total=kept_share(purse.line_total(item, ordered), ordered, kept),
        tax=kept_share(purse.minor(purse.tax(item)), ordered, kept),
        shop_total=kept_share(shop.line_total(item, ordered), ordered, kept),
        sku=text(item, "sku", 255),
        vendor=text(item, "vendor", 255),
        product_id=identifier(child(item, "product"), "id"),
        variant_id=identifier(child(item, "variant"), "id"),
        gift_card=item.get("isGiftCard") is True,
    )


def _shipping(node: Mapping[str, Any], purse: _Purse) -> tuple[Extra, ...]:
    return tuple(
        Extra(
            line_id=identifier(item, "id") or SHIPPING_WITHOUT_ID,
            kind="shipping",
            title=text(item, "title") or "",
            total=purse.with_tax(purse.read(item, "discountedPriceSet"), item),
            tax=purse.minor(purse.tax(item)),
        )
        for item in nodes(node, "shippingLines")
    )


def _refunds(node: Mapping[str, Any], purse: _Purse, shop: _Purse, shipping: str) -> tuple[SeenRefund, ...] | None:
    if not isinstance(node.get("refunds"), list):
        return None
    return tuple(_refund(item, purse, shop, shipping) for item in objects(node, "refunds") if _has_id(item))


def _refund(item: Mapping[str, Any], purse: _Purse, shop: _Purse, shipping: str) -> SeenRefund:
    movements, in_shop = movements_in(item), movements_in(item, _SHOP)
    moved, moved_in_shop = money_moved(movements), money_moved(in_shop)
    state = refund_state(movements)
    if state is RefundState.NO_MONEY and purse.read(item, "totalRefundedSet") > 0:
        # Money is said to have moved by no transaction that can be seen: keep it counted and let a person look.
        state = RefundState.UNCLEAR
        moved, moved_in_shop = purse.read(item, "totalRefundedSet"), shop.read(item, "totalRefundedSet")
    return SeenRefund(
        store_refund_id=required_identifier(item, "id"),
        amount=purse.minor(moved),
        state=state,
        operation=operation_in(text(item, "note", 5000)),
        shop_amount=shop.minor(moved_in_shop),
        lines=_refund_lines(item),
        extras=_refund_shipping(item, purse, shipping),
        created_at=moment(item, "createdAt"),
    )


def _refund_lines(item: Mapping[str, Any]) -> dict[str, int] | None:
    if not child(item, "refundLineItems") or has_more(item, "refundLineItems"):
        return None
    lines: dict[str, int] = {}
    for each in nodes(item, "refundLineItems"):
        line_id = identifier(child(each, "lineItem"), "id")
        if line_id is not None:
            lines[line_id] = lines.get(line_id, 0) + max(0, quantity(each, "quantity"))
    return lines


def _refund_shipping(item: Mapping[str, Any], purse: _Purse, shipping: str) -> dict[str, int] | None:
    if not child(item, "refundShippingLines"):
        return None
    extras: dict[str, int] = {}
    for each in nodes(item, "refundShippingLines"):
        line_id = identifier(child(each, "shippingLine"), "id") or shipping
        net, tax = purse.read(each, "subtotalAmountSet"), purse.read(each, "taxAmountSet")
        extras[line_id] = extras.get(line_id, 0) + purse.minor(net if purse.taxes_included else net + tax)
    return extras


def _ended_disputes(node: Mapping[str, Any]) -> tuple[str, ...]:
    over = [
        each for each in objects(node, "disputes") if text(each, "status", 40) in _HARMLESS_DISPUTES | _LOST_DISPUTES
    ]
    return tuple(sorted({dispute_id for each in over if (dispute_id := identifier(each, "id"))}))


def _fulfilment(item: Mapping[str, Any]) -> Fulfilment:
    raw = (text(item, "status", 40) or "").lower()
    shown = (text(item, "displayStatus", 40) or "").lower()
    tracking = next(iter(objects(item, "trackingInfo")), {})
    lines: dict[str, int] = {}
    for each in nodes(item, "fulfillmentLineItems"):
        line_id = identifier(child(each, "lineItem"), "id")
        if line_id is not None:
            lines[line_id] = lines.get(line_id, 0) + max(0, quantity(each, "quantity"))
    return Fulfilment(
        fulfilment_id=required_identifier(item, "id"),
        status=raw if raw in UNDELIVERABLE else shown or raw or "unknown",
        created_at=moment(item, "createdAt"),
        delivered_at=moment(item, "deliveredAt"),
        carrier=text(tracking, "company", 120),
        tracking_number=text(tracking, "number", 120),
        tracking_url=text(tracking, "url", 500),
        lines={} if has_more(item, "fulfillmentLineItems") else lines,
        updated_at=moment(item, "updatedAt"),
    )


def _address(node: Mapping[str, Any]) -> dict[str, Any]:
    """Where the goods went, else who was billed."""
    shipping = child(node, "shippingAddress")
    return shipping if text(shipping, "countryCodeV2", 2) else child(node, "billingAddress")


def _payment_method(node: Mapping[str, Any]) -> str | None:
    names = node.get("paymentGatewayNames")
    return gateways(names) if isinstance(names, list) else None
