"""Draws a return to play: what was bought, what is asked for, what the supplier says, and what goes wrong.

A play depends on the campaign's seed and its own index and on nothing else, so any one of them can be played again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.troubles import TROUBLES, S, Trouble

_CURRENCIES = (("EUR", "1", 2), ("EUR", "1", 2), ("USD", "1.08", 2), ("JPY", "160", 0), ("KWD", "0.33", 3))
_VERDICTS = (
    "confirmed", "confirmed", "confirmed", "in part", "rejected", "appealed", "refused", "by hand", "by hand, in part",
    "returnless", "claim", "local",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Play:
    """One order with one or two returns. Amounts are decimal texts in `currency`; `wanted` is units by case."""

    seed: int
    index: int
    fault: str
    trouble: Trouble
    platform: str
    currency: str
    rate: str
    price: str
    quantity: int
    discount: str
    tax_rate: str
    taxes_included: bool
    shipping: str
    other_line: bool
    wanted: tuple[int, ...]
    verdict: str
    announced: bool
    unheard: bool
    two_payments: bool

    @property
    def webhooks(self) -> str:
        """What becomes of webhooks about the order: as the fault wants it, else often nothing of the store is heard."""
        # That a refund by hand is gone can only be heard: no money moves any more, so nobody reads the order.
        must_hear = any(one.kind == "hand and delete" for one in self.trouble.acts)
        unheard = self.unheard and self.trouble.webhooks == "delivered" and not must_hear
        return "unheard" if unheard else self.trouble.webhooks

    @property
    def name(self) -> str:
        """What `--replay` takes."""
        return f"{self.seed}:{self.index}"


def fault_at(seed: int, index: int, names: Sequence[str]) -> str:
    """The faults are dealt like cards, so that each has its turn before any comes again."""
    around, place = divmod(index, len(names))
    deck = list(names)
    random.Random(f"{seed}:deck:{around}").shuffle(deck)
    return deck[place]


def draw(seed: int, index: int, only: str | None = None) -> Play:
    """The play number `index` of a seed. `only` names the fault instead of dealing it."""
    rng = random.Random(f"{seed}:{index}")
    fault = only or fault_at(seed, index, list(TROUBLES))
    platforms, make = TROUBLES[fault]
    platform = rng.choice(platforms)
    trouble = make(rng, platform)
    currency, rate, digits = rng.choice(_CURRENCIES) if platform == S else ("EUR", "1", 2)
    quantity = rng.randint(1, 4)
    first = rng.randint(1, quantity)
    second = rng.randint(1, quantity - first) if quantity > first and rng.random() < 0.35 else 0
    price = rng.randint(10**digits, 60 * 10**digits)
    return Play(
        seed=seed,
        index=index,
        fault=fault,
        trouble=trouble,
        platform=platform,
        currency=currency,
        rate=rate,
        price=_text(price, digits),
        quantity=quantity,
        discount=_text(rng.randint(0, price // 3), digits) if rng.random() < 0.3 else "0",
        tax_rate=rng.choice(("0", "0.1", "0.2")),
        taxes_included=rng.random() < 0.6,
        shipping=_text(rng.randint(1, 9) * 10**digits // 2, digits) if rng.random() < 0.5 else "0",
        other_line=rng.random() < 0.35,
        wanted=(first, second) if second else (first,),
        verdict=rng.choice(_VERDICTS),
        announced=rng.random() < 0.2,
        unheard=rng.random() < 0.4,
        two_payments=platform == S and rng.random() < 0.15,
    )


def _text(minor: int, digits: int) -> str:
    return f"{minor // 10**digits}.{minor % 10**digits:0{digits}d}" if digits else str(minor)
