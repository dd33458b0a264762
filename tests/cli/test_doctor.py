"""`makegood doctor` as a whole: what it prints, what it hides, and that one trouble leaves the rest readable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.sandbox.world import World
from tests.cli.command import SECRET, run
from tests.cli.conftest import Done, Makegood

KEY = "hush-hush-hush-hush-hush"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as running:
        yield running


def listed(done: Done) -> dict[str, dict[str, Any]]:
    """The findings by code, without what is right."""
    found = json.loads(done.out)["findings"]
    assert all(one["mend"] for one in found if one["level"] != "ok")
    assert all((one["code"] == "ok") == (one["level"] == "ok") for one in found)
    return {one["code"]: one for one in found if one["level"] != "ok"}


def test_with_nothing_set_it_names_what_is_missing_and_makes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", MAKEGOOD_DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 1
    assert "✗ secret key: MAKEGOOD_SECRET_KEY is missing\n" in done.stdout
    assert "→ Set MAKEGOOD_SECRET_KEY" in done.stdout
    assert "[secret_key_missing]\n" in done.stdout
    assert "! database: none yet" in done.stdout
    assert done.stdout.index("✓ configuration") > done.stdout.rindex("→")
    assert not (tmp_path / "data").exists()


def test_all_is_well_with_a_sandbox(makegood: Makegood, world: World, data_dir: Path) -> None:
    settings = {
        **world.environment(),
        "MAKEGOOD_DATA_DIR": str(data_dir),
        "MAKEGOOD_SECRET_KEY": SECRET,
        "MAKEGOOD_API_KEYS__OPS": KEY,
    }
    assert makegood("migrate", **settings).code == 0
    synced = makegood("webhooks", "sync", **settings)
    assert synced.code == 0, synced.err
    done = makegood("doctor", "--json", **settings)
    found = listed(done)
    assert [code for code, one in found.items() if one["level"] == "fault"] == []
    assert (done.code, json.loads(done.out)["ok"]) == (0, True)
    secrets = [value for name, value in settings.items() if name.endswith(("SECRET", "TOKEN", "CONSUMER_KEY", "OPS"))]
    assert len(secrets) > 10
    assert not [secret for secret in secrets if secret in done.out + done.err]


def test_a_database_that_is_down_hides_nothing_else(makegood: Makegood, world: World) -> None:
    settings = {**world.environment(), "DATABASE_URL": "postgresql://user:hush-hush@127.0.0.1:1/shop"}
    done = makegood("doctor", "--json", **settings)
    found = listed(done)
    assert done.code == 1
    assert {"database_unreachable", "secret_key_missing", "mail_not_sent"} <= set(found)
    assert "hush-hush" not in done.out
    assert any(one["subject"] == "supplier acme" for one in json.loads(done.out)["findings"])


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        ({"MAKEGOOD_PUBLIK_URL": "https://x.example"}, "setting_unknown", "PUBLIC_URL: Base of links"),
        ({"MAKEGOOD_PUBLIC_URL": "http://returns.example"}, "setting_not_https", "PUBLIC_URL: Base of links"),
        ({"MAKEGOOD_CONFIG_FILE": "/no/such/file.toml"}, "config_file_missing", "TOML file"),
        ({"MAKEGOOD_SMTP_URL": "smtp://mail.example"}, "mail_from_missing", "MAIL_FROM: Sender of mails"),
        ({"MAKEGOOD_STORES__ALPHA__PLATFORM": "shopify"}, "setting_missing", "CLIENT_SECRET: The app's client secret"),
        (
            {"MAKEGOOD_STORES__ALPHA__PLATFORM": "shopify", "MAKEGOOD_STORES__ALPHA__DOMAIN": "lamps.example",
             "MAKEGOOD_STORES__ALPHA__CLIENT_ID": "id", "MAKEGOOD_STORES__ALPHA__CLIENT_SECRET": "hush-hush"},
            "shop_domain_wrong", "DOMAIN: `your-shop.myshopify.com`",
        ),
        (
            {"MAKEGOOD_STORES__ALPHA__PLATFORM": "shopify", "MAKEGOOD_STORES__ALPHA__API_URL": "http://lamps.example"},
            "setting_not_https", "API_URL: Replaces",
        ),
        (
            {"MAKEGOOD_STORES__BETA__PLATFORM": "woocommerce", "MAKEGOOD_STORES__BETA__URL": "http://mugs.example"},
            "setting_not_https", "URL: Address of the site",
        ),
        (
            {"MAKEGOOD_SUPPLIERS__ACME__CHANNEL": "http", "MAKEGOOD_SUPPLIERS__ACME__BASE_URL": "https://acme.example",
             "MAKEGOOD_SUPPLIERS__ACME__API_TOKEN": "t", "MAKEGOOD_SUPPLIERS__ACME__WEBHOOK_SECRET": "hush-hush"},
            "setting_wrong", "WEBHOOK_SECRET: Signs calls and events",
        ),
        (
            {"MAKEGOOD_STORES__BETA__PLATFORM": "woocommerce", "MAKEGOOD_STORES__BETA__URL": "https://mugs.example",
             "MAKEGOOD_STORES__BETA__CONSUMER_KEY": "k", "MAKEGOOD_STORES__BETA__CONSUMER_SECRET": "s",
             "MAKEGOOD_STORES__BETA__WEBHOOK_SECRET": "w", "MAKEGOOD_STORES__BETA__DEFAULT_SUPPLIER": "nobody"},
            "default_supplier_unknown", "DEFAULT_SUPPLIER: Takes the lines",
        ),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_read_are_explained(
    makegood: Makegood, settings: dict[str, str], code: str, told: str
) -> None:
    done = makegood("doctor", "--json", **settings)
    found = listed(done)
    assert done.code == 1
    assert code in found
    assert told in found[code]["mend"]
    assert "hush-hush" not in done.out + done.err


def test_each_mistake_is_a_finding_of_its_own(makegood: Makegood) -> None:
    done = makegood("doctor", "--json", MAKEGOOD_PUBLIK_URL="x", MAKEGOOD_SMPT_URL="y")
    assert [one["code"] for one in json.loads(done.out)["findings"]] == ["setting_unknown", "setting_unknown"]
