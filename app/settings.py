"""Every setting, typed. Environment variables win over the TOML file named by MAKEGOOD_CONFIG_FILE.

Errors name the setting and never its value. Keys of stores and suppliers are lower case everywhere inside.
"""

from __future__ import annotations

import ipaddress
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from app.cases.vocabulary import Reason
from app.orders.snapshot import Platform

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_SHOP_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", re.ASCII)


def is_loopback_host(host: str | None) -> bool:
    """True for this machine's own names and addresses, where plain http is allowed."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost" or (host or "").endswith(".localhost")


def _web_url(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a URL")
    parts = urlsplit(value.strip())
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL that starts with https://")
    if parts.scheme.lower() == "http" and not is_loopback_host(parts.hostname):
        raise ValueError("must be https (plain http is accepted only for this machine itself)")
    if parts.username or parts.password:
        raise ValueError("must not carry a user name or password")
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl().rstrip("/")


def _text_list(value: object) -> object:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('must be a JSON list such as ["Acme", "Bolt"]') from None
    return value


def _day_table(value: object) -> object:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('must be a JSON object such as {"damaged_in_transit": 3, "lost": 30}') from None
    return value


def _address(value: object) -> object:
    if isinstance(value, str):
        return json.loads(value) if value.lstrip().startswith("{") else {"line1": value}
    return value


def _secret_list(value: object) -> object:
    if isinstance(value, str):
        return json.loads(value) if value.lstrip().startswith("[") else [value]
    return value


WebUrl = Annotated[str, BeforeValidator(_web_url)]
Scope = Literal["read", "operate", "admin"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)


class StoreSettings(_Strict):
    """One Shopify shop or one WooCommerce site."""

    platform: Platform = Field(description="`shopify` or `woocommerce`.")
    name: str | None = Field(None, description="What customers call the store, in mails.")
    country: str | None = Field(
        None, description="Country of the merchant, two capital letters: whose working days count for the operator."
    )
    locale: str = Field("en", description="Language of mails when the order names none: `en`, `fr` or `he`.")
    policy: str = Field(
        "default",
        description="A shipped policy (`default`, `eu`, `uk`, `il`, `us`, `au`), or the path of a policy file.",
    )
    support_email: str | None = Field(None, description="Where a customer's answer to a mail goes.")
    colour: str | None = Field(
        None, pattern=r"^#[0-9a-fA-F]{6}$", description="Colour of the store's pages, such as `#2f6f62`."
    )
    dry_run: bool = Field(
        False, description="Everything is decided and recorded, nothing is written to the store or the supplier."
    )
    refund_notify: bool = Field(True, description="Whether the store tells the customer of a refund too.")
    default_supplier: str | None = Field(
        None, description="Takes the lines that no supplier's `VENDORS` or `SKU_PREFIXES` match."
    )

    domain: str | None = Field(None, description="`your-shop.myshopify.com`.")
    client_id: str | None = Field(None, description="The app's client id; needed unless `ACCESS_TOKEN` is set.")
    client_secret: SecretStr | None = Field(None, description="The app's client secret; it signs the webhooks.")
    previous_client_secret: SecretStr | None = Field(
        None, description="The secret before a rotation; webhooks signed with it are still taken."
    )
    access_token: SecretStr | None = Field(
        None, description="A static Admin API token (`shpat_…`); unset: client credentials are exchanged for one."
    )
    api_version: str = Field("2026-10", pattern=r"^\d{4}-\d{2}$", description="Version of Shopify's Admin API.")
    api_url: WebUrl | None = Field(None, description="Replaces `https://{DOMAIN}`, for the sandbox and tests.")

    url: WebUrl | None = Field(None, description="Address of the site, as in its WordPress settings.")
    consumer_key: str | None = Field(None, description="REST API key (`ck_…`) with Read/Write.")
    consumer_secret: SecretStr | None = Field(None, description="The key's secret (`cs_…`).")
    webhook_secret: SecretStr | None = Field(
        None, description="Signs the webhooks; 32 or more letters and digits of your own making."
    )
    previous_webhook_secret: SecretStr | None = Field(
        None, description="The secret before a rotation; webhooks signed with it are still taken."
    )
    ca_file: Path | None = Field(None, description="Certificate authority of a site with a private certificate (PEM).")

    @field_validator("default_supplier")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return value.lower() if value else None

    @field_validator("country")
    @classmethod
    def _country(cls, value: str | None) -> str | None:
        if value is not None and not _COUNTRY.fullmatch(value):
            raise ValueError("must be a country code of two capital letters")
        return value

    @field_validator("domain")
    @classmethod
    def _domain(cls, value: str | None) -> str | None:
        return value.lower() if value else None

    @model_validator(mode="after")
    def _complete(self) -> StoreSettings:
        shopify = self.platform is Platform.SHOPIFY
        needed = ["domain", "client_secret"] if shopify else [*_WOO_NEEDED]
        if shopify and self.access_token is None:
            needed.append("client_id")
        missing = [name for name in needed if not _filled(getattr(self, name))]
        if missing:
            names = ", ".join(name.upper() for name in missing)
            raise ValueError(f"needs {names} (without the secrets no webhook could be trusted and no refund made)")
        if shopify and self.api_url is None and not _SHOP_DOMAIN.fullmatch(self.domain or ""):
            raise ValueError("DOMAIN must look like your-shop.myshopify.com")
        foreign = _WOO_ONLY if shopify else _SHOPIFY_ONLY
        wrong = [name for name in foreign if name in self.model_fields_set]
        if wrong:
            raise ValueError(f"{', '.join(name.upper() for name in wrong)} is not a setting of a {self.platform} store")
        return self

    @property
    def webhook_secrets(self) -> list[str]:
        """The current and the previous secret that sign this store's webhooks, current first."""
        pair = (
            (self.client_secret, self.previous_client_secret)
            if self.platform is Platform.SHOPIFY
            else (self.webhook_secret, self.previous_webhook_secret)
        )
        return [secret.get_secret_value() for secret in pair if secret is not None and secret.get_secret_value()]


