"""What a page promises is what becomes of it: previews against the request itself and the money that is planned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from httpx import AsyncClient

from app.cases.refunding import plan_refund
from app.cases.vocabulary import Reason, Remedy
from app.orders.models import Order
from app.policy.question import Present
from app.policy.terms import Outcome
from app.requests.drafts import Wish, present
from app.requests.offers import needed, offers
from app.requests.preview import Asked, preview
from app.requests.returnable import WhyNot, returnable
from app.runtime import Runtime
from tests.api.kit import LAMP, MUG, act, keep, lamp, order_of, submit, verdict

FEE = """
name = "fee"
version = "1"
[restocking_fee]
percent = "20"
[remedies]
offered = ["replacement", "refund"]
[[evidence]]
id = "photo_of_damage"
reasons = ["damaged_in_transit"]
count = 2
"""


@pytest.fixture
def fee(runtime: Runtime, tmp_path: Path) -> None:
    """A policy that keeps a fifth, where the law lets it, and asks for two photos of damage."""
    file = tmp_path / "fee.toml"
    file.write_text(FEE, encoding="utf-8")
    runtime.settings.stores["alpha"].policy = str(file)


@pytest.mark.parametrize("country", ["FR", "IL", "US", "JP", None])
@pytest.mark.parametrize("reason", [Reason.CHANGED_MIND, Reason.DEFECTIVE, Reason.WRONG_SIZE, Reason.LATE])
@pytest.mark.parametrize("units", [1, 2])
async def test_the_amount_that_was_shown_is_the_one_that_is_planned(
    client: AsyncClient, runtime: Runtime, fee: None, country: str | None, reason: Reason, units: int
) -> None:
    """Fee, law and rounding alike, from the offer to the refund."""
    order_pk = await keep(runtime, replace(order_of(), country=country))
    async with runtime.work() as work:
        asker = await preview(work, await work.session.get_one(Order, order_pk))
        (offer,) = (one for one in offers(asker, [Asked(LAMP, units, reason)]) if one.remedy is Remedy.REFUND)
    case = (await submit(client, lamp(units, reason)))["cases"][0]
    if case["state"] == "under_review":
        assert offer.outcome is Outcome.OPERATOR
        case = await act(client, case, "approve")
    else:
        assert offer.outcome is Outcome.APPROVE
    moves = case["route"] in ("return", "local")
    assert (offer.way_back is not None) == moves
    await act(client, case, "record-verdict", **verdict(units))
    async with runtime.work() as work:
        refund = await plan_refund(work, UUID(case["id"]))
    assert refund is not None
    assert (refund.amount, refund.fee) == (offer.brings.minor, offer.fee.minor)


async def test_the_whole_order_brings_its_delivery_back(runtime: Runtime) -> None:
    """Two suppliers, one amount: what both parts bring together."""
    order_pk = await keep(runtime, order_of())
    async with runtime.work() as work:
        asker = await preview(work, await work.session.get_one(Order, order_pk))
    whole = [Asked(LAMP, 2, Reason.CHANGED_MIND), Asked(MUG, 1, Reason.CHANGED_MIND)]
    (offer,) = offers(asker, whole)
    assert (offer.brings.minor, offer.delivery.minor) == (6500, 500)
    assert [part.supplier for part in asker.parts(whole, Remedy.REFUND)] == ["acme", "byhand"]


EVERY = """
name = "every"
version = "1"
[remedies]
offered = ["exchange", "replacement", "store_credit", "keep_item", "refund"]
keep_item_percent = 40
"""


async def test_each_remedy_says_what_it_costs_and_brings(runtime: Runtime, tmp_path: Path) -> None:
    """Two lamps for 50.00, in the policy's sequence."""
    file = tmp_path / "every.toml"
    file.write_text(EVERY, encoding="utf-8")
    runtime.settings.stores["alpha"].policy = str(file)
    order_pk = await keep(runtime, order_of())
    async with runtime.work() as work:
        asker = await preview(work, await work.session.get_one(Order, order_pk))
    found = offers(asker, [Asked(LAMP, 2, Reason.DAMAGED_IN_TRANSIT)])
    assert [(one.remedy, one.brings.minor, one.keeps, one.percent, one.outcome) for one in found] == [
        (Remedy.EXCHANGE, 0, False, None, Outcome.APPROVE),
        (Remedy.REPLACEMENT, 0, False, None, Outcome.APPROVE),
        (Remedy.STORE_CREDIT, 5000, False, None, Outcome.APPROVE),
        (Remedy.KEEP_ITEM, 2000, True, 40, Outcome.APPROVE),
        (Remedy.REFUND, 5000, False, None, Outcome.APPROVE),
    ]
    for reason in (Reason.LOST, Reason.CHANGED_MIND):
        assert Remedy.KEEP_ITEM not in {one.remedy for one in offers(asker, [Asked(LAMP, 2, reason)])}


async def test_credit_only_is_what_is_offered_unless_the_law_gives_money(runtime: Runtime, tmp_path: Path) -> None:
    file = tmp_path / "credit.toml"
    file.write_text(
        'name = "credit"\nversion = "1"\n[remedies]\noffered = ["store_credit"]\nstore_credit_only = ["changed_mind"]\n'
    )
    runtime.settings.stores["alpha"].policy = str(file)
    found = {}
    for number, country in enumerate(("FR", "US")):
        order = replace(order_of(str(number), f"#{number}"), country=country)
        order_pk = await keep(runtime, order)
        async with runtime.work() as work:
            asker = await preview(work, await work.session.get_one(Order, order_pk))
        found[country] = [(one.remedy, one.outcome) for one in offers(asker, [Asked(LAMP, 1, Reason.CHANGED_MIND)])]
    credit = (Remedy.STORE_CREDIT, Outcome.APPROVE)
    assert found == {"FR": [(Remedy.REFUND, Outcome.APPROVE), credit], "US": [credit]}


async def test_evidence_is_asked_for_until_it_is_there(runtime: Runtime, fee: None) -> None:
    order_pk = await keep(runtime, order_of())
    async with runtime.work() as work:
        asker = await preview(work, await work.session.get_one(Order, order_pk))
    asked = [Asked(LAMP, 1, Reason.DAMAGED_IN_TRANSIT), Asked(MUG, 1, Reason.CHANGED_MIND)]
    wanted = [(part.supplier, [one.count for one in part.wanted]) for part in needed(asker, asked, Remedy.REFUND)]
    assert wanted == [("acme", [2]), ("byhand", [])]
    shown = present(Wish(photos={"acme": (order_pk,)}))
    assert shown == {"acme": Present(photos=1)}
    assert [one.count for one in needed(asker, asked, Remedy.REFUND, shown)[0].wanted] == [1]


async def test_a_refunded_or_requested_unit_is_used_up(client: AsyncClient, runtime: Runtime) -> None:
    order_pk = await keep(runtime, order_of())
    await submit(client, lamp(1), {"line_id": MUG, "quantity": 1, "reason": "changed_mind"})
    async with runtime.work() as work:
        asker = await preview(work, await work.session.get_one(Order, order_pk))
    assert [(one.free, one.why_not) for one in returnable(asker, "en")] == [(1, None), (0, WhyNot.USED_UP)]
