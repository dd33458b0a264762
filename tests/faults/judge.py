"""Says what became of each play. The sandbox's books are the judge of the money; the service is only asked how it sees
itself, and must see what the books say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from tests.faults.game import Game
from tests.faults.people import Seen
from tests.faults.records import Records
from tests.faults.theatre import Theatre
from tests.faults.troubles import S
from tests.faults.truth import ZERO, Books, Money

_ENDED = frozenset({"resolved", "closed", "superseded", "rejected", "cancelled", "expired"})


@dataclass
class Verdict:
    """What became of one play: `doubled`, `lost` and `other` are sentences, empty when all is well."""

    name: str
    fault: str
    platform: str
    reviewed: bool
    unfinished: bool
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    story: str = ""

    @property
    def breaches(self) -> list[str]:
        """Every sentence."""
        return [*self.doubled, *self.lost, *self.other]


async def judge(theatre: Theatre, games: Iterable[Game]) -> list[Verdict]:
    """A verdict on each play of a batch that has come to rest."""
    books, seen = Books(theatre.world), await Seen.read(theatre.crew.queue)
    records = await Records.read(theatre.runtime)
    found = []
    for game in games:
        money = books.of(game.play.platform, game.order_id)
        states = {seen.cases[case]["state"] for case in game.cases}
        verdict = Verdict(game.play.name, game.play.fault, game.play.platform, game.reviewed, not states <= _ENDED)
        _judge_operations(verdict, game, seen, money)
        _judge_sums(verdict, theatre, game, seen, money)
        for case in game.cases:
            verdict.other += records.complaints(case)
        verdict.other += game.strange
        verdict.story = _story(game, seen)
        found.append(verdict)
    if theatre.crew.errors and found:
        found[0].other += [f"a job failed {count} times: {error}" for error, count in theatre.crew.errors.items()]
    return found


async def unsound(theatre: Theatre, games: Iterable[Game]) -> list[str]:
    """What must never be, not even while everything is moving: money twice, or records that contradict themselves."""
    books, seen = Books(theatre.world), await Seen.read(theatre.crew.queue)
    records, found = await Records.read(theatre.runtime), list[str]()
    for game in games:
        money = books.of(game.play.platform, game.order_id)
        verdict = Verdict(game.play.name, game.play.fault, game.play.platform, False, True)
        _judge_operations(verdict, game, seen, money)
        _judge_sums(verdict, theatre, game, seen, money)
        found += verdict.doubled
        for case in game.cases:
            found += records.contradictions(case)
    return found


def _story(game: Game, seen: Seen) -> str:
    """How the service sees the play at its end."""
    told = [f"verdict {game.play.verdict}"]
    for case in game.cases:
        row = seen.cases[case]
        told.append(f"case {row['state']} {row['attention']}")
        told += [f"refund {one['status']} {one['amount']} ({one['detail']})" for one in seen.refunds.get(case, [])]
    return "; ".join(told)


def _judge_operations(verdict: Verdict, game: Game, seen: Seen, money: Money) -> None:
    """Each operation: at most one payment, and known to the service as the books have it."""
    for operation, amounts in money.ours.items():
        if len(amounts) > 1:
            verdict.doubled.append(f"operation {operation} paid {len(amounts)} times: {amounts}")
    known = {refund["id"]: refund for case in game.cases for refund in seen.refunds.get(case, [])}
    for operation, refund in known.items():
        paid = sum(money.ours.get(operation, []), ZERO)
        booked = Decimal(refund["amount"]).scaleb(-refund["exponent"])
        if refund["status"] == "succeeded" and paid != booked:
            verdict.lost.append(f"operation {operation} counts as paid ({booked}), and the books show {paid}")
        if refund["status"] in ("rejected", "void") and paid:
            verdict.doubled.append(f"operation {operation} is {refund['status']}, and the books show {paid}")
    for operation in money.ours.keys() - known.keys():
        verdict.other.append(f"the books show the operation {operation}, which the service does not know")


def _judge_sums(verdict: Verdict, theatre: Theatre, game: Game, seen: Seen, money: Money) -> None:
    """The order as a whole: never more than was captured, never more than was owed, never less."""
    owed, slack = _owed(game, money)
    if money.returned > money.captured:
        verdict.doubled.append(f"{money.returned} went back of {money.captured} captured")
    if money.shipping_back > money.shipping:
        verdict.doubled.append(f"shipping of {money.shipping} went back as {money.shipping_back}")
    if money.paid_by_us > owed + slack + money.shipping:
        verdict.doubled.append(f"{money.paid_by_us} paid by us, {owed} owed (shipping {money.shipping})")
    by_hand = game.hand_units * game.unit
    if game.hand_seen and money.returned > max(owed, by_hand) + slack + money.shipping + _goodwill(game, money):
        verdict.doubled.append(f"{money.returned} went back, {owed} owed, and {by_hand} of it was there before")
    if game.play.platform == S:
        _judge_disputes(verdict, theatre, game, money)
    if any(seen.cases[case]["attention"] for case in game.cases) and verdict.unfinished:
        return
    if _bank_paid(theatre, game):
        return
    if money.returned < min(owed, money.captured) - slack:
        verdict.lost.append(f"{money.returned} went back, {owed} owed, and nobody is told")


def _owed(game: Game, money: Money) -> tuple[Decimal, Decimal]:
    """What all units asked for are worth, and how much roundings may differ. Every one of them is paid in the end,
    by the supplier's verdict or because the merchant absorbs it."""
    units = sum(game.play.wanted)
    smallest = Decimal(1).scaleb(-{"JPY": 0, "KWD": 3}.get(game.play.currency, 2))
    return units * game.unit, smallest * (units + 2)


def _goodwill(game: Game, money: Money) -> Decimal:
    goodwill = any(one.kind == "goodwill" for one in game.play.trouble.acts)
    return money.by_hand if goodwill else ZERO


def _bank_paid(theatre: Theatre, game: Game) -> bool:
    return game.play.platform == S and any(
        one.status == "LOST" for one in theatre.world.shop.order(game.order_id).disputes
    )


def _judge_disputes(verdict: Verdict, theatre: Theatre, game: Game, money: Money) -> None:
    """Nothing of ours may go out while a bank is paying, unless it began in the very moment of the call."""
    if any(one.when == "call" for one in game.play.trouble.acts):
        return
    for dispute in theatre.world.shop.order(game.order_id).disputes:
        for refund in theatre.world.shop.refunds(game.order_id):
            ours = str(refund.id) in money.record_of.values()
            still_open = dispute.closed_at is None or refund.created_at <= dispute.closed_at
            if ours and refund.created_at > dispute.opened_at and (still_open or dispute.status == "LOST"):
                verdict.doubled.append(f"refund {refund.id} was made while the bank was paying")
