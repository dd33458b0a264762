"""A store on the wire: its configuration without secrets, and how it fares."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from app.orders.snapshot import Platform


class SourceHealthOut(BaseModel):
    """How the webhooks of one sender fare."""

    last_delivery_at: datetime | None = Field(description="When the last webhook came.")
    deliveries_waiting: int = Field(examples=[0])
    deliveries_failed: int = Field(examples=[0])


class StorePollOut(BaseModel):
    """How far the store has been asked what changed that no webhook told of."""

    complete_as_of: datetime | None = Field(description="Every change before this has been seen.")
    lag_seconds: float | None = Field(description="How long ago that is.", examples=[212.4])
    catching_up: bool = Field(description="More pages of changes wait to be read.", examples=[False])
    error: str | None = Field(description="Why the last asking failed.", examples=["Shopify throttles this app"])


class WebhookCheckOut(BaseModel):
    """What the last look at the store's webhooks found."""

    checked_at: datetime | None
    good_at: datetime | None = Field(description="When all were last known to be there and active.")
    findings: list[str] = Field(description="What is not as it should be.")
    repairs: list[str] = Field(description="What the last repair did.")
    repaired_at: datetime | None
    error: str | None = Field(description="Why the last look failed.")


class PaceOut(BaseModel):
    """How much more may be asked of a store now, by all processes together."""

    available: float = Field(description="Calls, or Shopify's cost points, that may be used at once.", examples=[812.0])
    most: float = Field(description="What there is after a rest.", examples=[1000.0])
    per_second: float = Field(description="What comes back.", examples=[100.0])
    calls_under_way: int = Field(description="WooCommerce only.", examples=[0])
    held_until: datetime | None = Field(description="Until when the store wants to be left alone.", examples=[None])
    throttled: int = Field(description="How often the store turned a call away for its pace.", examples=[0])
    throttled_at: datetime | None = Field(description="When it last did.", examples=[None])


class StoreHealthOut(SourceHealthOut):
    """How a store fares."""

    refunds_unsettled: int = Field(description="Planned, under way or in doubt.", examples=[1])
    refunds_in_review: int = Field(description="Those that a person must settle.", examples=[0])
    poll: StorePollOut | None = Field(description="Null until the store was first asked.")
    webhooks: WebhookCheckOut | None = Field(description="Null until the webhooks were first looked at.")
    pace: PaceOut | None = Field(description="Null until the store was first asked.")


class StoreOut(BaseModel):
    """One Shopify shop or one WooCommerce site."""

    key: str = Field(examples=["alpha"])
    platform: Platform = Field(examples=["shopify"])
    name: str | None = Field(examples=["Alpha Lamps"])
    url: str = Field(description="Where its API is.", examples=["https://alpha.myshopify.com"])
    api_version: str | None = Field(description="Shopify only.", examples=["2026-10"])
    country: str | None = Field(examples=["FR"])
    locale: str = Field(examples=["en"])
    policy: str = Field(examples=["default"])
    support_email: str | None = Field(examples=["help@alpha.example"])
    default_supplier: str | None = Field(examples=["acme"])
    dry_run: bool = Field(description="Everything is decided, nothing is written to the store.", examples=[False])
    refund_notify: bool = Field(description="The store tells customers of refunds.", examples=[True])
    uninstalled_at: datetime | None = Field(
        description="When the merchant removed the app; nothing is asked of the store until it is installed again.",
        examples=[None],
    )
    health: StoreHealthOut


class StoreStateOut(BaseModel):
    """Whether the app is installed in a store."""

    key: str = Field(examples=["alpha"])
    uninstalled_at: datetime | None = Field(description="Null: it is installed.", examples=[None])
