"""Settings: where they come from, and the sentence for every mistake, which names the key and never the value."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.errors import ConfigError
from app.orders.snapshot import Platform
from app.settings import Settings
from app.settings_load import load_settings, require_for_service
from app.settings_types import is_loopback_host

HUSH = "hush-hush"
SHOPIFY = {"PLATFORM": "shopify", "DOMAIN": "alpha.myshopify.com", "CLIENT_ID": "id", "CLIENT_SECRET": HUSH}
WOO = {
    "PLATFORM": "woocommerce", "URL": "https://beta.example", "CONSUMER_KEY": f"ck_{HUSH}",
    "CONSUMER_SECRET": f"cs_{HUSH}", "WEBHOOK_SECRET": HUSH,
}  # fmt: skip
HTTP = {
    "CHANNEL": "http",
    "BASE_URL": "https://acme.example/api",
    "API_TOKEN": HUSH,
    "WEBHOOK_SECRET": f"whsec_{HUSH}",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith(("MAKEGOOD_", "DATABASE_URL")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def store(put: pytest.MonkeyPatch, key: str, values: dict[str, str], **changed: str | None) -> None:
    for name, value in {**values, **changed}.items():
        if value is not None:
            put.setenv(f"MAKEGOOD_STORES__{key}__{name}", value)


def supplier(put: pytest.MonkeyPatch, key: str, values: dict[str, str], **changed: str | None) -> None:
    for name, value in {**values, **changed}.items():
        if value is not None:
            put.setenv(f"MAKEGOOD_SUPPLIERS__{key}__{name}", value)


def refusal() -> str:
    with pytest.raises(ConfigError) as refused:
        load_settings()
    assert HUSH not in refused.value.detail
    assert HUSH not in repr(refused.value)
    return refused.value.detail


def test_nothing_is_needed_to_load() -> None:
    settings = load_settings()
    assert settings.database_url is None
    assert settings.stores == {}
    assert settings.public_url == "http://127.0.0.1:8000"


def test_keys_are_lower_case_inside(put: pytest.MonkeyPatch) -> None:
    store(put, "ALPHA", SHOPIFY)
    store(put, "Beta", WOO)
    supplier(put, "ACME", HTTP)
    put.setenv("MAKEGOOD_API_KEYS__OPS", HUSH)
    put.setenv("MAKEGOOD_API_KEY_SCOPES__OPS", "admin")
    settings = load_settings()
    assert (list(settings.stores), list(settings.suppliers)) == (["alpha", "beta"], ["acme"])
    assert settings.stores["alpha"].platform is Platform.SHOPIFY
    assert settings.api_key_scopes == {"ops": "admin"}


def test_no_secret_shows_in_a_repr(put: pytest.MonkeyPatch) -> None:
    store(put, "ALPHA", SHOPIFY)
    store(put, "BETA", WOO, CONSUMER_KEY="ck_1")
    supplier(put, "ACME", HTTP)
    put.setenv("MAKEGOOD_API_KEYS__OPS", HUSH)
    put.setenv("MAKEGOOD_SECRET_KEY", HUSH)
    put.setenv("DATABASE_URL", f"postgresql://user:{HUSH}@db/shop")
    put.setenv("MAKEGOOD_SMTP_URL", f"smtp://user:{HUSH}@mail.example")
    put.setenv("MAKEGOOD_MAIL_FROM", "returns@example.com")
    settings = load_settings()
    assert HUSH not in repr(settings)
    assert HUSH not in str(settings.model_dump())


# Where settings come from


def test_toml_then_env_file_then_environment(put: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "makegood.toml").write_text(
        'public_url = "https://toml.example"\nlog_level = "error"\nship_days = 3\n'
        '[stores.alpha]\nplatform = "shopify"\ndomain = "alpha.myshopify.com"\nclient_id = "from-toml"\n'
        'client_secret = "s"\nname = "Alpha"\n',
        encoding="utf-8",
    )
    (tmp_path / ".env").write_text("MAKEGOOD_LOG_LEVEL=warning\nMAKEGOOD_SHIP_DAYS=4\n", encoding="utf-8")
    put.setenv("MAKEGOOD_CONFIG_FILE", str(tmp_path / "makegood.toml"))
    put.setenv("MAKEGOOD_SHIP_DAYS", "5")
    put.setenv("MAKEGOOD_STORES__ALPHA__CLIENT_ID", "from-environment")
    settings = load_settings()
    assert (settings.public_url, settings.log_level, settings.ship_days) == ("https://toml.example", "warning", 5)
    assert (settings.stores["alpha"].client_id, settings.stores["alpha"].name) == ("from-environment", "Alpha")


def test_a_config_file_that_is_not_there(put: pytest.MonkeyPatch) -> None:
    put.setenv("MAKEGOOD_CONFIG_FILE", "/nowhere/makegood.toml")
    assert refusal() == "MAKEGOOD_CONFIG_FILE names /nowhere/makegood.toml, and there is no such file."


def test_a_config_file_that_is_not_toml(put: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "makegood.toml").write_text(f"secret_key = {HUSH}\n", encoding="utf-8")
    put.setenv("MAKEGOOD_CONFIG_FILE", str(tmp_path / "makegood.toml"))
    assert refusal().startswith("makegood.toml is not TOML: ")


def test_the_usual_name_of_the_database_url_is_taken_and_our_own_wins(put: pytest.MonkeyPatch) -> None:
    put.setenv("DATABASE_URL", "postgresql://usual/shop")
    usual = load_settings().database_url
    assert usual is not None
    assert usual.get_secret_value() == "postgresql://usual/shop"
    put.setenv("MAKEGOOD_DATABASE_URL", "postgresql://own/shop")
    own = load_settings().database_url
    assert own is not None
    assert own.get_secret_value() == "postgresql://own/shop"


def test_a_secret_key_may_be_a_list_for_rotation(put: pytest.MonkeyPatch) -> None:
    put.setenv("MAKEGOOD_SECRET_KEY", '["new", "old"]')
    assert [key.get_secret_value() for key in load_settings().secret_key] == ["new", "old"]


@pytest.mark.parametrize("value", ["", None])
def test_a_service_needs_a_secret_key(put: pytest.MonkeyPatch, value: str | None) -> None:
    if value is not None:
        put.setenv("MAKEGOOD_SECRET_KEY", value)
    with pytest.raises(ConfigError, match="MAKEGOOD_SECRET_KEY is missing"):
        require_for_service(load_settings())


def test_a_service_with_a_secret_key_may_start(put: pytest.MonkeyPatch) -> None:
    put.setenv("MAKEGOOD_SECRET_KEY", HUSH)
    settings = load_settings()
    require_for_service(settings)
    assert [key.get_secret_value() for key in settings.secret_key] == [HUSH]


# Unknown keys


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MAKEGOOD_PUBLIC_ULR", "MAKEGOOD_PUBLIC_URL"),
        ("MAKEGOOD_STORE__ALPHA__PLATFORM", "MAKEGOOD_STORES"),
        ("MAKEGOOD_STORES__ALPHA__CLIENT_SECRETS", "MAKEGOOD_STORES__ALPHA__CLIENT_SECRET"),
        ("MAKEGOOD_SUPPLIERS__ACME__CHANEL", "MAKEGOOD_SUPPLIERS__ACME__CHANNEL"),
    ],
)
def test_an_unknown_variable_names_the_nearest_known_one(put: pytest.MonkeyPatch, name: str, meant: str) -> None:
    put.setenv(name, HUSH)
    assert f"{name} is not a setting; did you mean {meant}?" in refusal()


def test_an_unknown_key_in_the_file_names_the_nearest_known_one(put: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "makegood.toml").write_text(f'[stores.alpha]\nplatfrom = "{HUSH}"\n', encoding="utf-8")
    put.setenv("MAKEGOOD_CONFIG_FILE", str(tmp_path / "makegood.toml"))
    assert refusal() == "stores.alpha.platfrom in makegood.toml is not a setting; did you mean platform?"


def test_an_unknown_variable_in_the_env_file_is_an_error_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"MAKEGOOD_SECRET={HUSH}\n", encoding="utf-8")
    assert "MAKEGOOD_SECRET is not a setting; did you mean MAKEGOOD_SECRET_KEY?" in refusal()


def test_every_mistake_is_told_at_once(put: pytest.MonkeyPatch) -> None:
    put.setenv("MAKEGOOD_LOG_LEVEL", HUSH)
    put.setenv("MAKEGOOD_SHIP_DAYS", HUSH)
    said = refusal()
    assert "MAKEGOOD_LOG_LEVEL: " in said
    assert "MAKEGOOD_SHIP_DAYS: " in said


# Stores


@pytest.mark.parametrize(
    ("values", "changed", "sentence"),
    [
        (SHOPIFY, {"DOMAIN": None}, "MAKEGOOD_STORES__ALPHA: needs DOMAIN "),
        (SHOPIFY, {"CLIENT_SECRET": None}, "MAKEGOOD_STORES__ALPHA: needs CLIENT_SECRET "),
        (SHOPIFY, {"CLIENT_SECRET": "  "}, "MAKEGOOD_STORES__ALPHA: needs CLIENT_SECRET "),
        (SHOPIFY, {"CLIENT_ID": None}, "MAKEGOOD_STORES__ALPHA: needs CLIENT_ID "),
        (SHOPIFY, {"DOMAIN": HUSH}, "MAKEGOOD_STORES__ALPHA: DOMAIN must look like your-shop.myshopify.com"),
        (SHOPIFY, {"API_VERSION": HUSH}, "MAKEGOOD_STORES__ALPHA__API_VERSION: "),
        (SHOPIFY, {"COUNTRY": HUSH}, "MAKEGOOD_STORES__ALPHA__COUNTRY: must be a country code of two capital letters"),
        (SHOPIFY, {"DRY_RUN": HUSH}, "MAKEGOOD_STORES__ALPHA__DRY_RUN: "),
        (SHOPIFY, {"WEBHOOK_SECRET": HUSH}, "MAKEGOOD_STORES__ALPHA: WEBHOOK_SECRET is not a setting of a shopify"),
        (SHOPIFY, {"PLATFORM": HUSH}, "MAKEGOOD_STORES__ALPHA__PLATFORM: "),
        (WOO, {"URL": None}, "MAKEGOOD_STORES__ALPHA: needs URL "),
        (WOO, {"CONSUMER_SECRET": None}, "MAKEGOOD_STORES__ALPHA: needs CONSUMER_SECRET "),
        (WOO, {"WEBHOOK_SECRET": None}, "MAKEGOOD_STORES__ALPHA: needs WEBHOOK_SECRET "),
        (WOO, {"DOMAIN": HUSH}, "MAKEGOOD_STORES__ALPHA: DOMAIN is not a setting of a woocommerce store"),
        (WOO, {"URL": f"http://{HUSH}.example"}, "MAKEGOOD_STORES__ALPHA__URL: must be https"),
        (WOO, {"URL": f"https://user:{HUSH}@beta.example"}, "MAKEGOOD_STORES__ALPHA__URL: must not carry a user name"),
        (WOO, {"DEFAULT_SUPPLIER": HUSH}, "STORES__ALPHA__DEFAULT_SUPPLIER names a supplier that is not configured"),
    ],
)
def test_a_wrong_store(
    put: pytest.MonkeyPatch, values: dict[str, str], changed: dict[str, str | None], sentence: str
) -> None:
    store(put, "ALPHA", values, **changed)
    assert sentence in refusal()


def test_a_static_token_does_without_a_client_id(put: pytest.MonkeyPatch) -> None:
    store(put, "ALPHA", SHOPIFY, CLIENT_ID=None, ACCESS_TOKEN="shpat_1")
    token = load_settings().stores["alpha"].access_token
    assert token is not None
    assert token.get_secret_value() == "shpat_1"


def test_both_secrets_of_a_rotation_verify_the_current_first(put: pytest.MonkeyPatch) -> None:
    store(put, "ALPHA", SHOPIFY, CLIENT_SECRET="new", PREVIOUS_CLIENT_SECRET="old")
    store(put, "BETA", WOO, WEBHOOK_SECRET="neu", PREVIOUS_WEBHOOK_SECRET="alt")
    stores = load_settings().stores
    assert stores["alpha"].webhook_secrets == ["new", "old"]
    assert stores["beta"].webhook_secrets == ["neu", "alt"]


def test_a_key_with_strange_characters(put: pytest.MonkeyPatch) -> None:
    store(put, "AL/PHA", SHOPIFY)
    assert "the key 'al/pha' may use letters, digits, - and _ only" in refusal()


# Suppliers


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"CHANNEL": HUSH}, "MAKEGOOD_SUPPLIERS__ACME__CHANNEL: "),
        ({"CHANNEL": None}, "MAKEGOOD_SUPPLIERS__ACME__CHANNEL: "),
        ({"BASE_URL": None}, "MAKEGOOD_SUPPLIERS__ACME: channel http needs BASE_URL"),
        ({"API_TOKEN": None}, "MAKEGOOD_SUPPLIERS__ACME: channel http needs API_TOKEN"),
        ({"CHANNEL": "email"}, "MAKEGOOD_SUPPLIERS__ACME: channel email needs EMAIL"),
        ({"CHANNEL": "cj"}, "MAKEGOOD_SUPPLIERS__ACME: channel cj needs API_KEY"),
        ({"WEBHOOK_SECRET": HUSH}, "MAKEGOOD_SUPPLIERS__ACME: WEBHOOK_SECRET must start with whsec_"),
        ({"VENDORS": HUSH}, 'MAKEGOOD_SUPPLIERS__ACME__VENDORS must be a JSON list such as ["Acme", "Bolt"].'),
        ({"SKU_PREFIXES": f'"{HUSH}"'}, "MAKEGOOD_SUPPLIERS__ACME__SKU_PREFIXES must be a JSON list"),
        ({"RESPONSE_DAYS": "0"}, "MAKEGOOD_SUPPLIERS__ACME__RESPONSE_DAYS: "),
        ({"CURRENCY": HUSH}, "MAKEGOOD_SUPPLIERS__ACME__CURRENCY: "),
        ({"BASE_URL": f"http://{HUSH}.example"}, "MAKEGOOD_SUPPLIERS__ACME__BASE_URL: must be https"),
    ],
)
def test_a_wrong_supplier(put: pytest.MonkeyPatch, changed: dict[str, str | None], sentence: str) -> None:
    supplier(put, "ACME", HTTP, **changed)
    assert sentence in refusal()


def test_lists_and_addresses_are_json_or_plain(put: pytest.MonkeyPatch) -> None:
    supplier(put, "ACME", HTTP, VENDORS='["Acme", "Bolt"]', RETURN_ADDRESS='{"line1": "1 Dock Road", "country": "GB"}')
    supplier(put, "BOLT", {"CHANNEL": "manual"}, RETURN_ADDRESS="2 Dock Road, Leeds")
    suppliers = load_settings().suppliers
    assert suppliers["acme"].vendors == ["Acme", "Bolt"]
    assert suppliers["acme"].return_address == {"line1": "1 Dock Road", "country": "GB"}
    assert suppliers["bolt"].return_address == {"line1": "2 Dock Road, Leeds"}


# The service


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PUBLIC_URL", f"http://{HUSH}.example", "MAKEGOOD_PUBLIC_URL: must be https"),
        ("PUBLIC_URL", HUSH, "MAKEGOOD_PUBLIC_URL: must be a URL that starts with https://"),
        ("API_KEYS__OPS", " ", "MAKEGOOD_API_KEYS: the API key 'ops' is empty"),
        ("API_KEY_SCOPES__OPS", "read", "API_KEY_SCOPES__OPS has no API_KEYS__OPS beside it"),
        ("SMTP_URL", f"smtp://user:{HUSH}@mail.example", "MAIL_FROM is needed when SMTP_URL is set"),
        ("LOG_LEVEL", HUSH, "MAKEGOOD_LOG_LEVEL: "),
        ("SWEEP_SECONDS", "0", "MAKEGOOD_SWEEP_SECONDS: "),
    ],
)
def test_a_wrong_setting_of_the_service(put: pytest.MonkeyPatch, name: str, value: str, sentence: str) -> None:
    put.setenv(f"MAKEGOOD_{name}", value)
    assert sentence in refusal()


def test_an_unknown_scope(put: pytest.MonkeyPatch) -> None:
    put.setenv("MAKEGOOD_API_KEYS__OPS", "some-key")
    put.setenv("MAKEGOOD_API_KEY_SCOPES__OPS", HUSH)
    assert "MAKEGOOD_API_KEY_SCOPES__OPS: " in refusal()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("shop.localhost", True),
        ("127.0.0.1.example.com", False), ("localhost.example.com", False), ("notlocalhost", False),
        ("10.0.0.1", False), ("", False), (None, False),
    ],
)  # fmt: skip
def test_plain_http_is_for_this_machine_only(put: pytest.MonkeyPatch, host: str | None, loopback: bool) -> None:
    assert is_loopback_host(host) is loopback
    if host:
        named = f"[{host}]" if ":" in host else host
        put.setenv("MAKEGOOD_PUBLIC_URL", f"http://{named}:8000/")
        if loopback:
            assert load_settings().public_url == f"http://{named}:8000"
        else:
            assert "MAKEGOOD_PUBLIC_URL: must be https" in refusal()


def test_overrides_win(put: pytest.MonkeyPatch) -> None:
    put.setenv("MAKEGOOD_SHIP_DAYS", "5")
    assert load_settings(ship_days=6).ship_days == 6
    assert isinstance(load_settings(), Settings)


@pytest.mark.parametrize("value", ["10.0.0.1", '["proxy.local"]', '["10.0.0.0/40"]', "[7.5]"])
def test_a_proxy_is_an_address_or_a_network(put: pytest.MonkeyPatch, value: str) -> None:
    put.setenv("MAKEGOOD_TRUSTED_PROXIES", value)
    assert "TRUSTED_PROXIES" in refusal()


def test_a_store_leads_back_to_its_front(put: pytest.MonkeyPatch) -> None:
    store(put, "ALPHA", SHOPIFY)
    store(put, "BETA", WOO)
    store(put, "GAMMA", SHOPIFY, SHOP_URL="https://lamps.example")
    put.setenv("MAKEGOOD_TRUSTED_PROXIES", '["10.0.0.7", "10.1.0.0/16"]')
    settings = load_settings()
    fronts = [settings.stores[key].front for key in ("alpha", "beta", "gamma")]
    assert fronts == ["https://alpha.myshopify.com", "https://beta.example", "https://lamps.example"]
    assert settings.trusted_proxies == ["10.0.0.7", "10.1.0.0/16"]


EVENTS = {"URL": "https://crm.example/hooks/?key=v", "SECRET": "whsec_" + "c2VjcmV0" * 4}


def receiver(put: pytest.MonkeyPatch, **changes: str) -> None:
    for name, value in {**EVENTS, **changes}.items():
        put.setenv(f"MAKEGOOD_EVENTS__CRM__{name}", value)


def test_a_receiver_of_events_keeps_its_address_to_the_letter_and_secret(put: pytest.MonkeyPatch) -> None:
    receiver(put, SECRET=f'["{EVENTS["SECRET"]}", "whsec_{"bmV3" * 9}"]', TYPES='["refund"]', STORES="[]")
    crm = load_settings().events["crm"]
    assert crm.url.get_secret_value() == "https://crm.example/hooks/?key=v"
    assert (crm.host, len(crm.secrets), crm.types) == ("https://crm.example", 2, ["refund"])
    assert "hooks" not in repr(crm)
    assert crm.secrets[0] not in repr(crm)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"URL": "http://crm.example/"}, "MAKEGOOD_EVENTS__CRM__URL: must be https"),
        ({"URL": "https://u:p@crm.example/"}, "MAKEGOOD_EVENTS__CRM__URL: must not carry a user name"),
        ({"SECRET": HUSH}, "MAKEGOOD_EVENTS__CRM__SECRET: must be whsec_ followed by 24 to 64 bytes in base64"),
        ({"SECRET": f"whsec_{HUSH}"}, "MAKEGOOD_EVENTS__CRM__SECRET: must be whsec_"),
        ({"SECRET": "[]"}, "MAKEGOOD_EVENTS__CRM__SECRET: must be whsec_"),
        ({"TYPES": "refund"}, "MAKEGOOD_EVENTS__CRM__TYPES must be a JSON list such as"),
        ({"TYPES": '["refnd"]'}, "MAKEGOOD_EVENTS__CRM__TYPES: names no type of event: refnd"),
        ({"STORES": '["alpha"]'}, "EVENTS__CRM__STORES names alpha, which is not configured"),
        ({"ADDRESS": "x"}, "MAKEGOOD_EVENTS__CRM__ADDRESS is not a setting"),
    ],
)
def test_a_mistake_in_a_receiver_of_events_is_named(
    put: pytest.MonkeyPatch, changes: dict[str, str], sentence: str
) -> None:
    receiver(put, **changes)
    with pytest.raises(ConfigError) as refused:
        load_settings()
    assert sentence in refused.value.detail
    assert HUSH not in refused.value.detail
