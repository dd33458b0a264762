"""What can go wrong with one return, by name. Everything random about it comes from the generator that is handed in."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.refunds import UNFINISHED

S, W = "shopify", "woocommerce"
BOTH = (S, W)
MONEY, READ = "money", "read"
# Longer than the hasty adapter waits, which is the one that the time-outs are played with; seconds.
TOO_SLOW = 0.35


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault for the next call (`money` or `read`) about the order; a standing one lasts until an hour has gone by."""

    call: str
    fault: Fault
    standing: bool = False


@dataclass(frozen=True, slots=True)
class Death:
    """The process ends at `point` of a job of `task`: `begin:2` is the start of its second transaction, `commit:2`
    just before that one's commit, `done:2` just after it, `call` and `answer` are around the money call."""

    task: str
    point: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody else does to the order.

    `when`: `before` the verdict, with the `verdict`, at the money `call` or its `answer`, or `after` all is quiet.
    """

    kind: str
    when: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Everything that goes wrong with one return."""

    planned: tuple[Planned, ...] = ()
    deaths: tuple[Death, ...] = ()
    acts: tuple[Act, ...] = ()
    webhooks: str = "delivered"
    workers: int = 1
    confirmations: int = 1
    hold_for_hours: float = 0
    bank: str = ""
    gateway: str = "stripe"
    own_webhook_first: bool = False

    @property
    def hasty(self) -> bool:
        """Whether the adapter must give up quickly for a time-out to be played."""
        slow = (FaultKind.SLOW_AFTER, FaultKind.SLOW_BEFORE)
        return any(one.fault.kind in slow for one in self.planned)


Maker = Callable[[random.Random, str], Trouble]


def _money(*kinds: FaultKind, status: int = 502, text: str = "") -> Maker:
    def make(rng: random.Random, platform: str) -> Trouble:
        return Trouble(tuple(Planned(MONEY, Fault(kind, status, TOO_SLOW, text)) for kind in kinds))

    return make


def _gateway_error(kind: FaultKind) -> Maker:
    return lambda rng, _: Trouble((Planned(MONEY, Fault(kind, rng.choice((500, 502, 503, 504)))),))


K = FaultKind
_WIRE_KINDS = (
    K.DROP_BEFORE, K.DROP_AFTER, K.STATUS_BEFORE, K.STATUS_AFTER, K.HTML_BEFORE, K.HTML_AFTER, K.TRUNCATE_AFTER,
    K.REDIRECT, K.SLOW_BEFORE, K.SLOW_AFTER,
)  # fmt: skip


def wire_fault(rng: random.Random) -> Fault:
    """Any trouble on the way to the store or back."""
    kind = rng.choice(_WIRE_KINDS)
    if kind in (K.HTML_BEFORE, K.HTML_AFTER):
        return Fault(kind, 200)
    return Fault(kind, rng.choice((500, 502, 503, 504)), TOO_SLOW)


def _chain(rng: random.Random, platform: str) -> Trouble:
    money = [Planned(MONEY, wire_fault(rng)) for _ in range(rng.randint(2, 4))]
    reads = [Planned(READ, wire_fault(rng)) for _ in range(rng.randint(0, 3))]
    return Trouble((*money, *reads))


def _reading_fails(rng: random.Random, platform: str) -> Trouble:
    return Trouble(tuple(Planned(READ, wire_fault(rng)) for _ in range(rng.randint(1, 5))))


def _reading_down(rng: random.Random, platform: str) -> Trouble:
    outage = Planned(READ, Fault(K.STATUS_BEFORE, 503), standing=True)
    return Trouble((Planned(MONEY, wire_fault(rng)), outage))


def _throttled(rng: random.Random, platform: str) -> Trouble:
    throttle = Fault(K.THROTTLE, seconds=rng.choice((1, 30)))
    return Trouble(tuple(Planned(rng.choice((MONEY, MONEY, READ)), throttle) for _ in range(rng.randint(1, 3))))


def _old_key(kind: FaultKind) -> Maker:
    return lambda rng, _: Trouble((Planned(MONEY, Fault(kind)),), hold_for_hours=rng.choice((11, 13, 30)))


def _death(task: str, *points: str) -> Maker:
    def make(rng: random.Random, platform: str) -> Trouble:
        return Trouble(deaths=(Death(task, rng.choice(points), rng.choice((1, 1, 1, 2))),))

    return make


def _death_anywhere(rng: random.Random, platform: str) -> Trouble:
    tasks = ("refunds.plan", "refunds.advance", "refunds.advance", "webhooks.read", "orders.refresh")
    places = [(rng.choice(tasks), rng.choice(("begin", "commit", "done")), rng.randint(1, 5)) for _ in range(3)]
    deaths = tuple(Death(task, f"{point}:{number}") for task, point, number in places)
    return Trouble((Planned(MONEY, wire_fault(rng)),) if rng.random() < 0.4 else (), deaths)


def _workers(count: int) -> Maker:
    def make(rng: random.Random, platform: str) -> Trouble:
        planned = (Planned(MONEY, wire_fault(rng)),) if rng.random() < 0.5 else ()
        return Trouble(planned, workers=count)

    return make


def _act(kind: str, when: str, *, bank: str = "", webhooks: str = "delivered") -> Maker:
    def make(rng: random.Random, platform: str) -> Trouble:
        planned = (Planned(MONEY, wire_fault(rng)),) if rng.random() < 0.35 else ()
        return Trouble(planned, acts=(Act(kind, when),), bank=bank, webhooks=webhooks)

    return make