_SHOPIFY_ONLY = (
    "domain", "client_id", "client_secret", "previous_client_secret", "access_token", "api_version", "api_url",
)  # fmt: skip
_WOO_NEEDED = ("url", "consumer_key", "consumer_secret", "webhook_secret")
_WOO_ONLY = ("url", "consumer_key", "consumer_secret", "webhook_secret", "previous_webhook_secret", "ca_file")


def _filled(value: object) -> bool:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return bool(text.strip() if isinstance(text, str) else text)


class SupplierSettings(_Strict):
    """One supplier: how to speak to it, which lines are its, and its terms."""

    channel: Literal["http", "email", "manual", "cj"] = Field(
        description="How it is spoken to. `email` and `cj` are relayed by the operator in this release, like `manual`."
    )
    name: str | None = Field(None, description="What people call the supplier.")
    vendors: Annotated[list[str], BeforeValidator(_text_list)] = Field(
        [], description="JSON list: order lines of these vendors are this supplier's."
    )
    sku_prefixes: Annotated[list[str], BeforeValidator(_text_list)] = Field(
        [], description="JSON list: order lines whose SKU begins so are this supplier's."
    )
    country: str | None = Field(
        None, description="Country of the supplier, two capital letters: its working days count; unset: the store's."
    )
    locale: str = Field("en", description="Language of the supplier; not used yet.")
    currency: str | None = Field(
        None, pattern=r"^[A-Z]{3}$", description="Currency of its credits, such as `USD`; not used yet."
    )
    return_address: Annotated[dict[str, str] | None, BeforeValidator(_address)] = Field(
        None, description="Where goods go when the supplier names no address: a text, or a JSON object."
    )
    requires_rma: bool = Field(True, description="Whether it must authorise a return before the customer ships.")
    requires_goods: bool | None = Field(None, description="Whether it wants the goods back to pay.")
    response_days: int = Field(
        3, ge=1, le=90, description="Working days it has to authorise or refuse, and to pay once a credit is due."
    )
    inspection_days: int = Field(7, ge=1, le=90, description="Working days it has for its verdict on goods it has.")
    claim_window_days: int | None = Field(
        None, ge=1, le=720, description="Days after delivery in which it takes claims; unset: no last day."
    )
    claim_windows: Annotated[dict[Reason, Annotated[int, Field(ge=1, le=720)]], BeforeValidator(_day_table)] = Field(
        {},
        description='JSON table of other claim windows by reason, such as `{"damaged_in_transit": 3, "lost": 30}`; '
        "`lost` and `late` are counted from dispatch.",
    )
    returnless_below: Decimal | None = Field(
        None, ge=0, description="Below this value a damaged or wrong article need not be sent back; not used yet."
    )
    cost_ratio: Decimal | None = Field(
        None, ge=0, le=1, description="Wholesale price as a share of the sales price; not used yet."
    )
    poll_seconds: int = Field(20, ge=1, description="First wait before a supplier is asked again; doubles up to 6 h.")

    base_url: WebUrl | None = Field(None, description="Base of the supplier's API (channel `http`).")
    api_token: SecretStr | None = Field(None, description="Bearer token for it (channel `http`).")
    webhook_secret: SecretStr | None = Field(
        None, description="Signs calls and events, `whsec_…` as in Standard Webhooks (channel `http`)."
    )
    email: str | None = Field(None, description="Where it is written to (channel `email`).")
    api_key: SecretStr | None = Field(None, description="Key of the vendor's API (channel `cj`).")

    @field_validator("country")
    @classmethod
    def _country(cls, value: str | None) -> str | None:
        if value is not None and not _COUNTRY.fullmatch(value):
            raise ValueError("must be a country code of two capital letters")
        return value

    @model_validator(mode="after")
    def _complete(self) -> SupplierSettings:
        needed = {"http": ["base_url", "api_token", "webhook_secret"], "email": ["email"], "cj": ["api_key"]}
        missing = [name for name in needed.get(self.channel, []) if not _filled(getattr(self, name))]
        if missing:
            raise ValueError(f"channel {self.channel} needs {', '.join(name.upper() for name in missing)}")
        if self.webhook_secret and not self.webhook_secret.get_secret_value().startswith("whsec_"):
            raise ValueError("WEBHOOK_SECRET must start with whsec_ (Standard Webhooks)")
        return self


