"""The world of a generated year: who orders what from whom, and how often what goes wrong. Pure data.

None of it is anybody's real figure. The shares are chosen so that every rule of a policy and of the law has something
to decide, in proportions that a merchant of goods shipped by suppliers would recognise: most returns are second
thoughts and wrong sizes, some articles break, a few parcels never come. `docs/simulate.md` lists them for readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.cases.vocabulary import Reason, Remedy

SHOP_CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Place:
    """A customer's country. `rate` is hundredths of its currency for one euro; `regions` only where law differs."""

    country: str
    share: int
    currency: str
    rate: int
    delivery_days: int
    locale: str
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Goods:
    """A kind of goods: `cheapest` and `dearest` in euro cents, reasons of the returns of what did arrive by share."""

    name: str
    share: int
    cheapest: int
    dearest: int
    reasons: Mapping[Reason, int]


@dataclass(frozen=True, slots=True)
class Maker:
    """A supplier: its terms, and how it behaves. Days are usual ones, shares are per cent.

    `credits_faults` and `credits_returns` are how often it credits goods with a fault, and faultless ones that came
    back. `returnless_below` and `freight` are euro cents.
    """

    key: str
    share: int
    requires_rma: bool
    requires_goods: bool | None
    claim_window_days: int
    returnless_below: int
    cost_ratio: Decimal
    authorise_days: int
    verdict_days: int
    way_back_days: int
    freight: int
    silent: int
    credits_faults: int
    credits_returns: int


PLACES = (
    Place("DE", 18, "EUR", 100, 9, "de"),
    Place("FR", 16, "EUR", 100, 9, "fr"),
    Place("IT", 8, "EUR", 100, 11, "it"),
    Place("ES", 5, "EUR", 100, 11, "es"),
    Place("NL", 5, "EUR", 100, 8, "nl"),
    Place("IE", 2, "EUR", 100, 10, "en"),
    Place("GB", 14, "GBP", 85, 10, "en"),
    Place("US", 20, "USD", 110, 11, "en", ("CA", "NY", "TX", "FL", "WA")),
    Place("IL", 7, "ILS", 400, 14, "he"),
    Place("AU", 5, "AUD", 165, 14, "en"),
)

_SECOND = {Reason.CHANGED_MIND: 34, Reason.WRONG_VARIANT: 6, Reason.OTHER: 3}
GOODS = (
    Goods(
        "apparel", 32, 900, 6500,
        {**_SECOND, Reason.WRONG_SIZE: 36, Reason.NOT_AS_DESCRIBED: 9, Reason.WRONG_ITEM: 5, Reason.DEFECTIVE: 7},
    ),
    Goods(
        "electronics", 24, 1200, 24000,
        {**_SECOND, Reason.DEFECTIVE: 34, Reason.NOT_AS_DESCRIBED: 10, Reason.DAMAGED_IN_TRANSIT: 8,
         Reason.MISSING_PARTS: 5},
    ),
    Goods(
        "home", 24, 800, 14000,
        {**_SECOND, Reason.DAMAGED_IN_TRANSIT: 24, Reason.NOT_AS_DESCRIBED: 12, Reason.DEFECTIVE: 10,
         Reason.MISSING_PARTS: 8, Reason.WRONG_ITEM: 3},
    ),
    Goods(
        "beauty", 10, 500, 4500,
        {**_SECOND, Reason.DAMAGED_IN_TRANSIT: 16, Reason.NOT_AS_DESCRIBED: 14, Reason.WRONG_ITEM: 8},
    ),
    Goods(
        "toys", 10, 600, 7000,
        {**_SECOND, Reason.DEFECTIVE: 16, Reason.DAMAGED_IN_TRANSIT: 12, Reason.MISSING_PARTS: 12,
         Reason.WRONG_ITEM: 6},
    ),
)  # fmt: skip

MAKERS = (
    Maker("eastbay", 34, False, False, 30, 2000, Decimal("0.38"), 2, 5, 24, 1400, 6, 82, 0),
    Maker("harbour", 22, True, None, 45, 1000, Decimal("0.42"), 3, 8, 22, 1300, 8, 74, 25),
    Maker("midland", 24, True, True, 30, 0, Decimal("0.55"), 2, 5, 5, 550, 2, 90, 80),
    Maker("prints", 12, False, False, 30, 3000, Decimal("0.50"), 1, 3, 6, 600, 1, 95, 0),
    Maker("atelier", 8, True, True, 14, 0, Decimal("0.60"), 4, 10, 7, 700, 12, 65, 60),
)

REMEDIES = (
    (Remedy.REFUND, 84), (Remedy.REPLACEMENT, 7), (Remedy.EXCHANGE, 4), (Remedy.STORE_CREDIT, 3), (Remedy.KEEP_ITEM, 2),
)  # fmt: skip

# Per cent of all orders that lead to a request, of an ordinary customer and of one who returns as a habit.
RETURNS, HABITUAL_RETURNS, HABITUAL = 9, 55, 3
# Per cent of the requests: the parcel never came, or came much too late.
LOST, LATE = 4, 5
# Per cent of the customers who have the photos at hand, and of the others who send them when they are asked.
HAS_EVIDENCE, SENDS_EVIDENCE = 45, 80
# Per cent of the customers who never send the goods although they may.
NEVER_SENDS = 8
# Months as they sell, January first: a sale in November, presents in December.
MONTHS = (8, 6, 7, 7, 7, 7, 7, 7, 8, 8, 15, 13)
