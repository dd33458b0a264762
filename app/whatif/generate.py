"""A generated year of orders and requests. The same seed gives the same year, in any number of processes.

A year is cut into batches by customers, never by time: so a repeat customer's history is complete in one batch, and no
batch needs to know of another.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Generic, TypeVar

from app.cases.vocabulary import Reason, Remedy
from app.orders.snapshot import Extra, Fulfilment, Line, OrderSnapshot, Platform
from app.policy.question import AskedLine, History, Present, Question, SupplierTerms
from app.whatif import world
from app.whatif.past import PastCase, Story
from app.whatif.world import Goods, Maker, Place

T = TypeVar("T")

BATCH = 500
YEAR = 2025
_FAULTY = frozenset(
    {Reason.DEFECTIVE, Reason.DAMAGED_IN_TRANSIT, Reason.NOT_AS_DESCRIBED, Reason.WRONG_ITEM, Reason.MISSING_PARTS}
)
_YEAR_BEGINS = datetime(YEAR, 1, 1, tzinfo=UTC)


class Choice(Generic[T]):
    """Draws one of several things by their shares."""

    def __init__(self, items: Sequence[T], shares: Sequence[int]) -> None:
        self.items = items
        self._sums = list(accumulate(shares))

    def draw(self, chance: random.Random) -> T:
        """One of them."""
        return self.items[bisect(self._sums, chance.random() * self._sums[-1])]


_PLACES = Choice(world.PLACES, [one.share for one in world.PLACES])
_GOODS = Choice(world.GOODS, [one.share for one in world.GOODS])
_MAKERS = Choice(world.MAKERS, [one.share for one in world.MAKERS])
_REMEDIES = Choice([remedy for remedy, _ in world.REMEDIES], [share for _, share in world.REMEDIES])
_MONTHS = Choice(range(1, 13), world.MONTHS)
_ORDERS = Choice((1, 2, 3, 5, 8), (70, 16, 8, 4, 2))
_QUANTITIES = Choice((1, 2, 3), (88, 9, 3))


_REASONS = {goods.name: Choice(list(goods.reasons), list(goods.reasons.values())) for goods in world.GOODS}


@dataclass(frozen=True, slots=True)
class GeneratedBatch:
    """`size` cases of the year that `seed` makes; `index` tells the batches apart."""

    seed: int
    index: int
    size: int

    def cases(self) -> Iterator[PastCase]:
        """The cases, customer by customer and in time for each of them."""
        chance = random.Random(f"{self.seed}:{self.index}")  # noqa: S311
        left = self.size
        customer = 0
        while left:
            customer += 1
            for case in _customer(chance, f"{self.index}-{customer}"):
                yield case
                left -= 1
                if not left:
                    return


def year(cases: int, seed: int) -> Iterator[GeneratedBatch]:
    """The batches of a year with so many cases."""
    for index, first in enumerate(range(0, cases, BATCH)):
        yield GeneratedBatch(seed, index, min(BATCH, cases - first))


def _customer(chance: random.Random, name: str) -> Iterator[PastCase]:
    """The requests of one customer in time, each with the history that was known then."""
    place = _PLACES.draw(chance)
    region = chance.choice(place.regions) if place.regions else None
    returns = world.HABITUAL_RETURNS if _happens(chance, world.HABITUAL) else world.RETURNS
    paid, asked = [], []
    for number, placed_at in enumerate(sorted(_moment(chance) for _ in range(_ORDERS.draw(chance)))):
        if _happens(chance, returns):
            order = _Order(chance, place, region, f"{name}-{number}", placed_at)
            paid.append((placed_at, order.total))
            asked.append(order.asked_for())
        else:
            # Of an order that is kept only the money matters.
            paid.append((placed_at, _price(chance, _GOODS.draw(chance)) * place.rate // 100))
    asked.sort(key=lambda case: case.declared_at)
    for index, case in enumerate(asked):
        yield replace(case, question=replace(case.question, history=_history(paid, asked[:index], case.declared_at)))


def _history(paid: Sequence[tuple[datetime, int]], asked: Sequence[PastCase], now: datetime) -> History:
    since = now - timedelta(days=365)
    totals = [total for at, total in paid if since <= at <= now]
    values = [case.question.lines[0].value for case in asked if case.declared_at >= since]
    return History(orders=len(totals), cases=len(values), spent=sum(totals), refunded=sum(values))


def _price(chance: random.Random, goods: Goods) -> int:
    """Euro cents. Most goods are near the cheap end: the square of a chance is small more often than not."""
    return goods.cheapest + int((goods.dearest - goods.cheapest) * chance.random() ** 2)


def _moment(chance: random.Random) -> datetime:
    begins = datetime(YEAR, _MONTHS.draw(chance), 1, tzinfo=UTC)
    return begins + timedelta(minutes=int(chance.random() * 28 * 1440))


def _happens(chance: random.Random, percent: int) -> bool:
    return chance.random() * 100 < percent


def _around(chance: random.Random, usual: int) -> int:
    """Days near the usual ones: seldom much earlier, sometimes much later."""
    return max(0, round(usual * chance.lognormvariate(0, 0.45)))


class _Order:
    """One order while it is being made: its lines, its parcels, and the request that follows."""

    def __init__(self, chance: random.Random, place: Place, region: str | None, name: str, placed_at: datetime) -> None:
        self.chance = chance
        self.place = place
        self.region = region
        self.name = name
        self.placed_at = placed_at
        self.goods = [_GOODS.draw(chance) for _ in range(_QUANTITIES.draw(chance))]
        first = _MAKERS.draw(chance)
        self.makers = [first, *(first if _happens(chance, 75) else _MAKERS.draw(chance) for _ in self.goods[1:])]
        self.lines = tuple(self._line(index, goods) for index, goods in enumerate(self.goods))
        self.shipping = self._local(499)
        self.total = sum(line.total for line in self.lines) + self.shipping

    def _local(self, cents: int) -> int:
        return cents * self.place.rate // 100

    def _line(self, index: int, goods: Goods) -> Line:
        price = _price(self.chance, goods)
        quantity = _QUANTITIES.draw(self.chance)
        article = self.chance.randrange(400)
        return Line(
            line_id=str(index + 1),
            title=f"{goods.name.capitalize()} {article}",
            quantity=quantity,
            total=self._local(price) * quantity,
            shop_total=price * quantity,
            sku=f"{goods.name[:3].upper()}-{article:03d}",
            vendor=self.makers[index].key,
            product_id=f"{goods.name}-{article}",
        )

    def asked_for(self) -> PastCase:
        """The request that one of the order's suppliers handles, and what came of it."""
        chance = self.chance
        index = chance.randrange(len(self.lines))
        maker, goods = self.makers[index], self.goods[index]
        fate = chance.random() * 100
        lost, late = fate < world.LOST, fate < world.LOST + world.LATE
        dispatched = self.placed_at + timedelta(days=1 + _around(chance, 2))
        travel = _around(chance, self.place.delivery_days) + (25 if late else 0)
        delivered = None if lost else dispatched + timedelta(days=travel)
        reason = Reason.LOST if lost else Reason.LATE if late else _REASONS[goods.name].draw(chance)
        declared = self._declared(reason, dispatched, delivered)
        order = self._snapshot(dispatched, delivered)
        line = self.lines[index]
        units = line.quantity if chance.random() < 0.7 else 1
        value = line.total * units // line.quantity
        question = Question(
            order=order,
            lines=(AskedLine(line.line_id, units, reason, value, units, recent_damage=_damage(chance, reason)),),
            remedy=_remedy(chance, reason),
            supplier=_terms(maker, self.place),
            declared_at=declared,
            now=declared,
            evidence=_at_hand(chance),
        )
        return PastCase(question, self._story(maker, reason))

    def _declared(self, reason: Reason, dispatched: datetime, delivered: datetime | None) -> datetime:
        minutes = timedelta(minutes=self.chance.randrange(1440))
        if delivered is None:
            return dispatched + timedelta(days=30 + int(self.chance.expovariate(1 / 12))) + minutes
        # Whoever does not like something says so soon; what breaks, breaks some time.
        usual = 40 if reason is Reason.DEFECTIVE else 8 if reason not in _FAULTY else 4
        return delivered + timedelta(days=min(360, int(self.chance.expovariate(1 / usual)))) + minutes

    def _snapshot(self, dispatched: datetime, delivered: datetime | None) -> OrderSnapshot:
        status = "delivered" if delivered else "in_transit"
        return OrderSnapshot(
            platform=Platform.SHOPIFY,
            order_id=self.name,
            number=f"#{self.name}",
            currency=self.place.currency,
            exponent=2,
            total=self.total,
            captured=self.total,
            status="paid",
            placed_at=self.placed_at,
            updated_at=delivered or dispatched,
            lines=self.lines,
            extras=(Extra("shipping", "shipping", "Standard", self.shipping),),
            fulfilments=(Fulfilment(f"{self.name}-1", status, dispatched, delivered),),
            shop_currency=world.SHOP_CURRENCY,
            shop_exponent=2,
            country=self.place.country,
            region=self.region,
            locale=self.place.locale,
        )

    def _story(self, maker: Maker, reason: Reason) -> Story:
        chance = self.chance
        faulty = reason in _FAULTY or reason in (Reason.LOST, Reason.LATE)
        credited = _happens(chance, maker.credits_faults if faulty else maker.credits_returns)
        return Story(
            evidence=Present(photos=3, answers=3) if _happens(chance, world.SENDS_EVIDENCE) else None,
            sends=not _happens(chance, world.NEVER_SENDS),
            sends_days=_around(chance, 3),
            way_back_days=_around(chance, maker.way_back_days),
            authorise_days=_around(chance, maker.authorise_days),
            verdict_days=_around(chance, maker.verdict_days),
            silent=_happens(chance, maker.silent),
            accepted=100 if credited else 0,
            freight=self._local(maker.freight),
        )


def _terms(maker: Maker, place: Place) -> SupplierTerms:
    return SupplierTerms(
        key=maker.key,
        requires_rma=maker.requires_rma,
        requires_goods=maker.requires_goods,
        claim_window_days=maker.claim_window_days,
        returnless_below=maker.returnless_below * place.rate // 100,
        cost_ratio=maker.cost_ratio,
    )


def _damage(chance: random.Random, reason: Reason) -> int:
    return int(chance.expovariate(1.2)) if reason in (Reason.DAMAGED_IN_TRANSIT, Reason.DEFECTIVE) else 0


def _remedy(chance: random.Random, reason: Reason) -> Remedy:
    remedy = _REMEDIES.draw(chance)
    return Remedy.REFUND if remedy is Remedy.KEEP_ITEM and reason not in _FAULTY else remedy


def _at_hand(chance: random.Random) -> Present:
    return Present(photos=3, answers=3) if _happens(chance, world.HAS_EVIDENCE) else Present()
