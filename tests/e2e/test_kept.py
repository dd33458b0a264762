"""What the merchant keeps, and what it bears: fees, the extra for express delivery, and small losses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.ledger.models import Account
from app.sandbox.woocommerce.model import Customer, NewExtra, NewLine, NewOrder
from app.settings import Settings
from tests.e2e.conftest import staged
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order

FEE = """
name = "keeps"
version = "1"
[restocking_fee]
percent = "10"
at_most = {ILS = "150.00"}
[shipping]
express = ["express"]
standard = {ILS = "20.00", EUR = "4.90"}
"""
ABSORBS = """
name = "absorbs"
version = "1"
[absorb]
up_to = {EUR = "25.00"}
"""
ISRAEL = Customer(country="IL", city="Haifa", postcode="3100000")


def policy(folder: Path, text: str) -> Path:
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
async def keeping(database_url: str, settings: Settings, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage whose policy keeps ten per cent, more than any law here allows."""
    async with staged(database_url, policy=policy(tmp_path, FEE)) as made:
        yield made


@pytest.fixture
async def absorbing(database_url: str, settings: Settings, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage whose policy bears losses of up to 25 EUR."""
    async with staged(database_url, policy=policy(tmp_path, ABSORBS)) as made:
        yield made


async def confirmed(stage: Stage, store: str, order_id: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    (case,) = await stage.ask(store, order_id, lines)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    return await stage.case(case["id"])


@pytest.mark.parametrize(
    ("reason", "price", "fee", "paid"),
    [
        ("changed_mind", "199.99", "9.99", "190.00"),
        # Five per cent would be more than the hundred that the law allows for the whole deal.
        ("changed_mind", "3000.00", "100.00", "2900.00"),
        ("defective", "199.99", "0.00", "199.99"),
    ],
)
async def test_the_fee_in_israel_on_shopify(keeping: Stage, reason: str, price: str, fee: str, paid: str) -> None:
    order_id, _ = await shopify_order(keeping, [lamp(price=price)], country="IL", currency="ILS", rate="4")
    case = await confirmed(keeping, SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": reason}])
    assert case["state"] == "resolved"
    (refund,) = case["refunds"]
    assert (refund["amount"]["amount"], refund["fee"]["amount"]) == (paid, fee)
    (call,) = keeping.world.shop.money_calls
    assert sum(Decimal(each["amount"]) for each in call.variables["transactions"]) == Decimal(paid)
    assert keeping.world.shop.refunded_total(order_id) == Decimal(paid)
    minor = {name: int(Decimal(text) * 100) for name, text in (("fee", fee), ("paid", paid))}
    expected = {Account.RECOVERY_EXPECTED: minor["paid"], Account.REFUNDS_PAID: -minor["paid"]}
    if minor["fee"]:
        expected |= {Account.CUSTOMER_PAYABLE: minor["fee"], Account.FEES_KEPT: -minor["fee"]}
    assert await keeping.booked(case) == expected


@pytest.mark.parametrize(
    ("reason", "fee", "paid"), [("changed_mind", "5.94", "113.05"), ("damaged_in_transit", "0.00", "118.99")]
)
async def test_the_fee_in_israel_on_woocommerce(keeping: Stage, reason: str, fee: str, paid: str) -> None:
    mugs = [NewLine("Mug", "33.33", 3, "ACME-MUG"), NewLine("Shirt", "50.00", 1, "ACME-SHIRT")]
    order_id, lines = await woo_order(keeping, NewOrder(mugs, customer=ISRAEL, currency="ILS"))
    case = await confirmed(keeping, SITE, order_id, [{"sku": "ACME-MUG", "quantity": 3, "reason": reason}])
    (refund,) = case["refunds"]
    assert (refund["status"], refund["amount"]["amount"], refund["fee"]["amount"]) == ("succeeded", paid, fee)
    (call,) = keeping.world.site.money_calls
    assert call.body["amount"] == paid
    (item,) = call.body["line_items"]
    taxes = sum(Decimal(tax["refund_total"]) for tax in item["refund_tax"])
    # Line and tax as the store books them are exactly the money that moves.
    assert Decimal(item["refund_total"]) + taxes == Decimal(paid)
    assert (item["id"], item["quantity"]) == (int(lines["ACME-MUG"]), 3)
    assert keeping.world.site.paid_out(int(order_id)) == Decimal(paid)
    assert call.client_errors == ()


async def test_the_fee_of_a_case_that_is_paid_in_parts_adds_up(keeping: Stage) -> None:
    order_id, lines = await shopify_order(keeping, [lamp(3, price="33.33")], country="IL", currency="ILS", rate="4")
    (case,) = await keeping.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 3, "reason": "changed_mind"}])
    keeping.world.suppliers["acme"].confirm(case["id"], {lines["LAMP-01"]: 2})
    await keeping.settle()
    case = await keeping.act(await keeping.case(case["id"]), "absorb", reason="a good customer")
    assert [refund["fee"]["amount"] for refund in case["refunds"]] == ["3.32", "1.66"]
    assert keeping.world.shop.refunded_total(order_id) == Decimal("99.99") - Decimal("4.98")


async def test_two_cases_of_one_deal_share_the_limit_of_the_deal(keeping: Stage) -> None:
    order_id, _ = await shopify_order(keeping, [lamp(2, price="1500.00")], country="IL", currency="ILS", rate="4")
    wish = [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]
    fees = [(await confirmed(keeping, SHOP, order_id, wish))["refunds"][0]["fee"]["amount"] for _ in range(2)]
    assert fees == ["75.00", "25.00"]


async def test_no_fee_in_the_european_union(keeping: Stage) -> None:
    order_id, _ = await shopify_order(keeping, [lamp()])
    case = await confirmed(keeping, SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    assert (case["refunds"][0]["amount"]["amount"], case["refunds"][0]["fee"]["amount"]) == ("19.99", "0.00")


@pytest.mark.parametrize(
    ("name", "reason", "paid"),
    [
        ("Express 24h", "changed_mind", "28.70"),
        ("Express 24h", "defective", "35.70"),
        ("Flat", "changed_mind", "35.70"),
    ],
)
async def test_the_extra_for_express_does_not_go_back(keeping: Stage, name: str, reason: str, paid: str) -> None:
    extra = [NewExtra(name, "10.00")]
    order_id, _ = await woo_order(keeping, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")], shipping=extra))
    case = await confirmed(keeping, SITE, order_id, [{"sku": "ACME-MUG", "quantity": 1, "reason": reason}])
    assert case["refunds"][0]["amount"]["amount"] == paid
    assert keeping.world.site.paid_out(int(order_id)) == Decimal(paid)


@pytest.mark.parametrize(("units", "absorbed"), [(1, True), (2, False)])
async def test_the_policy_bears_what_a_silent_supplier_does_not(absorbing: Stage, units: int, absorbed: bool) -> None:
    order_id, _ = await shopify_order(absorbing, [lamp(3, vendor="Mute")])
    wish = [{"sku": "LAMP-01", "quantity": units, "reason": "not_as_described"}]
    (case,) = await absorbing.ask(SHOP, order_id, wish)
    await absorbing.later(days=6)
    case = await absorbing.case(case["id"])
    if not absorbed:
        assert (case["state"], case["refunds"]) == ("contested", [])
        assert absorbing.world.shop.money_calls == []
        return
    assert case["state"] == "resolved"
    assert case["gate"]["ground"] == "policy"
    assert case["gate"]["actor"].startswith("policy:absorbs@1")
    assert "within the policy's cap of 25.00 EUR" in case["gate"]["reason"]
    assert [refund["ground"] for refund in case["refunds"]] == ["policy"]
    assert await absorbing.booked(case) == {Account.LOSS_ACCEPTED: 1999, Account.REFUNDS_PAID: -1999}
    assert len(absorbing.world.shop.money_calls) == 1


async def test_only_the_rest_of_a_partial_verdict_becomes_a_loss(absorbing: Stage) -> None:
    order_id, lines = await shopify_order(absorbing, [lamp(3)])
    (case,) = await absorbing.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 3, "reason": "not_as_described"}])
    absorbing.world.suppliers["acme"].confirm(case["id"], {lines["LAMP-01"]: 2})
    await absorbing.settle()
    await absorbing.later(seconds=40)
    case = await absorbing.case(case["id"])
    assert case["state"] == "resolved"
    assert sorted((one["ground"], one["amount"]["amount"]) for one in case["refunds"]) == [
        ("policy", "19.99"), ("supplier", "39.98"),
    ]  # fmt: skip
    assert await absorbing.booked(case) == {
        Account.RECOVERY_EXPECTED: 3998, Account.LOSS_ACCEPTED: 1999, Account.REFUNDS_PAID: -5997,
    }  # fmt: skip
    assert len(absorbing.world.shop.money_calls) == 2


async def test_nothing_is_borne_while_the_case_is_on_hold(absorbing: Stage) -> None:
    order_id, _ = await shopify_order(absorbing, [lamp(vendor="Mute")])
    (case,) = await absorbing.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "not_as_described"}])
    await absorbing.act(case, "hold", kind="fraud", reason="look at it")
    await absorbing.later(days=6)
    assert (await absorbing.case(case["id"]))["state"] == "contested"
    assert absorbing.world.shop.money_calls == []
