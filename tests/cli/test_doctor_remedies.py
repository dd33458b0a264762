"""`makegood doctor` asks a store for what the remedies in its policy need, and for no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.doctor_outside import check_stores
from app.sandbox.world import SITE, World
from app.settings import Settings
from tests.cli.command import SECRET


@pytest.fixture
def world() -> Iterator[World]:
    with World() as running:
        yield running


async def faults(world: World, policy: Path) -> dict[str, str]:
    stores = {SITE: {**world.stores()[SITE], "policy": str(policy)}}
    made = Settings(secret_key=[SecretStr(SECRET)], stores=stores)
    found = {one.subject: one.detail for one in await check_stores(made) if not one.ok}
    found.pop(f"store {SITE}: webhooks", None)
    return found


@pytest.mark.parametrize(("offered", "wrong"), [('"refund"', False), ('"refund", "store_credit"', True)])
async def test_coupons_matter_where_store_credit_is_offered(
    world: World, tmp_path: Path, offered: str, wrong: bool
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(f'name = "mine"\nversion = "1"\n[remedies]\noffered = [{offered}]\n', encoding="utf-8")
    world.site.coupons.switch_off()

    found = await faults(world, policy)

    assert list(found) == ([f"store {SITE}: coupons"] if wrong else [])
