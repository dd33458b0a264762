"""In how many days each party should act: from the settings, the supplier's terms and the policy. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.cases.claims import ALARM_DAYS
from app.policy.model import Times
from app.settings import Settings
from app.settings_supplier import SupplierSettings
from app.timers.clocks import Whose

# How long a parcel on its way back may be silent before somebody asks: the slowest usual way from Europe to China.
TRANSIT_DAYS = 45


@dataclass(frozen=True, slots=True)
class Terms:
    """Lengths of clocks in days, and of their reminders in days before the end, the first one first.

    `countries` says whose working days count; None is a country that nobody has told.
    """

    countries: dict[Whose, str | None]
    merchant_days: int = 2
    escalate_days: int = 5
    evidence_days: int = 7
    evidence_reminders: Sequence[int] = (2,)
    response_days: int = 3
    response_reminders: Sequence[int] = (1,)
    ship_days: int = 14
    ship_reminders: Sequence[int] = (7, 2)
    transit_days: int = TRANSIT_DAYS
    inspection_days: int = 7
    inspection_reminders: Sequence[int] = (3, 1)
    claim_reminders: Sequence[int] = (ALARM_DAYS, 1)
    credit_days: int = 3
    close_days: int = 30

    @property
    def review_reminders(self) -> Sequence[int]:
        """One working day before the merchant should have decided, and on that day."""
        rest = self.escalate_days - self.merchant_days
        return (rest + 1, rest)

    @property
    def credit_reminders(self) -> Sequence[int]:
        """On the first working day after the credit was expected."""
        return (self.credit_days - 1,)


def terms_of(
    settings: Settings, times: Times, store: str, supplier: SupplierSettings | None, customer: str | None
) -> Terms:
    """The terms for a case of `store` and `supplier` whose customer lives in the country `customer`; `times` is what
    the case's policy says of them.

    A customer or a supplier whose country is not known has the store's working days.
    """
    home = settings.stores[store].country if store in settings.stores else None
    asked = supplier or _NO_SUPPLIER
    return Terms(
        countries={
            Whose.MERCHANT: home,
            Whose.CUSTOMER: customer or home,
            Whose.CARRIER: customer or home,
            Whose.SUPPLIER: asked.country or home,
        },
        merchant_days=times.merchant_days,
        escalate_days=max(times.escalate_days, times.merchant_days + 1),
        evidence_days=settings.evidence_days,
        ship_days=settings.ship_days,
        ship_reminders=sorted(times.ship_reminders, reverse=True),
        inspection_reminders=sorted(times.inspection_reminders, reverse=True),
        response_days=asked.response_days,
        inspection_days=asked.inspection_days,
        credit_days=asked.response_days,
        close_days=settings.close_days,
    )


_NO_SUPPLIER = SupplierSettings(channel="manual")
