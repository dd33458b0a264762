"""The stories that are played in the Shopify shop `alpha`."""

from __future__ import annotations

from app.demo.scene import Scene
from app.demo.story import Ending, told
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify.book import LineSpec
from app.sandbox.world import SHOP

LAMP = LineSpec(sku="LAMP-01", title="Lamp", price="39.90", vendor="Acme", tax_rate="0.2")
SHADE = LineSpec(sku="SHADE-01", title="Shade", price="12.50", vendor="Slowpoke", tax_rate="0.2")
CLOCK = LineSpec(sku="CLOCK-01", title="Clock", price="25.00", vendor="Nono", tax_rate="0.2")

THERE_AND_BACK = "authorizing awaiting_shipment in_transit inspecting"


@told(
    "Changed mind",
    SHOP,
    "A lamp goes back to its supplier; the customer gets all the money, the merchant the wholesale price.",
    Ending("acme", f"{THERE_AND_BACK} resolving resolved closed", "44.80 EUR", "9.80 USD paid"),
)
async def changed_mind(scene: Scene) -> None:
    """The whole way, with the shipping paid back too."""
    order = await scene.shopify_order(LAMP, shipping="4.90")
    scene.say("The customer changed their mind about the lamp.")
    [case] = await scene.ask(order.id, "changed_mind", LAMP_01=1)
    await scene.goods_go_back(case)
    scene.say("The supplier accepts the lamp and owes its price: the refund goes out.")
    scene.supplier(case).confirm(case.case_id, credit="9.80")
    await scene.reaches(case, "resolved")
    await scene.credited(case)


@told(
    "Two suppliers",
    SHOP,
    "One request for goods of two suppliers becomes two cases; the shipping is refunded once.",
    Ending("acme", f"{THERE_AND_BACK} resolving resolved", "39.90 EUR", "9.80 USD"),
    Ending("slowpoke", f"{THERE_AND_BACK} resolving resolved", "17.40 EUR", "5.00 USD"),
)
async def two_suppliers(scene: Scene) -> None:
    """The second refund empties the order, so the shipping goes with it."""
    order = await scene.shopify_order(LAMP, SHADE, shipping="4.90")
    scene.say("The customer sends back a lamp and a shade: two suppliers, two cases.")
    lamp, shade = await scene.ask(order.id, "not_as_described", LAMP_01=1, SHADE_01=1)
    await scene.goods_go_back(lamp)
    scene.supplier(lamp).confirm(lamp.case_id, credit="9.80")
    await scene.reaches(lamp, "resolved")
    scene.say("The lamp is refunded. The shade's supplier is slow, and answers at last.")
    scene.supplier(shade).authorize(shade.case_id)
    await scene.goods_go_back(shade)
    scene.supplier(shade).confirm(shade.case_id, credit="5.00")
    await scene.reaches(shade, "resolved")


@told(
    "Refunded by hand",
    SHOP,
    "The merchant refunds in the store while the goods are on their way: Makegood must not pay again.",
    Ending("acme", "authorizing awaiting_shipment superseded", "44.80 EUR by hand", calls=0),
)
async def refunded_by_hand(scene: Scene) -> None:
    """The supplier's confirmation comes too late, is written down, and moves nothing."""
    order = await scene.shopify_order(LAMP, shipping="4.90")
    [case] = await scene.ask(order.id, "changed_mind", LAMP_01=1)
    await scene.reaches(case, "awaiting_shipment")
    scene.say("The merchant refunds everything by hand in the store's admin.")
    scene.world.shop.refund_by_hand(order.id, {order.lines[0].id: 1}, shipping="4.90")
    await scene.reaches(case, "superseded")
    scene.say("The supplier confirms all the same: noted, and no money moves.")
    scene.supplier(case).confirm(case.case_id)
    await scene.noted(case, "supplier_confirmed")
    await scene.look(case)


@told(
    "Store's own screen",
    SHOP,
    "The customer asks on Shopify's return page; Makegood approves, refunds and closes the return there.",
    Ending("acme", f"{THERE_AND_BACK} resolving resolved", "39.90 EUR", "9.80 USD"),
)
async def own_screen(scene: Scene) -> None:
    """Nobody calls Makegood: the request arrives by webhook."""
    order = await scene.shopify_order(LAMP)
    scene.say("The customer fills in the return page of the store.")
    asked = scene.world.shop.request_return(order.id, {order.lines[0].id: 1}, reason="DEFECTIVE")
    case = await scene.case_of(order.name)

    async def is_open() -> bool:
        return asked.status == "OPEN"

    async def is_closed() -> bool:
        return asked.status == "CLOSED"

    await scene.until("the return is approved in the store", is_open)
    await scene.goods_go_back(case)
    scene.supplier(case).confirm(case.case_id, credit="9.80")
    await scene.reaches(case, "resolved")
    scene.say("The refund is proven, so the return is closed in the store.")
    await scene.until("the return is closed in the store", is_closed)


@told(
    "The answer is lost",
    SHOP,
    "The store refunds, and its answer never arrives: the refund is found by its marker and not made again.",
    Ending("acme", f"{THERE_AND_BACK} resolving resolved", "59.00 USD", "9.80 USD"),
)
async def answer_lost(scene: Scene) -> None:
    """The customer paid in dollars in a shop that counts in euro, and gets dollars back."""
    abroad = {"currency": "USD", "rate": "1.18", "country": "US", "locale": "en-US", "taxes_included": False}
    desk = LineSpec(sku="DESK-01", title="Desk lamp", price="54.00", vendor="Acme")
    order = await scene.shopify_order(desk, shipping="5.00", **abroad)
    [case] = await scene.ask(order.id, "defective", "does not light", DESK_01=1)
    await scene.goods_go_back(case)
    scene.say("The store will make the refund and cut the line before it answers.")
    scene.world.shop.faults.add("refundCreate", Fault(FaultKind.DROP_AFTER))
    scene.supplier(case).confirm(case.case_id, credit="9.80")
    await scene.reaches(case, "resolved")
    scene.check("the answer was lost", scene.world.shop.money_calls[-1].fault is FaultKind.DROP_AFTER)


@told(
    "Refused and agreed",
    SHOP,
    "The supplier refuses and the operator agrees, over a living right and with the reason why: no money moves.",
    Ending("nono", "authorizing contested rejected", calls=0),
)
async def refused_and_agreed(scene: Scene) -> None:
    """A person decides what no rule decides."""
    order = await scene.shopify_order(CLOCK)
    [case] = await scene.ask(order.id, "changed_mind", CLOCK_01=1)
    await scene.reaches(case, "contested")
    scene.say("The supplier refuses; a right of withdrawal is alive, so the operator says why it does not hold here.")
    await scene.act(case, "reject", reason="The hygiene seal was broken", override=True)
    await scene.reaches(case, "rejected")


SHOPIFY_STORIES = (changed_mind, two_suppliers, refunded_by_hand, own_screen, answer_lost, refused_and_agreed)
