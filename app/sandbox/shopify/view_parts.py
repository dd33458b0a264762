"""The pieces that GraphQL's orders, refunds and returns share: money, order lines, shipping, parcel lines."""

from __future__ import annotations

from decimal import Decimal

from app.sandbox.shopify.connections import View, some
from app.sandbox.shopify.state import Order, ParcelLine
from app.sandbox.shopify.values import Goods, gid


def money(order: Order, amount: Decimal) -> View:
    """`MoneyBag`."""
    bag = order.bag(amount)
    return {
        "shopMoney": {"amount": bag.shop, "currencyCode": bag.shop_currency},
        "presentmentMoney": {"amount": bag.presentment, "currencyCode": bag.presentment_currency},
    }


def _taxes(order: Order, rate: Decimal, tax: Decimal) -> list[View]:
    if not rate:
        return []
    return [{"title": "VAT", "rate": float(rate), "ratePercentage": float(rate * 100), "priceSet": money(order, tax)}]


def line_view(order: Order, line: Goods) -> View:
    """`LineItem`."""

    def per_unit(amount: Decimal) -> View:
        return money(order, order.currencies.round(amount / line.quantity))

    refunded = order.refunded_units(line)
    unsent = max(0, line.quantity - line.removed - order.fulfilled_units(line) - order.refunded_units(line, "CANCEL"))
    return {
        "id": gid("LineItem", line.id),
        "title": line.title,
        "name": line.title,
        "sku": line.sku,
        "vendor": line.vendor,
        "variantTitle": None,
        "quantity": line.quantity,
        "currentQuantity": line.quantity - line.removed - refunded,
        "refundableQuantity": line.quantity - line.removed - refunded,
        "unfulfilledQuantity": unsent,
        "nonFulfillableQuantity": 0,
        "isGiftCard": line.gift_card,
        "requiresShipping": not line.gift_card,
        "taxable": bool(line.tax_rate),
        "restockable": False,
        "product": {"id": gid("Product", line.product_id)} if line.product_id else None,
        "variant": {"id": gid("ProductVariant", line.variant_id)} if line.variant_id else None,
        "taxLines": some(_taxes(order, line.tax_rate, line.tax), lambda item: item),
        "discountAllocations": [
            {"allocatedAmountSet": money(order, amount)} for amount in (line.discount, line.code_discount) if amount
        ],
        "originalUnitPriceSet": money(order, line.price),
        "originalTotalSet": money(order, line.original),
        "totalDiscountSet": money(order, line.discount),
        "discountedUnitPriceSet": per_unit(line.discounted(with_codes=False)),
        "discountedUnitPriceAfterAllDiscountsSet": per_unit(line.discounted()),
        "discountedTotalSet": lambda _info, withCodeDiscounts=False: money(  # noqa: N803 (Shopify's name)
            order, line.discounted(withCodeDiscounts)
        ),
    }


def shipping_view(order: Order) -> View:
    """`ShippingLine`."""
    price = money(order, order.shipping)
    return {
        "id": gid("ShippingLine", order.shipping_line_id),
        "title": "Standard",
        "code": "standard",
        "source": "shopify",
        "custom": False,
        "isRemoved": False,
        "originalPriceSet": price,
        "discountedPriceSet": price,
        "currentDiscountedPriceSet": price,
        "taxLines": _taxes(order, order.shipping_tax_rate, order.shipping_tax),
    }


def parcel_line_view(order: Order, line: ParcelLine) -> View:
    """`FulfillmentLineItem`."""
    goods = line.goods
    return {
        "id": gid("FulfillmentLineItem", line.id),
        "quantity": line.quantity,
        "lineItem": lambda _info: line_view(order, goods),
        "originalTotalSet": money(order, goods.share(goods.original, 0, line.quantity)),
        "discountedTotalSet": money(order, goods.share(goods.discounted(with_codes=False), 0, line.quantity)),
    }
