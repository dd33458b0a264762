"""What is known of the configured suppliers, in a form that other processes may have: terms only, no secret. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal

from app.policy.question import SupplierTerms
from app.settings_supplier import SupplierSettings


@dataclass(frozen=True, slots=True)
class KnownSupplier:
    """A supplier's terms, and how many days it is given. `below` is an amount of `currency`, of any without one."""

    terms: SupplierTerms
    below: Decimal | None
    currency: str | None
    authorise_days: int
    verdict_days: int

    def terms_in(self, currency: str, exponent: int) -> SupplierTerms:
        """The terms for an order in that currency; a limit in another currency says nothing about it."""
        if self.below is None or self.currency not in (None, currency):
            return self.terms
        below = int(self.below.scaleb(exponent).to_integral_value(ROUND_FLOOR))
        return replace(self.terms, returnless_below=below)


def known_suppliers(configured: Mapping[str, SupplierSettings]) -> dict[str, KnownSupplier]:
    """The configured suppliers by key."""
    return {
        key: KnownSupplier(
            SupplierTerms(
                key=key,
                requires_rma=supplier.requires_rma,
                requires_goods=supplier.requires_goods,
                claim_window_days=supplier.claim_window_days,
                cost_ratio=supplier.cost_ratio,
            ),
            supplier.returnless_below,
            supplier.currency,
            supplier.response_days,
            supplier.inspection_days,
        )
        for key, supplier in configured.items()
    }
