"""Every setting, typed. Environment variables win over the TOML file named by MAKEGOOD_CONFIG_FILE.

Errors name the setting and never its value. Keys of stores and suppliers are lower case everywhere inside. A store's
settings are in `settings_store.py`, a supplier's in `settings_supplier.py`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from app.settings_events import ReceiverSettings
from app.settings_store import StoreSettings
from app.settings_supplier import SupplierSettings
from app.settings_types import Country, NetworkList, SecretList, WebUrl

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)

Scope = Literal["read", "operate", "admin"]


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
    trusted_proxies: Annotated[NetworkList, NoDecode] = Field(
        [],
        description="A JSON list of the addresses or networks of proxies before Makegood, whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed; unset: this machine, or what `FORWARDED_ALLOW_IPS` says.",
    )
    secret_key: Annotated[SecretList, NoDecode] = Field(
        [],
        description="Signs links and forms; needed by `serve` and `worker`. A JSON list rotates: "
        "the first one signs, all are accepted.",
    )
    api_keys: dict[str, SecretStr] = Field({}, description="A bearer token of the API, by the caller's name.")
    api_key_scopes: dict[str, Scope] = Field(
        {}, description="`read`, `operate` (default) or `admin`, by the same name."
    )
    stores: dict[str, StoreSettings] = Field({}, description="The stores, by key.")
    suppliers: dict[str, SupplierSettings] = Field({}, description="The suppliers, by key.")
    events: dict[str, ReceiverSettings] = Field(
        {}, description="Systems of the merchant's own that are told of events."
    )
    smtp_url: SecretStr | None = Field(
        None, description="`smtp://user:password@host:587` or `smtps://…`; unset: mails are stored, not sent."
    )
    mail_from: str | None = Field(None, description="Sender of mails: an address, or `Name <address>`.")
    operator_email: str | None = Field(
        None, description="Where the operator is written to when something waits; unset: kept among the messages."
    )
    photos_s3_url: WebUrl | None = Field(
        None, description="S3-compatible storage that keeps photos; unset: the database. Needs the extra `s3`."
    )
    photos_s3_bucket: str | None = Field(None, description="The bucket for photos; it must exist and not be public.")
    photos_s3_access_key: str | None = Field(None, description="Access key for the bucket.")
    photos_s3_secret_key: SecretStr | None = Field(None, description="The access key's secret.")
    photos_s3_region: str = Field("us-east-1", description="Region of the bucket, as its requests are signed.")
    operator_locale: str | None = Field(
        None, description="Language of the daily digest: `en`, `fr` or `he`; unset: the first store's."
    )
    digest_hour: int = Field(
        7, ge=-1, le=23, description="Hour at which the operator gets the daily digest; -1: never."
    )
    operator_country: Country | None = Field(
        None, description="Country whose time the digest's hour is in; unset: the first store's, else UTC."
    )
    wording_dir: Path | None = Field(
        None, description="Folder with stores' own wording of mails: `<store>/<language>/<kind>.txt`."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least serious level logged.")
    log_json: bool | None = Field(None, description="JSON logs; unset: JSON unless the log goes to a terminal.")
    traces_url: WebUrl | None = Field(
        None,
        description="Where spans go, as OTLP over HTTP with its path: `https://collector.example/v1/traces`; unset: "
        "nothing is traced. Needs the extra `otel`; the `OTEL_…` variables say the rest.",
    )
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
    retention_delivery_row_days: int = Field(
        90,
        ge=7,
        le=3650,
        description="Days after its body was erased until the row of a webhook goes too. Until then a repeat is known "
        "as one: stores send a webhook again for hours, suppliers for days, and a quarter is what people look back.",
    )
    retention_job_days: int = Field(
        30, ge=1, le=365, description="Days in which a job that failed for good is kept for a person to see."
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
    retention_event_days: int = Field(
        30, ge=4, le=3650, description="Days in which events told to receivers can be replayed; a try takes up to 4."
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

    @field_validator("stores", "suppliers", "events", "api_keys", "api_key_scopes", mode="before")
    @classmethod
    def _lower_keys(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key).lower(): item for key, item in value.items()}
        return value

    @field_validator("stores", "suppliers", "events")
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
        for key, receiver in self.events.items():
            if unknown := [store for store in receiver.stores if store not in self.stores]:
                raise ValueError(f"EVENTS__{key.upper()}__STORES names {', '.join(unknown)}, which is not configured")
        for name in self.api_key_scopes:
            if name not in self.api_keys:
                raise ValueError(f"API_KEY_SCOPES__{name.upper()} has no API_KEYS__{name.upper()} beside it")
        if self.photos_s3_url and not (
            self.photos_s3_bucket and self.photos_s3_access_key and self.photos_s3_secret_key
        ):
            raise ValueError("PHOTOS_S3_BUCKET, _ACCESS_KEY and _SECRET_KEY are needed when PHOTOS_S3_URL is set")
        if self.smtp_url and not self.mail_from:
            raise ValueError("MAIL_FROM is needed when SMTP_URL is set")
        return self
