"""A supplier on the wire: its configuration without secrets, and how it fares."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from app.stores.schemas import SourceHealthOut


class SupplierHealthOut(SourceHealthOut):
    """How a supplier fares."""

    cases_waiting: int = Field(description="Open cases that wait for its word.", examples=[2])
    credits_open: int = Field(description="Credits that it has not paid in full.", examples=[1])


class SupplierOut(BaseModel):
    """One supplier: how it is spoken to, which lines are its, and its terms."""

    key: str = Field(examples=["acme"])
    channel: Literal["http", "email", "manual", "cj"] = Field(examples=["http"])
    name: str | None = Field(examples=["Acme Lighting"])
    base_url: str | None = Field(description="Of its API; channel `http` only.", examples=["https://api.acme.example"])
    email: str | None = Field(examples=["returns@acme.example"])
    vendors: list[str] = Field(examples=[["Acme"]])
    sku_prefixes: list[str] = Field(examples=[["AC-"]])
    country: str | None = Field(examples=["NL"])
    locale: str = Field(examples=["en"])
    currency: str | None = Field(examples=["USD"])
    return_address: dict[str, str] | None = Field(examples=[{"name": "Acme Returns", "line1": "1 Dock Road"}])
    requires_rma: bool = Field(examples=[True])
    requires_goods: bool | None = Field(description="Null leaves it to the reason.", examples=[None])
    response_days: int = Field(examples=[3])
    inspection_days: int = Field(examples=[7])
    claim_window_days: int | None = Field(examples=[30])
    returnless_below: str | None = Field(description="In the supplier's currency.", examples=["8.00"])
    cost_ratio: str | None = Field(examples=["0.4"])
    health: SupplierHealthOut
