"""The settings of one store. Errors name the setting and never its value."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator

from app.orders.snapshot import Platform
from app.settings_types import Country, Strict, WebUrl, filled

_SHOP_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", re.ASCII)


class StoreSettings(Strict):
    """One Shopify shop or one WooCommerce site."""

    platform: Platform = Field(description="`shopify` or `woocommerce`.")
    name: str | None = Field(None, description="What customers call the store, in mails.")
    country: Country | None = Field(
        None, description="Country of the merchant, two capital letters: whose working days count for the operator."
    )
    locale: str = Field("en", description="Language of mails when the order names none: `en`, `fr` or `he`.")
    policy: str = Field(
        "default",
        description="A shipped policy (`default`, `eu`, `uk`, `il`, `us`, `au`), or the path of a policy file.",
    )
    support_email: str | None = Field(None, description="Where a customer's answer to a mail goes.")
    colour: str | None = Field(
        None,
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="Colour of the store's pages, such as `#2f6f62`; mended where it could not be read.",
    )
    logo: Path | None = Field(None, description="A PNG, JPEG or WebP file of 256 KiB at most, shown on the pages.")
    shop_url: WebUrl | None = Field(
        None, description="The shop front that pages lead back to; unset: the site, or `https://{DOMAIN}`."
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
    requests_per_second: float = Field(
        10.0,
        ge=0,
        le=1000,
        description="How often the site is asked, by all processes together: as much as a person who clicks fast; "
        "0: as fast as it answers.",
    )
    parallel_requests: int = Field(
        4,
        ge=1,
        le=64,
        description="Calls to the site that may be under way at once, by all processes together: each takes one of "
        "its PHP workers, of which a small host has few, and its customers need the others.",
    )
    ca_file: Path | None = Field(None, description="Certificate authority of a site with a private certificate (PEM).")

    @field_validator("default_supplier")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return value.lower() if value else None

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
        missing = [name for name in needed if not filled(getattr(self, name))]
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
    def front(self) -> str:
        """Where customers shop."""
        return self.shop_url or self.url or f"https://{self.domain}"

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
_WOO_ONLY = (
    "url", "consumer_key", "consumer_secret", "webhook_secret", "previous_webhook_secret", "ca_file",
    "requests_per_second", "parallel_requests",
)  # fmt: skip
