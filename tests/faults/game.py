"""One play on the stage: its order in the sandbox, its cases in the service, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from app.sandbox.shopify.book import LineSpec, PaymentSpec
from app.sandbox.woocommerce.model import NewCoupon, NewExtra, NewLine, NewOrder
from app.sandbox.world import SHOP, SITE, World
from tests.faults.draw import Play
from tests.faults.troubles import Death, S

# Which supplier takes the goods, by the verdict that is played: vendor on Shopify, SKU prefix on WooCommerce.
_SUPPLIER = {
    "refused": ("Nono", "NONO"),
    "by hand": ("By Hand", "BH"),
    "by hand, in part": ("By Hand", "BH"),
    "returnless": ("Nobody", "NOBODY"),
    "local": ("Nobody", "NOBODY"),
}


@dataclass
class Game:
    """The play with its order. `cases` are the service's ids, in the order of `play.wanted`."""

    play: Play
    store: str
    order_id: str
    line_id: str
    sku: str
    unit: Decimal
    cases: list[str] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)
    appealed: set[str] = field(default_factory=set)
    absorbed: dict[str, int] = field(default_factory=dict)
    acted: set[int] = field(default_factory=set)
    deaths: list[Death] = field(default_factory=list)
    held: bool = False
    hand_units: int = 0
    hand_record: int | None = None
    hand_seen: bool = False
    disputed_before: bool = False
    reviewed: bool = False
    strange: list[str] = field(default_factory=list)

    def wanted_by(self, case_id: str) -> int:
        """How many units a case asks for."""
        return self.play.wanted[self.cases.index(case_id)]


def place(world: World, play: Play) -> Game:
    """Places the order in the sandbox: paid, sent and delivered."""
    vendor, prefix = _SUPPLIER.get(play.verdict, ("Acme", "ACME"))
    sku = f"{prefix}-{play.index}"
    game = _on_shopify(world, play, sku, vendor) if play.platform == S else _on_woocommerce(world, play, sku)
    for death in play.trouble.deaths:
        game.deaths += [death] * death.times
    return game


def _on_shopify(world: World, play: Play, sku: str, vendor: str) -> Game:
    lines = [
        LineSpec(
            sku=sku,
            title="Lamp",
            price=play.price,
            quantity=play.quantity,
            vendor=vendor,
            discount=play.discount,
            tax_rate=play.tax_rate,
        )
    ]
    if play.other_line:
        lines.append(LineSpec(sku=f"OTHER-{play.index}", title="Other", price=play.price, tax_rate=play.tax_rate))
    card = PaymentSpec(gateway="gift_card", amount=play.price)
    order = world.shop.create_order(
        lines,
        currency=play.currency,
        rate=play.rate,
        taxes_included=play.taxes_included,
        shipping=play.shipping,
        payments=[card, PaymentSpec()] if play.two_payments and play.quantity > 1 else None,
    )
    world.shop.fulfil(order.id)
    world.shop.deliver(order.id)
    line = order.lines[0]
    return Game(play, SHOP, str(order.id), str(line.id), sku, line.total / line.quantity)


def _on_woocommerce(world: World, play: Play, sku: str) -> Game:
    lines = [NewLine("Mug", play.price, play.quantity, sku)]
    if play.other_line:
        lines.append(NewLine("Other", play.price, 1, f"OTHER-{play.index}"))
    number = world.site.create_order(
        NewOrder(
            lines,
            shipping=[NewExtra("Flat", play.shipping)] if play.shipping != "0" else (),
            coupon=NewCoupon("ten", 10) if play.discount != "0" else None,
            gateway=play.trouble.gateway,
        )
    )
    world.site.complete(number)
    item = next(one for one in world.site.order(number)["line_items"] if one["sku"] == sku)
    unit = (Decimal(item["total"]) + Decimal(item["total_tax"])) / int(item["quantity"])
    return Game(play, SITE, str(number), str(item["id"]), sku, unit)
