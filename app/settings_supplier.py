"""The settings of one supplier: how to speak to it, which lines are its, and its terms."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from app.settings_types import Address, Country, DayTable, Strict, TextList, WebUrl, filled


class SupplierSettings(Strict):
    """One supplier: how to speak to it, which lines are its, and its terms."""

    channel: Literal["http", "email", "manual", "cj"] = Field(
        description="How it is spoken to: `http` by its API, `email` by mails with a link to a page where it answers. "
        "`manual` is relayed by the operator, and in this release so is `cj`."
    )
    name: str | None = Field(None, description="What people call the supplier.")
    vendors: TextList = Field([], description="JSON list: order lines of these vendors are this supplier's.")
    sku_prefixes: TextList = Field([], description="JSON list: order lines whose SKU begins so are this supplier's.")
    country: Country | None = Field(
        None, description="Country of the supplier, two capital letters: its working days count; unset: the store's."
    )
    locale: str = Field("en", description="Language of its mails and pages: `en`, `fr` or `he`.")
    currency: str | None = Field(
        None, pattern=r"^[A-Z]{3}$", description="Currency of its credits, such as `USD`; proposed on its page."
    )
    return_address: Address = Field(
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
    claim_windows: DayTable = Field(
        {},
        description='JSON table of other claim windows by reason, such as `{"damaged_in_transit": 3, "lost": 30}`; '
        "`lost` and `late` are counted from dispatch.",
    )
    returnless_below: Decimal | None = Field(
        None,
        ge=0,
        description="Below this value, in `CURRENCY`, damaged or wrong articles need not come back; policies use it.",
    )
    cost_ratio: Decimal | None = Field(
        None, ge=0, le=1, description="Wholesale price as a share of the sales price; policies use it."
    )
    poll_seconds: int = Field(20, ge=1, description="First wait before a supplier is asked again; doubles up to 6 h.")

    calls_per_second: float = Field(
        5.0,
        ge=0,
        le=1000,
        description="How often its API is called, by all processes together; 0: as fast as it answers. A cj account "
        "is always called at most once in 1.1 s (channel `http`).",
    )

    base_url: WebUrl | None = Field(None, description="Base of the supplier's API (channel `http`).")
    api_token: SecretStr | None = Field(None, description="Bearer token for it (channel `http`).")
    webhook_secret: SecretStr | None = Field(
        None, description="Signs calls and events, `whsec_…` as in Standard Webhooks (channel `http`)."
    )
    email: str | None = Field(None, description="Where it is written to (channel `email`).")
    api_key: SecretStr | None = Field(None, description="Key of the vendor's API (channel `cj`).")

    @model_validator(mode="after")
    def _complete(self) -> SupplierSettings:
        needed = {"http": ["base_url", "api_token", "webhook_secret"], "email": ["email"], "cj": ["api_key"]}
        missing = [name for name in needed.get(self.channel, []) if not filled(getattr(self, name))]
        if missing:
            raise ValueError(f"channel {self.channel} needs {', '.join(name.upper() for name in missing)}")
        if self.webhook_secret and not self.webhook_secret.get_secret_value().startswith("whsec_"):
            raise ValueError("WEBHOOK_SECRET must start with whsec_ (Standard Webhooks)")
        return self