def _with(**changes: object) -> Maker:
    def make(rng: random.Random, platform: str) -> Trouble:
        planned = (Planned(MONEY, wire_fault(rng)),) if rng.random() < 0.35 else ()
        return replace(Trouble(planned), **changes)  # type: ignore[arg-type]

    return make


def _pending(bank: str) -> Maker:
    return lambda rng, _: Trouble((Planned(MONEY, Fault(K.PENDING)),), bank=bank)


TROUBLES: Mapping[str, tuple[tuple[str, ...], Maker]] = {
    "none": (BOTH, lambda rng, _: Trouble()),
    "time-out before execution": (BOTH, _money(K.SLOW_BEFORE)),
    "time-out after execution": (BOTH, _money(K.SLOW_AFTER)),
    "dropped before execution": (BOTH, _money(K.DROP_BEFORE)),
    "dropped after execution": (BOTH, _money(K.DROP_AFTER)),
    "dropped twice": (BOTH, _money(K.DROP_AFTER, K.DROP_BEFORE)),
    "5xx before execution": (BOTH, _gateway_error(K.STATUS_BEFORE)),
    "5xx after execution": (BOTH, _gateway_error(K.STATUS_AFTER)),
    "HTML with 200, nothing made": (BOTH, _money(K.HTML_BEFORE, status=200)),
    "HTML with 200, refund made": (BOTH, _money(K.HTML_AFTER, status=200)),
    "redirect": (BOTH, _money(K.REDIRECT)),
    "truncated JSON": (BOTH, _money(K.TRUNCATE_AFTER)),
    "several wire faults": (BOTH, _chain),
    "throttled": (BOTH, _throttled),
    "refused by store or gateway": (BOTH, _money(K.REFUSE)),
    "refused twice": (BOTH, _money(K.REFUSE, K.REFUSE)),
    "order cannot be read for a while": (BOTH, _reading_fails),
    "order cannot be read for an hour": (BOTH, _reading_down),
    "data together with errors": ((S,), _money(K.ERRORS_WITH_DATA)),
    "pending, then paid": ((S,), _pending("pays")),
    "pending, then failed": ((S,), _pending("fails")),
    "fails right after the answer": ((S,), _money(K.FAIL_LATER)),
    "token dies in the call": ((S,), _money(K.TOKEN_EXPIRED)),
    "key: concurrent request": ((S,), _money(K.KEY_CONCURRENT)),
    "key: parameter mismatch": ((S,), _money(K.KEY_MISMATCH)),
    "key: previous attempt failed": ((S,), _money(K.KEY_PREVIOUS_FAILED)),
    "key too old, nothing made": ((S,), _old_key(K.DROP_BEFORE)),
    "key too old, refund made": ((S,), _old_key(K.DROP_AFTER)),
    "paid, then deleted by the store": ((W,), _money(K.DELETED_AFTER)),
    "PHP dies after paying": ((W,), _money(K.DROP_AFTER, text=UNFINISHED)),
    "refund without payment": ((W,), _money(K.PENDING)),
    "gateway slower than we wait": ((W,), _with(gateway="tardy", planned=(Planned(MONEY, Fault(K.SLOW_AFTER)),))),
    "bank transfer": ((W,), _with(gateway="bacs")),
    "death at planning": (BOTH, _death("refunds.plan", "begin:1", "commit:1", "done:1")),
    "death before begin": (BOTH, _death("refunds.advance", "begin:1", "done:1", "commit:2", "done:2", "done:3")),
    "death at begin": (BOTH, _death("refunds.advance", "commit:4", "done:4")),
    "death before the call": (BOTH, _death("refunds.advance", "call")),
    "death after the call": (BOTH, _death("refunds.advance", "answer")),
    "death at settling": (BOTH, _death("refunds.advance", "begin:5", "commit:5", "done:5")),
    "death reading a webhook": (BOTH, _death("webhooks.read", "begin:1", "commit:1", "done:1")),
    "death anywhere, several": (BOTH, _death_anywhere),
    "two workers at once": (BOTH, _workers(2)),
    "three workers at once": (BOTH, _workers(3)),
    "webhooks lost": (BOTH, _with(webhooks="lost")),
    "webhooks repeated": (BOTH, _with(webhooks="repeated")),
    "webhooks late and shuffled": (BOTH, _with(webhooks="late")),
    "own webhook before the answer": (BOTH, _with(own_webhook_first=True)),
    "twenty confirmations": (BOTH, _with(confirmations=20, workers=2)),
    "refund by hand before": (BOTH, _act("hand", "before")),
    "refund by hand, webhook lost": (BOTH, _act("hand", "before", webhooks="lost")),
    "refund by hand at the verdict": (BOTH, _act("hand", "verdict")),
    "refund by hand in the same second": (BOTH, _act("hand", "call")),
    "refund by hand during the answer": (BOTH, _act("hand", "answer")),
    "refund by hand after": (BOTH, _act("hand", "after")),
    "goodwill by hand": (BOTH, _act("goodwill", "before")),
    "refund by hand, then deleted": ((W,), _act("hand and delete", "before")),
    "chargeback before, won": ((S,), _act("dispute", "before", bank="won")),
    "chargeback before, lost": ((S,), _act("dispute", "before", bank="lost")),
    "chargeback, webhook lost": ((S,), _act("dispute", "before", bank="lost", webhooks="lost")),
    "chargeback at the call": ((S,), _act("dispute", "call", bank="won")),
    "order cancelled before": (BOTH, _act("cancel", "before")),
    "order cancelled at the call": (BOTH, _act("cancel", "call")),
}
