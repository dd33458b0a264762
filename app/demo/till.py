"""Judges stories by the sandbox stores' own books: what Makegood says of itself does not count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.demo.story import NOTHING, Ending, Played, PlayedCase
from app.orders.marker import operation_in
from app.sandbox.world import SHOP, World


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that went back to a customer. `note` is what the refund says in the store."""

    note: str
    amount: Decimal


class Till:
    """The money of one order, as the store and its payment provider have it."""

    def __init__(self, world: World, store: str, order_id: str) -> None:
        self._world = world
        self._store = store
        self._order_id = order_id

    def payments(self) -> list[Payment]:
        """Every refund that moved money, whoever made it."""
        if self._store == SHOP:
            return [Payment(refund.note or "", refund.money) for refund in self._world.shop.refunds(self._order_id)]
        notes = {row.refund_id: row.reason for row in self._world.site.refunds(int(self._order_id))}
        return [
            Payment(notes.get(payout.refund_id, ""), payout.amount)
            for payout in self._world.site.gateway_payouts
            if payout.order_id == int(self._order_id)
        ]

    def calls(self) -> list[str]:
        """The notes of every refund call that the store received, whatever became of it."""
        if self._store == SHOP:
            gid = self._world.shop.order(self._order_id).gid
            return [call.note or "" for call in self._world.shop.money_calls if call.variables.get("orderId") == gid]
        return [
            str(call.body.get("reason", ""))
            for call in self._world.site.money_calls
            if call.order_id == int(self._order_id)
        ]

    @property
    def currency(self) -> str:
        """The customer's currency."""
        if self._store == SHOP:
            return self._world.shop.order(self._order_id).currencies.presentment
        return str(self._world.site.order(int(self._order_id))["currency"])

    def count(self, case: PlayedCase) -> None:
        """Writes down what the customer got for this case and how often the store was called."""
        payments = self.payments()
        ours = [payment.amount for payment in payments if case.reference in payment.note]
        by_hand = [payment.amount for payment in payments if operation_in(payment.note) is None]
        case.calls = sum(case.reference in note for note in self.calls())
        if ours:
            case.customer = f"{sum(ours)} {self.currency}"
        elif by_hand:
            case.customer = f"{sum(by_hand)} {self.currency} by hand"

    def repeated(self) -> list[str]:
        """The markers that more than one refund carries: money paid twice."""
        markers = Counter(operation_in(payment.note) for payment in self.payments())
        return [marker for marker, times in markers.items() if marker is not None and times > 1]


def differences(played: Played, tills: Sequence[Till]) -> list[str]:
    """What is not as told, one sentence each; empty when everything is."""
    if played.trouble is not None:
        return [played.trouble]
    found: list[str] = []
    cases = {case.supplier: case for case in played.cases}
    for ending in played.story.endings:
        case = cases.pop(ending.supplier, None)
        found += [f"no case for {ending.supplier}"] if case is None else _compare(case, ending)
    found += [f"{case.reference}: a case for {case.supplier} that nobody told of" for case in cases.values()]
    found += [f"paid twice: the marker {marker}" for till in tills for marker in till.repeated()]
    return found


def _compare(case: PlayedCase, ending: Ending) -> list[str]:
    pairs = (
        ("path", " → ".join(["requested", *ending.path.split()]), " → ".join(case.path)),
        ("customer got", ending.customer or NOTHING, case.customer),
        ("supplier owes", ending.owes, case.owes),
        ("money calls", str(ending.calls), str(case.calls)),
    )
    return [f"{case.reference}: {name}: told {told}, was {was}" for name, told, was in pairs if told != was]
