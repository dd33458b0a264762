"""A part of the price back while the customer keeps the goods: money without units, on both platforms."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

from app.money import Money, allocate
from app.orders.snapshot import OrderSnapshot, RefundState
from app.outcomes import Ok
from app.sandbox.shopify.book import LineSpec
from app.sandbox.shopify.shop import ShopifyShop
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.sandbox.woocommerce.site import WooSite
from app.stores.asked import RefundIntent, RefundLine
from app.stores.woocommerce import WooStore
from tests.stores.sandboxes import on_loopback, shopify_at


def share(order: OrderSnapshot, percent: int) -> RefundIntent:
    """That part of the first line, its tax in proportion, and none of its units."""
    line = order.lines[0]
    total = line.total * percent // 100
    net, tax = allocate(total, [line.total - line.tax, line.tax]) if line.tax else (total, 0)
    assert net + tax == total
    part = RefundLine(line.line_id, 0, total, tax, dict.fromkeys(line.taxes, tax))
    amount = Money(total, order.currency, order.exponent)
    return RefundIntent(uuid4(), order.order_id, amount, (part,), (), "kept by the customer", notify=True)


async def test_woocommerce_books_the_tax_of_the_share_and_no_units(site: WooSite, woo: WooStore) -> None:
    order_id = site.create_order(NewOrder([NewLine("Mug", "17.99", 3, sku="MUG")]))
    order = await woo.read_order(str(order_id))
    assert order is not None
    intent = share(order, 30)

    answer = await woo.send_refund(await woo.prepare_refund(intent, order))

    assert isinstance(answer, Ok)
    assert (answer.value.state, answer.value.detail) == (RefundState.SUCCEEDED, "")
    assert site.paid_out(order_id) == Decimal(intent.amount.text)
    (row,) = site.refunds(order_id)
    (item,) = row.items
    assert (item.quantity, item.total) == (0, Decimal("-16.19"))
    assert sum(item.taxes.values()) == Decimal("-3.07")
    after = await woo.read_order(str(order_id))
    assert after is not None
    (seen,) = after.refunds or ()
    assert (seen.amount, seen.lines) == (1926, {order.lines[0].line_id: 0})


async def test_shopify_moves_money_alone_and_all_units_stay_refundable() -> None:
    lamp = LineSpec(sku="LAMP-01", title="Lamp", vendor="Acme", price="10.00", quantity=3, tax_rate="0.20")
    with ShopifyShop("alpha", "alpha.myshopify.com", "client-1", "secret") as shop:
        with on_loopback(shop.routes()) as url:
            shopify = shopify_at(url)
            made = shop.create_order([lamp])
            order = await shopify.read_order(str(made.id))
            assert order is not None
            intent = share(order, 30)

            prepared = await shopify.prepare_refund(intent, order)
            answer = await shopify.send_refund(prepared)
            await shopify.aclose()

        assert isinstance(answer, Ok)
        assert answer.value.state is RefundState.SUCCEEDED
        assert not {"refundLineItems", "refundMethods", "shipping"} & set(prepared.payload["input"])
        assert shop.refunded_total(made.id) == Decimal("9.00")
        assert made.refunded_units(made.lines[0]) == 0
