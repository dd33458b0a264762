"""The stories that are played at the WooCommerce site `beta`, where 19 % tax comes on top of every price."""

from __future__ import annotations

from app.demo.scene import Scene
from app.demo.stories_shopify import THERE_AND_BACK
from app.demo.story import Ending, told
from app.demo.supplier_page import SupplierPage
from app.sandbox.woocommerce.model import NewCoupon, NewExtra, NewLine, NewOrder
from app.sandbox.world import BY_HAND, SITE

FLAT_RATE = NewExtra("Flat rate", "4.90")


@told(
    "One of three",
    SITE,
    "One defective mug of three goes back, bought with a coupon: its share is refunded, tax by rate.",
    Ending("acme", f"{THERE_AND_BACK} resolving resolved closed", "13.38 EUR", "9.80 USD paid"),
)
async def one_of_three(scene: Scene) -> None:
    """Three mugs cost 37.47 less 10 %, 33.72; a third is 11.24, and 2.14 tax."""
    mugs = NewOrder([NewLine("Mug", "12.49", 3, "ACME-MUG")], shipping=[FLAT_RATE], coupon=NewCoupon("ten", 10))
    order = await scene.woo_order(mugs)
    scene.say("One of three mugs leaks.")
    [case] = await scene.ask(order, "defective", "leaks", ACME_MUG=1)
    await scene.goods_go_back(case)
    scene.supplier(case).confirm(case.case_id, credit="9.80")
    await scene.reaches(case, "resolved")
    await scene.credited(case)


@told(
    "Two of three",
    SITE,
    "The supplier accepts two bowls of three: two are refunded at once, the merchant pays for the third.",
    Ending("halfway", f"{THERE_AND_BACK} contested resolving resolved closed", "41.53 EUR", "19.60 USD paid", calls=2),
)
async def two_of_three_accepted(scene: Scene) -> None:
    """The third unit empties the order, so the shipping goes with it."""
    order = await scene.woo_order(NewOrder([NewLine("Bowl", "10.00", 3, "HALFWAY-BOWL")], shipping=[FLAT_RATE]))
    [case] = await scene.ask(order, "not_as_described", HALFWAY_BOWL=3)
    await scene.goods_go_back(case)
    scene.say("The supplier accepts two of the three bowls.")
    scene.supplier(case).step(case.case_id)
    await scene.reaches(case, "contested")
    await scene.refunded(case, 2)
    scene.say("Two are refunded already; the operator absorbs the third.")
    await scene.act(case, "absorb", note="A good customer")
    await scene.reaches(case, "resolved")
    await scene.credited(case)


@told(
    "Refused and absorbed",
    SITE,
    "The supplier refuses, and the merchant pays all the same: the customer's right does not hang on the supplier.",
    Ending("nono", "authorizing contested resolving resolved", "17.73 EUR"),
)
async def refused_and_absorbed(scene: Scene) -> None:
    """The loss is booked, and nobody owes anything."""
    order = await scene.woo_order(NewOrder([NewLine("Plate", "10.00", 1, "NONO-PLATE")], shipping=[FLAT_RATE]))
    [case] = await scene.ask(order, "defective", "chipped", NONO_PLATE=1)
    await scene.reaches(case, "contested")
    scene.say("The supplier refuses; the operator absorbs the loss.")
    await scene.act(case, "absorb")
    await scene.reaches(case, "resolved")


@told(
    "Lost parcel",
    SITE,
    "The parcel never came: a claim, nothing to send back, and a supplier that answers on the page in its mail.",
    Ending(BY_HAND, "claiming resolving resolved", "21.30 EUR", "7.40 GBP"),
)
async def lost_parcel(scene: Scene) -> None:
    """A supplier without any API is as good as one with: the mail has a link, and the page takes the answer."""
    order = await scene.woo_order(NewOrder([NewLine("Teapot", "13.00", 1, "BH-TEAPOT")], shipping=[FLAT_RATE]))
    [case] = await scene.ask(order, "lost", BH_TEAPOT=1)
    await scene.reaches(case, "claiming")
    scene.say("The supplier is written to, and opens the link in its mail: no account, no password.")
    async with SupplierPage(await scene.mailed_link(case)) as page:
        scene.say("On its page it accepts the claim and promises a credit.")
        await page.send("verdict", accepted_1="1", credit_amount="7.40", credit_reference="CN-77")
    await scene.reaches(case, "resolved")


@told(
    "Flaky supplier",
    SITE,
    "The supplier's system is too busy, then broken, then well: it is asked again with the same key.",
    Ending("flaky", f"{THERE_AND_BACK} resolving resolved", "29.63 EUR", "9.80 USD"),
)
async def flaky_supplier(scene: Scene) -> None:
    """429 with Retry-After, 503, then an RMA number."""
    order = await scene.woo_order(NewOrder([NewLine("Vase", "20.00", 1, "FLAKY-VASE")], shipping=[FLAT_RATE]))
    scene.say("The supplier answers 429, then 503: Makegood waits and asks again.")
    [case] = await scene.ask(order, "changed_mind", FLAKY_VASE=1)
    await scene.goods_go_back(case)
    asked = [call for call in scene.supplier(case).calls if call.idempotency_key == case.case_id]
    scene.check("it was asked three times with one key", [call.status for call in asked] == [429, 503, 201])
    scene.supplier(case).confirm(case.case_id, credit="9.80")
    await scene.reaches(case, "resolved")


WOOCOMMERCE_STORIES = (one_of_three, two_of_three_accepted, refused_and_absorbed, lost_parcel, flaky_supplier)
