"""What one past case comes to under two policies. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from app.cases.vocabulary import Route
from app.policy.decision import Decision
from app.policy.engine import decide
from app.policy.facts import Laws, Progress, assess_all, due_of, facts_of
from app.policy.files import PolicyFile
from app.policy.law.assess import assess
from app.policy.law.model import LawFacts, LegalView
from app.policy.lines import exempt
from app.policy.model import Policy
from app.policy.question import Question
from app.policy.terms import Outcome
from app.whatif.answers import EVIDENCE_DAYS, Course, course
from app.whatif.ending import money, payment
from app.whatif.past import PastCase
from app.whatif.report import BREACH
from app.whatif.tally import ALL, Group, day_key

# Evidence that never came leaves the case to a person: the row "asked for evidence first" has counted it already.
_COUNTED_AS = {Outcome.OPERATOR: "operator", Outcome.EVIDENCE: "unanswered", Outcome.REJECT: "rejected"}


@dataclass(frozen=True, slots=True)
class Contest:
    """Which policies are compared: `after` with the one in force for each store, `otherwise` where none is told.

    Cases declared before `since` are left out.
    """

    after: PolicyFile
    otherwise: PolicyFile
    in_force: Mapping[str, PolicyFile] = field(default_factory=dict)
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """What one case adds to the sums of both policies, and to which groups it belongs."""

    groups: tuple[Group, ...]
    before: Mapping[str, int]
    after: Mapping[str, int]


class Judge:
    """Decides past cases under both policies. Freight that a case does not tell is what one of the policies tells."""

    def __init__(self, contest: Contest) -> None:
        self.contest = contest
        self._costs = (contest.otherwise.policy.costs, contest.after.policy.costs)

    def play(self, case: PastCase) -> Played:
        """What the case comes to under both policies."""
        in_force = self.contest.in_force.get(case.store or "", self.contest.otherwise)
        told = self._with_freight(case)
        law = _Law()
        return Played(_groups(told), _amounts(told, in_force, law), _amounts(told, self.contest.after, law))

    def _with_freight(self, case: PastCase) -> PastCase:
        if case.story.freight is not None:
            return case
        order = case.question.order
        amounts = (costs.freight.minor(order.currency, order.exponent) for costs in self._costs)
        freight = next((amount for amount in amounts if amount is not None), 0)
        return replace(case, story=replace(case.story, freight=freight))


class _Law:
    """Asks the law about one case, and about the same facts only once: two policies mostly agree on them."""

    def __init__(self) -> None:
        self._known: dict[LawFacts, LegalView] = {}

    def _assess(self, facts: LawFacts) -> LegalView:
        view = self._known.get(facts)
        if view is None:
            view = self._known[facts] = assess(facts)
        return view

    def laws(self, question: Question, policy: Policy, progress: Progress | None = None) -> Laws:
        """What the law says to each right behind the request."""
        reasons = [line.reason for line in question.lines]
        spared = exempt(question, policy)
        facts = facts_of(question.order, reasons, question.declared_at, policy, progress, spared)
        return assess_all(facts, self._assess)


def _groups(case: PastCase) -> tuple[Group, ...]:
    question = case.question
    return (
        ALL,
        ("country", question.order.country or "-"),
        ("reason", question.lines[0].reason),
        ("supplier", question.supplier.key if question.supplier else "-"),
        ("month", f"{question.declared_at:%Y-%m}"),
    )


def _amounts(case: PastCase, file: PolicyFile, law: _Law) -> dict[str, int]:
    """What the case adds to the sums of one policy."""
    amounts = {"cases": 1}
    decision, waited = _decided(case, file, law, amounts)
    for note in decision.corrected:
        amounts["breach"] = amounts[f"{BREACH}{note.code}"] = 1
    if decision.outcome is Outcome.APPROVE:
        amounts["approved"] = 1
        if decision.route in (Route.RETURNLESS, Route.CLAIM):
            amounts[decision.route] = 1
    else:
        amounts[_COUNTED_AS[decision.outcome]] = 1
    way = course(case.question, case.story, decision.route)
    ask_law = partial(_due_day, case, file.policy, decision, way, waited, law)
    paid = payment(case, file.policy, decision, way, waited, ask_law)
    if paid is not None:
        amounts["paid"] = amounts[day_key(paid.day)] = 1
        if paid.by_law:
            amounts["by_law"] = 1
        _add_money(amounts, case, money(case, decision, way))
    return amounts


def _decided(case: PastCase, file: PolicyFile, law: _Law, amounts: dict[str, int]) -> tuple[Decision, int]:
    """The decision, and the days that went by until the case could go on."""
    question = case.question
    decision = decide(question, file, law.laws(question, file.policy))
    waited = 0
    if decision.outcome is Outcome.EVIDENCE:
        amounts["evidence"] = 1
        waited = EVIDENCE_DAYS
        if case.story.evidence is not None:
            question = replace(question, evidence=case.story.evidence, now=question.now + timedelta(days=EVIDENCE_DAYS))
            decision = decide(question, file, law.laws(question, file.policy))
    if decision.outcome in (Outcome.OPERATOR, Outcome.EVIDENCE):
        waited += file.policy.times.merchant_days
    return decision, waited


def _due_day(case: PastCase, policy: Policy, decision: Decision, way: Course, waited: int, law: _Law) -> int | None:
    """Days after the request on which the law's gate opens; None while no date of the law runs."""
    declared = case.declared_at
    agreed = declared + timedelta(days=waited)
    progress = Progress(
        agreed_at=agreed,
        dispatch_proved_at=None if way.sent is None else agreed + timedelta(days=way.sent),
        nothing_moves=decision.route in (Route.CLAIM, Route.RETURNLESS),
    )
    view = due_of(law.laws(case.question, policy, progress))
    if view is None or view.act_at is None:
        return None
    return (view.act_at - declared).days


def _add_money(amounts: dict[str, int], case: PastCase, moved: Mapping[str, int]) -> None:
    """Adds amounts of the order's currency in the shop's own, at the rate of the order itself."""
    order = case.question.order
    lines = [order.line(line.line_id) for line in case.question.lines]
    shop = sum(line.shop_total or 0 for line in lines if line)
    paid = sum(line.total for line in lines if line)
    known = shop > 0 and paid > 0
    currency = (order.shop_currency or order.currency) if known else order.currency
    for name, minor in moved.items():
        amounts[f"{name}:{currency}"] = minor * shop // paid if known else minor
