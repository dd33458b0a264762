"""What the engine would say to a request that nobody has made yet, and what it would bring. Nothing is kept.

The same engine, policy and law decide that will decide the request itself, so that a page promises nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.cases.keeping import fee_shares, lawful, standard_delivery
from app.cases.vocabulary import Reason, Remedy
from app.db.work import Work
from app.money import Money
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import OrderSnapshot
from app.policy import history, store
from app.policy.decision import Decision
from app.policy.engine import decide
from app.policy.facts import Laws, assess_all, facts_of, right_of
from app.policy.files import PolicyFile
from app.policy.law.assess import assess
from app.policy.law.model import Right
from app.policy.lines import exempt
from app.policy.question import AskedLine, History, Present, Question
from app.policy.service import free_units, terms_of, value_of
from app.refunds import service as refunds
from app.refunds.amounts import Decided, Kept, Taken
from app.refunds.amounts import decide as amount_for
from app.refunds.amounts import part_of as part_for
from app.refunds.states import RESERVED, RefundStatus
from app.requests.suppliers import supplier_of
from app.settings import Settings

# No case has this id: what is looked up "without" it is looked up whole.
NO_CASE = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Asked:
    """Units of one line that somebody might return, and why; `variant` is what it is to be exchanged for."""

    line_id: str
    quantity: int
    reason: Reason
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """The lines that one supplier would handle, and what the engine says to them."""

    supplier: str | None
    lines: tuple[Asked, ...]
    decision: Decision
    laws: Laws


class Previewer:
    """Everything about one order that decides, read once. Asking it reads nothing more."""

    def __init__(self, work: Work, order: Order, file: PolicyFile, known: Known) -> None:
        self.order = order
        self.snapshot: OrderSnapshot = orders.snapshot_of(order)
        self.file = file
        self.known = known
        self._now = work.now
        self._settings: Settings = work.settings

    def parts(
        self, asked: Sequence[Asked], remedy: Remedy, shown: Mapping[str | None, Present] | None = None
    ) -> tuple[Part, ...]:
        """What the engine says to these lines, split by supplier as a request is. `shown` is evidence by supplier."""
        split: dict[str | None, list[Asked]] = {}
        for one in asked:
            line = self.snapshot.line(one.line_id)
            if line is not None and one.quantity > 0:
                split.setdefault(supplier_of(self._settings, self.order.store, line), []).append(one)
        given = shown or {}
        return tuple(self._part(key, lines, remedy, given.get(key, Present())) for key, lines in split.items())

    def refund_of(self, parts: Sequence[Part]) -> Decided:
        """What these parts bring together in money, less what may be kept."""
        wanted = {one.line_id: one.quantity for part in parts for one in part.lines}
        totals = {line.line_id: line.total for line in amount_for(self.snapshot, wanted, self.known.taken).lines}
        fees: dict[str, int] = {}
        already, rights = self.known.fees, set[Right]()
        for part in parts:
            right = {one.line_id: right_of(one.reason, self.snapshot) for one in part.lines}
            payable = {key: view for key, view in part.laws.items() if not view.fee.none_allowed}
            shares = {line_id: share for line_id, (share, _) in fee_shares(part.decision, payable, right).items()}
            mine = lawful(shares, totals, right, part.laws, already, self.order)
            already += sum(mine.values())
            fees |= mine
            rights |= set(right.values())
        shipping = standard_delivery(self.snapshot, self.file.policy) if rights == {Right.WITHDRAWAL} else {}
        return amount_for(self.snapshot, wanted, self.known.taken, Kept(fees, shipping))

    def part_of(self, parts: Sequence[Part]) -> Decided:
        """What these parts bring to who keeps the goods."""
        wanted = {one.line_id: one.quantity for part in parts for one in part.lines}
        return part_for(self.snapshot, wanted, self.known.taken, self.file.policy.remedies.keep_item_percent)

    def money(self, minor: int) -> Money:
        """An amount in the order's currency."""
        return orders.money_of(self.order, minor)

    def _part(self, supplier: str | None, lines: Sequence[Asked], remedy: Remedy, shown: Present) -> Part:
        question = Question(
            order=self.snapshot,
            lines=[self._line(one) for one in lines],
            remedy=remedy,
            supplier=terms_of(supplier, self._settings.suppliers.get(supplier or ""), self.snapshot),
            declared_at=self._now,
            now=self._now,
            history=self.known.history,
            evidence=shown,
            fee_kept=self.known.fees,
        )
        policy = self.file.policy
        reasons = [one.reason for one in lines]
        facts = facts_of(self.snapshot, reasons, self._now, policy, None, exempt(question, policy))
        laws = assess_all(facts, assess)
        return Part(supplier, tuple(lines), decide(question, self.file, laws), laws)

    def _line(self, one: Asked) -> AskedLine:
        bought = self.snapshot.line(one.line_id)
        return AskedLine(
            one.line_id,
            one.quantity,
            one.reason,
            value_of(bought, one.quantity),
            self.known.free.get(one.line_id, 0),
            recent_damage=self.known.damage.get((bought.sku if bought else None) or "", 0),
            variant=one.variant,
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an order and its customer beside the snapshot.

    `free` is units by line that nobody has refunded and no case asks for, `damage` recent cases of damage by SKU,
    `taken` what is refunded or reserved, `fees` the minor units that were kept before.
    """

    history: History
    free: Mapping[str, int]
    damage: Mapping[str, int]
    taken: Taken
    fees: int


async def preview(work: Work, order: Order, without: UUID = NO_CASE) -> Previewer:
    """The engine for this order as it is now, by the store's present policy; `without` leaves one case out, with what
    is planned for it. Raises `PolicyFault`.
    """
    snapshot = orders.snapshot_of(order)
    skus = {line.sku for line in snapshot.lines if line.sku}
    paid = await refunds.of_order(work, order.id)
    planned = next((one.id for one in paid if one.case_id == without and one.status == RefundStatus.PLANNED), None)
    known = Known(
        history=await history.of_customer(work, order, without=without),
        free=await free_units(work, order, without=without),
        damage=await history.damaged(work, order.store, skus, without=without),
        taken=await refunds.taken(work, order, without=planned),
        fees=max(
            sum(one.fee for one in paid if one.status in RESERVED),
            await history.fee_kept(work, order.id, without=without),
        ),
    )
    return Previewer(work, order, store.current(work.settings.stores[order.store].policy), known)
