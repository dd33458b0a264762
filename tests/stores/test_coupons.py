"""Both adapters against the sandboxes over real HTTP: a coupon is made once by its code, and trouble is told apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.doctor_outside import check_stores
from app.money import Money
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify.shop import SCOPES, ShopifyShop
from app.sandbox.world import SHOP, SITE, World
from app.settings import Settings
from app.stores.asked import CouponWish
from app.stores.base import Store, StoreRefused, StoreUnavailable
from app.stores.registry import build_store
from tests.conftest import BASE_SETTINGS

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
TEN = CouponWish("THANKS-ABC", "Thanks for MG-1", NOW, NOW + timedelta(days=60), Decimal(10), email="ann@example.com")
FIVE = replace(TEN, percent=None, amount=Money(500, "EUR", 2))
OPERATIONS = {SHOP: "discountCodeBasicCreate", SITE: "POST /coupons"}


class Shops:
    """Both sandboxes with their adapters."""

    def __init__(self, world: World, stores: dict[str, Store]) -> None:
        self.world, self.stores = world, stores

    def faults(self, store: str, *faults: Fault) -> None:
        (self.world.shop if store == SHOP else self.world.site).faults.add(OPERATIONS[store], *faults)

    def made(self, store: str) -> list[str]:
        if store == SHOP:
            return [one.code for one in self.world.shop.discounts.made.values()]
        return [one.code for one in self.world.site.coupons.coupons]


@pytest.fixture
async def shops(settings: Settings) -> AsyncIterator[Shops]:
    with World() as world:
        wanted = Settings(**{**BASE_SETTINGS, "stores": world.stores(), "suppliers": world.supplier_settings()})
        made = {key: build_store(key, store) for key, store in wanted.stores.items()}
        yield Shops(world, made)
        for store in made.values():
            await store.aclose()


@pytest.mark.parametrize("store", [SHOP, SITE])
async def test_asking_twice_makes_one(shops: Shops, store: str) -> None:
    for _ in range(2):
        await shops.stores[store].create_coupon(TEN)
    assert [code.upper() for code in shops.made(store)] == ["THANKS-ABC"]


async def test_shopify_is_told_a_share_or_an_amount_and_until_when(shops: Shops) -> None:
    await shops.stores[SHOP].create_coupon(TEN)
    await shops.stores[SHOP].create_coupon(replace(FIVE, code="THANKS-XYZ"))
    share, amount = (one.asked for one in shops.world.shop.discounts.made.values())
    assert share["customerGets"] == {"items": {"all": True}, "value": {"percentage": 0.1}}
    assert amount["customerGets"]["value"]["discountAmount"] == {"amount": Decimal("5.00"), "appliesOnEachItem": False}
    assert (share["usageLimit"], share["appliesOncePerCustomer"]) == (1, True)
    assert str(share["endsAt"]).startswith("2027-01-21")


async def test_woocommerce_is_told_a_share_or_an_amount_and_for_whom(shops: Shops) -> None:
    await shops.stores[SITE].create_coupon(TEN)
    await shops.stores[SITE].create_coupon(replace(FIVE, code="THANKS-XYZ", email=None))
    share, amount = shops.world.site.coupons.coupons
    assert (share.discount_type, share.amount, share.email_restrictions) == ("percent", "10", ("ann@example.com",))
    assert (amount.discount_type, amount.amount, amount.email_restrictions) == ("fixed_cart", "5.00", ())
    assert share.sent["date_expires_gmt"] == "2027-01-21T08:00:00"
    assert (share.usage_limit, share.sent["usage_limit_per_user"]) == (1, 1)


@pytest.mark.parametrize("store", [SHOP, SITE])
@pytest.mark.parametrize(
    "kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.STATUS_BEFORE, FaultKind.STATUS_AFTER,
             FaultKind.HTML_AFTER, FaultKind.TRUNCATE_AFTER],
)  # fmt: skip
async def test_what_nobody_knows_may_be_asked_again(shops: Shops, store: str, kind: FaultKind) -> None:
    shops.faults(store, Fault(kind))
    with pytest.raises(StoreUnavailable):
        await shops.stores[store].create_coupon(TEN)
    await shops.stores[store].create_coupon(TEN)
    assert len(shops.made(store)) == 1


async def test_a_coupon_that_woocommerce_made_and_denied_is_found(shops: Shops) -> None:
    shops.faults(SITE, Fault(FaultKind.REFUSE_AFTER))
    await shops.stores[SITE].create_coupon(TEN)
    assert len(shops.made(SITE)) == 1


@pytest.mark.parametrize("store", [SHOP, SITE])
async def test_a_refusal_is_told(shops: Shops, store: str) -> None:
    with pytest.raises(StoreRefused):
        await shops.stores[store].create_coupon(replace(TEN, code=" "))
    assert shops.made(store) == []


async def test_without_the_scope_shopify_refuses_and_doctor_says_so_where_a_policy_wants_it(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    poorer = tuple(scope for scope in SCOPES if scope != "write_discounts")
    usual = ShopifyShop.__init__.__kwdefaults__ or {}
    monkeypatch.setattr(ShopifyShop.__init__, "__kwdefaults__", {**usual, "scopes": poorer})
    policy = tmp_path_factory.mktemp("policy") / "kind.toml"
    policy.write_text('name = "kind"\nversion = "1"\n[thanks]\ncoupon_percent = "5"\n', encoding="utf-8")
    with World() as world:
        alpha = {SHOP: world.stores()[SHOP]}
        plain = Settings(**{**BASE_SETTINGS, "stores": alpha, "suppliers": {}})
        kind = Settings(**{**BASE_SETTINGS, "stores": {SHOP: {**alpha[SHOP], "policy": str(policy)}}, "suppliers": {}})
        store = build_store(SHOP, kind.stores[SHOP])
        with pytest.raises(StoreRefused, match="write_discounts"):
            await store.create_coupon(TEN)
        await store.aclose()
        subjects = [one.subject for one in await check_stores(plain)]
        assert not any("write_discounts" in subject for subject in subjects)
        (told,) = [one for one in await check_stores(kind) if "write_discounts" in one.subject]
        assert told.mend