class Settings(BaseSettings):
    """All of Makegood's configuration."""

    model_config = SettingsConfigDict(
        env_prefix="MAKEGOOD_",
        env_nested_delimiter="__",
        env_file=".env",
        extra="ignore",
        hide_input_in_errors=True,
        str_strip_whitespace=True,
    )

    config_file: Path | None = Field(None, description="A TOML file with the same keys; the environment wins over it.")
    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL 14 or newer, any libpq URL; `DATABASE_URL` does the same. "
        "Unset: the embedded PostgreSQL in `MAKEGOOD_DATA_DIR`.",
    )
    data_dir: Path = Field(
        default_factory=lambda: user_data_path("makegood"), description="Where the embedded PostgreSQL keeps its data."
    )
    public_url: WebUrl = Field("http://127.0.0.1:8000", description="Base of links in mails and of callbacks.")
    secret_key: Annotated[list[SecretStr], NoDecode, BeforeValidator(_secret_list)] = Field(
        [],
        description="Signs links and encrypts stored tokens; needed by `serve` and `worker`. A JSON list rotates: "
        "the first one signs, all are accepted.",
    )
    api_keys: dict[str, SecretStr] = Field({}, description="A bearer token of the API, by the caller's name.")
    api_key_scopes: dict[str, Scope] = Field(
        {}, description="`read`, `operate` (default) or `admin`, by the same name."
    )
    stores: dict[str, StoreSettings] = Field({}, description="The stores, by key.")
    suppliers: dict[str, SupplierSettings] = Field({}, description="The suppliers, by key.")
    smtp_url: SecretStr | None = Field(
        None, description="`smtp://user:password@host:587` or `smtps://…`; unset: mails are stored, not sent."
    )
    mail_from: str | None = Field(None, description="Sender of mails: an address, or `Name <address>`.")
    operator_email: str | None = Field(
        None, description="Where the operator is written to when something waits; unset: kept among the messages."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least serious level logged.")
    log_json: bool | None = Field(None, description="JSON logs; unset: JSON unless the log goes to a terminal.")
    sweep_seconds: int = Field(5, ge=1, le=60, description="How often due work is looked for.")
    refund_first_look_seconds: int = Field(
        120, ge=1, description="Longer than a payment gateway takes: before that, a missing refund proves nothing."
    )
    refund_review_minutes: int = Field(
        15, ge=1, description="After so long without proof a WooCommerce refund is for a person to settle."
    )
    poll_seconds: int = Field(
        300, ge=0, le=86_400, description="How often a store is asked what changed that no webhook told of; 0: never."
    )
    poll_overlap_seconds: int = Field(
        300, ge=0, le=86_400, description="How far each asking reaches back before the last, for news listed late."
    )
    poll_first_days: int = Field(3, ge=0, le=60, description="How many days back a new store is first asked for.")
    poll_reread_minutes: int = Field(
        60, ge=1, le=1440, description="How often orders with open cases or fresh refunds are read, changed or not."
    )
    webhook_check_minutes: int = Field(
        15, ge=0, le=1440, description="How often a store's webhooks are looked at and mended; 0: never."
    )
    ship_days: int = Field(14, ge=1, le=120, description="How long a customer may take to send goods back.")
    evidence_days: int = Field(7, ge=1, le=90, description="How long a customer may take to answer questions.")
    retention_delivery_days: int = Field(
        90, ge=1, le=3650, description="Days after which the raw body of a webhook that was read is erased."
    )
    retention_failed_delivery_days: int = Field(
        365, ge=1, le=3650, description="The same for a webhook that could not be read: it may still be replayed."
    )
    retention_idempotency_days: int = Field(
        30, ge=1, le=365, description="Days in which a repeated `Idempotency-Key` gets the first answer again."
    )
    retention_message_days: int = Field(
        365, ge=1, le=3650, description="Days after which recipient and text of a mail are erased."
    )
    retention_photo_days: int = Field(
        180, ge=1, le=3650, description="Days after the end of a case in which its photos are kept."
    )
    retention_privacy_days: int = Field(
        90, ge=1, le=3650, description="Days in which a request to show a customer's data keeps their e-mail."
    )
    retention_personal_days: int | None = Field(
        None, ge=30, le=3650, description="Days after which orders whose cases have ended lose their customer; off."
    )
    credit_wait_days: int = Field(
        30, ge=1, le=365, description="Days until a supplier's credit is expected when the supplier names no date."
    )
    close_days: int = Field(30, ge=1, le=365, description="A resolved case without open credit is closed after this.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment, then `.env`, then the TOML file."""
        from app.settings_load import config_file_path

        path = config_file_path()
        toml = [TomlConfigSettingsSource(settings_cls, path)] if path else []
        return (init_settings, env_settings, dotenv_settings, *toml)

    @field_validator("stores", "suppliers", "api_keys", "api_key_scopes", mode="before")
    @classmethod
    def _lower_keys(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key).lower(): item for key, item in value.items()}
        return value

    @field_validator("stores", "suppliers")
    @classmethod
    def _plain_keys(cls, value: dict[str, Any]) -> dict[str, Any]:
        for key in value:
            if not _KEY.fullmatch(key):
                raise ValueError(f"the key {key!r} may use letters, digits, - and _ only")
        return value

    @field_validator("api_keys")
    @classmethod
    def _filled_keys(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, key in value.items():
            if not key.get_secret_value().strip():
                raise ValueError(f"the API key {name!r} is empty")
        return value

    @model_validator(mode="after")
    def _references(self) -> Settings:
        for key, store in self.stores.items():
            if store.default_supplier and store.default_supplier not in self.suppliers:
                raise ValueError(f"STORES__{key.upper()}__DEFAULT_SUPPLIER names a supplier that is not configured")
        for name in self.api_key_scopes:
            if name not in self.api_keys:
                raise ValueError(f"API_KEY_SCOPES__{name.upper()} has no API_KEYS__{name.upper()} beside it")
        if self.smtp_url and not self.mail_from:
            raise ValueError("MAIL_FROM is needed when SMTP_URL is set")
        return self
