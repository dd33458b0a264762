"""One line of a request under a policy: which rules hold for it, and in which window it stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import cel

from app.policy.conditions import BadCondition, Values, context, holds, seen, values_of
from app.policy.decision import Fired
from app.policy.facts import Laws, right_of
from app.policy.law.calendar import add_days
from app.policy.law.model import LegalView, Right
from app.policy.model import ExceptionRule, Policy, Rule
from app.policy.question import AskedLine, Question, window_start
from app.policy.terms import WindowStart


@dataclass(slots=True)
class LineCase:
    """A line with all that was found about it.

    `by` names the rule that set a thing (`outcome`, `route`, …); what no rule set is the policy's own.
    `failed` are the ids of conditions that could not be worked out: a person decides then.
    """

    line: AskedLine
    right: Right
    law: LegalView
    values: Values
    looked: cel.Context
    by: dict[str, Rule] = field(default_factory=dict)
    exception: ExceptionRule | None = None
    fired: list[Fired] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    start: datetime = field(init=False)
    policy_end: datetime = field(init=False)
    end: datetime = field(init=False)

    def holds(self, text: str, name: str) -> bool:
        """Whether a condition holds for the line; one that cannot be worked out does not, and is remembered."""
        try:
            return holds(text, self.looked)
        except BadCondition:
            self.failed.append(name)
            return False

    def fire(self, kind: str, name: str, text: str = "") -> None:
        """Remembers that something of the policy held, with the values it looked at."""
        self.fired.append(Fired(kind, name, self.line.line_id, seen(text, self.values) if text else {}))


def look(question: Question, policy: Policy, laws: Laws) -> list[LineCase]:
    """Every line with its rules, exception and window."""
    found = []
    for line in question.lines:
        right = right_of(line.reason, question.order)
        values = values_of(question, line)
        looked = context(values, question.order.currency, question.order.exponent)
        one = LineCase(line, right, laws[right], values, looked)
        _apply_rules(one, policy.rule)
        one.exception = _exception(one, policy)
        _set_window(one, question, policy)
        found.append(one)
    return found


def exempt(question: Question, policy: Policy) -> bool:
    """Whether every line that is withdrawn from falls under a statutory exception that the policy claims.

    This is asked before the law is, because the law wants to know.
    """
    withdrawn = [line for line in question.lines if right_of(line.reason, question.order) is Right.WITHDRAWAL]
    claims = [one for one in policy.exception if one.statutory is not None]
    return bool(withdrawn) and all(_is_exempt(question, line, claims) for line in withdrawn)


def _is_exempt(question: Question, line: AskedLine, claims: Sequence[ExceptionRule]) -> bool:
    if not claims:
        return False
    looked = context(values_of(question, line), question.order.currency, question.order.exponent)
    for one in claims:
        try:
            if line.reason in one.reasons and holds(one.when, looked):
                return True
        except BadCondition:
            continue
    return False


def _apply_rules(one: LineCase, rules: Sequence[Rule]) -> None:
    for rule in rules:
        new = rule.sets - one.by.keys()
        if new and one.line.reason in rule.reasons and one.holds(rule.when, rule.id):
            one.by.update(dict.fromkeys(new, rule))
            one.fire("rule", rule.id, rule.when)


def _exception(one: LineCase, policy: Policy) -> ExceptionRule | None:
    for exception in policy.exception:
        if one.line.reason in exception.reasons and one.holds(exception.when, exception.id):
            one.fire("exception", exception.id, exception.when)
            return exception
    return None


def _set_window(one: LineCase, question: Question, policy: Policy) -> None:
    """The policy's window ends with a day of the customer's country; the law's own end is never before it."""
    order = question.order
    delivered = policy.window.starts is WindowStart.DELIVERED
    one.start = window_start(order, one.line.line_id) if delivered else order.placed_at
    rule = one.by.get("window_days")
    days = policy.window.days_for(one.line.reason)
    if rule is not None and rule.window_days is not None:
        days = rule.window_days
    one.policy_end = add_days(order.country, one.start, days, order.region, roll=False)
    one.end = one.policy_end
    if money_right(one, question) and one.law.statutory_until is not None:
        one.end = max(one.policy_end, one.law.statutory_until)


def money_right(one: LineCase, question: Question) -> bool:
    """Whether the customer can have the money by law whatever the policy's window says.

    Withdrawal while it is alive with a known end (without one nobody knows of the delivery, and a person looks);
    non-delivery unless the store shows a delivery (a person looks into that); faulty goods while they can be rejected
    at once (UK).
    """
    law = one.law
    if not law.alive:
        return False
    if one.right is Right.NON_CONFORMITY:
        return law.reject_until is not None and question.declared_at <= law.reject_until
    if one.right is Right.NON_DELIVERY:
        return not any(parcel.delivered_at for parcel in question.order.fulfilments)
    return law.statutory_until is not None


def in_policy_time(one: LineCase, question: Question) -> bool:
    """Whether the request came in the policy's own window."""
    return question.declared_at <= one.policy_end
