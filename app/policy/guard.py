"""What a policy would do that a law forbids. Pure.

The engine never does it: it takes the lawful value and says so (`Decision.corrected`). Here it is found in the file,
before a customer meets it. A person may still act against a law, with a reason: `reject` of a case takes `override`,
and the trail keeps who and why; an approval that leaves out what a right covers asks for attention.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.cases.vocabulary import Reason, Remedy
from app.money import Money
from app.orders.snapshot import Fulfilment, Line, OrderSnapshot, Platform
from app.policy.facts import facts_of, right_of
from app.policy.law.assess import assess
from app.policy.law.model import Forbidden, LegalView, Payer, Right
from app.policy.locate import Path
from app.policy.model import Policy
from app.policy.terms import SECOND_THOUGHTS, Late, Outcome, Want, WindowStart

Sample = Mapping[Right, LegalView]
# An order that was delivered, and a customer who declares on the next day: every right is young. Fixed, so that a lint
# of today says what a lint of tomorrow says; a Tuesday far from holidays.
_ORDERED = datetime(2026, 9, 1, 9, tzinfo=UTC)
_DELIVERED = datetime(2026, 9, 8, 9, tzinfo=UTC)
_PRICE = 100_00


@dataclass(frozen=True, slots=True)
class Unlawful:
    """Something in a policy that a law forbids: where it stands, which law, and how to mend it."""

    path: Path
    forbidden: str
    laws: tuple[str, ...]
    message: str
    mend: str
    articles: tuple[str, ...] = field(default=(), compare=False)


def sample_order(country: str | None, currency: str = "EUR") -> OrderSnapshot:
    """An ordinary delivered order of a customer in `country`."""
    parcel = Fulfilment("1", "delivered", _ORDERED + timedelta(days=2), _DELIVERED, lines={"1": 1})
    return OrderSnapshot(
        Platform.SHOPIFY, "1", "#1", currency, 2, _PRICE, _PRICE, "paid", _ORDERED, _DELIVERED,
        (Line("1", "", 1, _PRICE),), fulfilments=(parcel,), country=country,
    )  # fmt: skip


def laws_in(country: str | None, policy: Policy) -> Sample:
    """What the law there gives a customer who declares on the day after delivery, by right."""
    order = sample_order(country)
    declared = _DELIVERED + timedelta(days=1)
    reasons = [Reason.CHANGED_MIND, Reason.DEFECTIVE, Reason.LOST]
    return {one.right: assess(one) for one in facts_of(order, reasons, declared, policy)}


def unlawful(policy: Policy, laws: Sample) -> list[Unlawful]:
    """Everything in the policy that the rights of these customers forbid."""
    found: list[Unlawful] = []
    for law in laws.values():
        if law.alive:
            reasons = frozenset(one for one in Reason if right_of(one, sample_order(None)) is law.right)
            found += [*_fees(policy, law, reasons), *_credit(policy, law, reasons), *_windows(policy, law, reasons)]
            found += [*_way_back(policy, law, reasons), *_conditions(policy, law, reasons)]
            found += [*_exceptions(policy, law, reasons), *_evidence(policy, law, reasons)]
    return found


def _of(law: LegalView, path: Path, what: Forbidden | str, message: str, mend: str) -> Unlawful:
    sets = {"restocking_fee": "fee", "customer_pays_way_back": "way_back", "shorter_window": "statutory_until"}
    wanted = sets.get(str(what), "forbids")
    cited = [cite for cite in law.cites if cite.sets == wanted and (wanted != "forbids" or str(what) in cite.rule)]
    articles = tuple(dict.fromkeys(cite.article for cite in cited))
    return Unlawful(path, str(what), law.laws, message, mend, articles)


def _fees(policy: Policy, law: LegalView, reasons: frozenset[Reason]) -> Iterable[Unlawful]:
    section = policy.restocking_fee
    wanted: list[tuple[Path, Decimal]] = []
    if reasons & section.reasons:
        wanted.append((("restocking_fee", "percent"), section.percent))
    for index, rule in enumerate(policy.rule):
        if rule.fee_percent is not None and rule.reasons & reasons:
            wanted.append((("rule", index, "fee_percent"), rule.fee_percent))
    limit = law.fee.of(Money(_PRICE, "EUR", 2))
    caps = [cap.percent for cap in law.fee.caps]
    for path, percent in wanted:
        forbidden = Forbidden.RESTOCKING_FEE in law.forbids or (limit == 0 and law.fee.none_allowed)
        if percent and forbidden:
            message = f"a restocking fee of {percent} % is kept, and the law forbids one"
            yield _of(law, path, Forbidden.RESTOCKING_FEE, message, 'take these reasons out, or write "0"')
        elif percent and caps and percent > min(caps):
            message = f"a restocking fee of {percent} % is kept, and the law allows {min(caps)} % at most"
            yield _of(law, path, Forbidden.RESTOCKING_FEE, message, f'write at most "{min(caps)}"')


def _credit(policy: Policy, law: LegalView, reasons: frozenset[Reason]) -> Iterable[Unlawful]:
    if not law.cash and Forbidden.CREDIT_ONLY not in law.forbids:
        return
    mend = "take these reasons out: the customer may choose credit, and may have the money"
    if policy.remedies.store_credit_only & reasons:
        message = "store credit only, where the customer has a right to the money"
        yield _of(law, ("remedies", "store_credit_only"), Forbidden.CREDIT_ONLY, message, mend)
    if Remedy.REFUND not in policy.remedies.offered:
        message = "no refund is offered, where the customer has a right to the money"
        yield _of(law, ("remedies", "offered"), Forbidden.CREDIT_ONLY, message, 'add "refund"')


def _windows(policy: Policy, law: LegalView, reasons: frozenset[Reason]) -> Iterable[Unlawful]:
    """Only where the law gives the money for a declaration in time: a guarantee that lasts years is no window."""
    if law.right is not Right.WITHDRAWAL or Forbidden.SHORTER_WINDOW not in law.forbids or law.statutory_until is None:
        return
    needed = (law.statutory_until - _DELIVERED).days
    window = policy.window
    if window.starts is WindowStart.PLACED and window.days < needed + (_DELIVERED - _ORDERED).days:
        message = f"the window counts from the order, and by law it lasts {needed} days from delivery"
        yield _of(law, ("window", "from"), Forbidden.SHORTER_WINDOW, message, 'write from = "delivered"')
    elif window.days < needed and any(reason not in window.by_reason for reason in reasons):
        message = f"the window is {window.days} days, and by law at least {needed}"
        yield _of(law, ("window", "days"), Forbidden.SHORTER_WINDOW, message, f"write at least {needed}")
    for reason, days in window.by_reason.items():
        if reason in reasons and days < needed:
            message = f"the window for {reason} is {days} days, and by law at least {needed}"
            yield _of(law, ("window", "by_reason", str(reason)), Forbidden.SHORTER_WINDOW, message, f"write {needed}")
    for index, rule in enumerate(policy.rule):
        if rule.window_days is not None and rule.window_days < needed and rule.reasons & reasons:
            message = f"the rule {rule.id!r} sets a window of {rule.window_days} days, and by law at least {needed}"
            path = ("rule", index, "window_days")
            yield _of(law, path, Forbidden.SHORTER_WINDOW, message, f"write at least {needed}")


def _way_back(policy: Policy, law: LegalView, reasons: frozenset[Reason]) -> Iterable[Unlawful]:
    if law.way_back is not Payer.MERCHANT:
        return
    what = "customer_pays_way_back"
    mend = "take them out: the merchant pays the way back here"
    told = sorted(policy.way_back.customer_pays & reasons)
    if told:
        message = f"the customer pays the way back for {', '.join(told)}, and by law the merchant does"
        yield _of(law, ("way_back", "customer_pays"), what, message, mend)
    for index, rule in enumerate(policy.rule):
        if rule.way_back is Payer.CUSTOMER and rule.reasons & reasons:
            message = f"the rule {rule.id!r} lets the customer pay the way back, and by law the merchant does"
            yield _of(law, ("rule", index, "way_back"), what, message, "narrow its reasons")


def _conditions(policy: Policy, law: LegalView, reasons: frozenset[Reason]) -> Iterable[Unlawful]:
    packaging = policy.packaging
    required = packaging.original is Want.REQUIRED and bool(packaging.reasons & reasons)
    if required and Forbidden.ORIGINAL_PACKAGING in law.forbids:
        message = "the original packaging is a condition, and the law forbids that"
        yield _of(law, ("packaging", "original"), Forbidden.ORIGINAL_PACKAGING, message, 'write "wanted"')


def _exceptions(policy: Policy, law: LegalView, reasons: frozenset[Reason]) -> Iterable[Unlawful]:
    for index, one in enumerate(policy.exception):
        refuses = one.outcome is Late.REJECT and one.statutory is None and bool(one.reasons & reasons)
        if refuses and Forbidden.FINAL_SALE in law.forbids:
            message = f"the exception {one.id!r} refuses what the law takes back: it is no statutory exception"
            mend = 'write outcome = "operator", or name the exception in `statutory` if it is one'
            yield _of(law, ("exception", index, "outcome"), Forbidden.FINAL_SALE, message, mend)
    for index, rule in enumerate(policy.rule):
        if rule.outcome is Outcome.REJECT and rule.reasons & reasons & SECOND_THOUGHTS:
            message = f"the rule {rule.id!r} refuses whatever it holds for, also while a legal right is alive"
            mend = 'write outcome = "operator", or use [[exception]] with `statutory`'
            yield _of(law, ("rule", index, "outcome"), Forbidden.FINAL_SALE, message, mend)


def _evidence(policy: Policy, law: LegalView, reasons: frozenset[Reason]) -> Iterable[Unlawful]:
    if Forbidden.REASON_REQUIRED not in law.forbids:
        return
    for index, item in enumerate(policy.evidence):
        if told := sorted(item.reasons & reasons):
            message = (
                f"the evidence {item.id!r} is demanded for {', '.join(told)}, and by law no reason has to be shown"
            )
            yield _of(law, ("evidence", index, "reasons"), Forbidden.REASON_REQUIRED, message, "take them out")
