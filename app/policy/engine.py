"""Decides a request by a policy and the law. Pure: the same question, policy and law give the same decision.

First what always needs a person, then each line's own verdict (rules, exceptions, window), then evidence, then limits.
A refusal stands only where no legal right is alive; whatever else the law forbids is replaced by what it allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.cases.vocabulary import Remedy, Route
from app.money import Money
from app.policy import costs, routes, wanted
from app.policy.decision import DecidedLine, Decision, LawFigures, Note, Value
from app.policy.facts import Laws, due_of, statutory_until, version_of
from app.policy.files import PolicyFile
from app.policy.law.calendar import local_day
from app.policy.law.model import Payer, Right
from app.policy.lines import LineCase, in_policy_time, look, money_right
from app.policy.model import Policy
from app.policy.question import Question
from app.policy.terms import Late, Outcome

# Fewer orders say nothing about a customer: one return of one order is 100 per cent.
_ORDERS_FOR_A_SHARE = 3


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What one line says for itself; `firm` approvals skip evidence and limits."""

    outcome: Outcome
    why: Note
    corrected: tuple[Note, ...] = ()
    firm: bool = False


def decide(question: Question, file: PolicyFile, laws: Laws) -> Decision:
    """The decision. `laws` holds the view of every right that the lines rest on (`facts.facts_of`, `assess_all`)."""
    policy = file.policy
    looked = look(question, policy, laws)
    verdicts = [_verdict(one, question, policy) for one in looked]
    way_back, moved_costs = costs.way_back_of(looked, policy)
    fee = costs.fee_of(looked, question, policy)
    remedy, credited = _remedy(looked, question, policy)
    offered = _offered(looked, policy)
    chosen = routes.choose(looked, question, policy, way_back, fee.kept)
    if remedy is Remedy.KEEP_ITEM:
        chosen = routes.Chosen(Route.RETURNLESS, "keep_item")
    missing, not_insisted = wanted.evidence(looked, question, policy)
    goods_move = chosen.route in (Route.RETURN, Route.LOCAL)
    told, unboxed = wanted.conditions(looked, policy) if goods_move else ((), [])
    doubts = [*_doubts(question), *_choice(question, remedy, offered), *_failures(looked), *wanted.worn(looked, policy)]
    outcome, why = _outcome(question, policy, verdicts, doubts, bool(missing))
    if outcome is Outcome.APPROVE:
        why = [*_route_why(chosen), *_credit_why(question, remedy), *why]
    kept = fee.kept if goods_move else 0
    order = question.order
    return Decision(
        outcome=outcome,
        route=chosen.route,
        remedy=remedy,
        lines=tuple(_line(one, question, policy) for one in looked),
        currency=order.currency,
        exponent=order.exponent,
        value=sum(one.line.value for one in looked),
        fee=kept,
        way_back=way_back,
        policy_version=file.version,
        law_version=version_of(laws) or None,
        decided_at=question.now,
        window_end=min((one.end for one in looked), default=None),
        evidence=missing if outcome is Outcome.EVIDENCE else (),
        conditions=told,
        remedies=offered,
        why=tuple(why),
        corrected=_unique(
            [note for verdict in verdicts for note in verdict.corrected]
            + [*(fee.corrected if goods_move else []), *moved_costs, *not_insisted, *unboxed, *credited]
        ),
        merchant_cost=tuple(costs.merchant_cost(looked, question, policy, chosen.route, way_back)),
        fired=tuple(fired for one in looked for fired in one.fired),
        arithmetic=(*(fee.steps if goods_move else ()), *chosen.steps),
        law=_figures(looked, laws, question),
    )


def _outcome(
    question: Question, policy: Policy, verdicts: Sequence[_Verdict], doubts: list[Note], missing: bool
) -> tuple[Outcome, list[Note]]:
    outcomes = {verdict.outcome for verdict in verdicts}
    reasons = [verdict.why for verdict in verdicts]
    if doubts:
        return Outcome.OPERATOR, [*doubts, *(one.why for one in verdicts if one.outcome is not Outcome.APPROVE)]
    if Outcome.OPERATOR in outcomes:
        return Outcome.OPERATOR, [one.why for one in verdicts if one.outcome is Outcome.OPERATOR]
    if len(outcomes) > 1:
        return Outcome.OPERATOR, [Note("mixed_outcomes"), *reasons]
    if outcomes == {Outcome.REJECT}:
        return Outcome.REJECT, reasons
    if all(verdict.firm for verdict in verdicts):
        return Outcome.APPROVE, reasons
    if missing:
        return Outcome.EVIDENCE, [Note("evidence_missing")]
    limits = _limits(question, policy)
    return (Outcome.OPERATOR, limits) if limits else (Outcome.APPROVE, list(_unique(reasons)))


def _verdict(one: LineCase, question: Question, policy: Policy) -> _Verdict:
    corrected: list[Note] = []
    line = one.line.line_id
    rule = one.by.get("outcome")
    if rule is not None and rule.outcome is not None:
        why = Note("rule", {"rule": rule.id, "outcome": str(rule.outcome), "line": line})
        if rule.outcome is not Outcome.REJECT or _may_reject(one):
            return _Verdict(rule.outcome, why, firm=rule.outcome is Outcome.APPROVE)
        corrected.append(Note("reject_not_allowed", {"rule": rule.id, "line": line}))
    exception = one.exception
    if exception is not None:
        why = Note("exception", {"exception": exception.id, "line": line})
        if exception.outcome is Late.OPERATOR:
            return _Verdict(Outcome.OPERATOR, why, tuple(corrected))
        if _may_reject(one):
            return _Verdict(Outcome.REJECT, why)
        corrected.append(Note("exception_not_legal", {"exception": exception.id, "line": line}))
    return _by_window(one, question, policy, corrected)


def _by_window(one: LineCase, question: Question, policy: Policy, corrected: list[Note]) -> _Verdict:
    order = question.order
    line, day = one.line.line_id, f"{local_day(order.country, one.end, order.region)}"
    if in_policy_time(one, question):
        return _Verdict(Outcome.APPROVE, Note("in_window", {"line": line, "day": day}), tuple(corrected))
    if money_right(one, question):
        corrected.append(Note("window_kept_open", {"line": line, "day": day}))
        return _Verdict(Outcome.APPROVE, Note("kept_by_law", {"line": line, "day": day}), tuple(corrected))
    late: dict[str, Value] = {
        "line": line,
        "day": f"{local_day(order.country, one.policy_end, order.region)}",
    }
    if one.law.alive:
        until = one.law.statutory_until
        if until is not None:
            late["until_day"] = f"{local_day(order.country, until, order.region)}"
        open_end = "past_window_lost" if one.right is Right.NON_DELIVERY else "past_window_not_delivered"
        code = "past_window_law_alive" if until else open_end
        return _Verdict(Outcome.OPERATOR, Note(code, late), tuple(corrected))
    rejected = policy.window.late is Late.REJECT and _may_reject(one)
    return _Verdict(Outcome.REJECT if rejected else Outcome.OPERATOR, Note("past_window", late), tuple(corrected))


def _may_reject(one: LineCase) -> bool:
    """No right is alive. Where no pack knows the right, only second thoughts are refused without a person."""
    return not one.law.alive and (one.law.covered or one.right is Right.WITHDRAWAL)


def _doubts(question: Question) -> list[Note]:
    """What always needs a person, whatever the policy says."""
    order, found = question.order, []
    if question.supplier is None:
        found.append(Note("no_supplier"))
    if question.asked_by_hand:
        found.append(Note("evidence_arrived"))
    if question.held:
        found.append(Note("held"))
    if order.captured <= 0:
        found.append(Note("not_captured"))
    if order.disputed or order.charged_back:
        found.append(Note("chargeback"))
    for line in question.lines:
        if line.quantity > line.free:
            values: dict[str, Value] = {"line": line.line_id, "asked": line.quantity, "free": max(0, line.free)}
            found.append(Note("not_free", values))
        bought = order.line(line.line_id)
        if bought is not None and bought.gift_card:
            found.append(Note("gift_card", {"line": line.line_id}))
    return found


def _choice(question: Question, remedy: Remedy, offered: Sequence[Remedy]) -> list[Note]:
    """What is wrong with the remedy that was asked for: the policy does not offer it, or it lacks its variant."""
    if remedy is not Remedy.REFUND and remedy not in offered:
        return [Note("remedy_asked", {"remedy": str(remedy)})]
    bare = [line for line in question.lines if line.variant is None]
    if remedy is Remedy.EXCHANGE and bare:
        return [Note("variant_missing", {"line": bare[0].line_id})]
    return []


def _failures(looked: Sequence[LineCase]) -> list[Note]:
    names = dict.fromkeys(name for one in looked for name in one.failed)
    return [Note("condition_failed", {"rule": name}) for name in names]


def _limits(question: Question, policy: Policy) -> list[Note]:
    """Limits of value and of frequency; beyond them a person decides."""
    order, history, abuse = question.order, question.history, policy.abuse
    found = []
    value = sum(line.value for line in question.lines)
    if policy.approve.up_to:
        limit = policy.approve.up_to.minor(order.currency, order.exponent)
        if limit is None:
            found.append(Note("no_limit_for_currency", {"currency": order.currency}))
        elif value > limit:
            found.append(Note("above_limit", {"value_minor": value, "limit_minor": limit}))
    if abuse.cases is not None and history.cases >= abuse.cases:
        found.append(Note("abuse_cases", {"cases": history.cases, "limit": abuse.cases}))
    most = abuse.refunded.minor(order.currency, order.exponent)
    if most is not None and history.refunded >= most:
        found.append(Note("abuse_refunded", {"refunded_minor": history.refunded, "limit_minor": most}))
    share = abuse.refunded_percent
    if share is not None and history.orders >= _ORDERS_FOR_A_SHARE and history.refunded * 100 > share * history.spent:
        percent = history.refunded * 100 // max(1, history.spent)
        found.append(Note("abuse_percent", {"percent": percent, "limit": f"{share.normalize():f}"}))
    return found


def _remedy(looked: Sequence[LineCase], question: Question, policy: Policy) -> tuple[Remedy, list[Note]]:
    """Credit instead of money only where the law leaves the choice to the merchant."""
    credited = [one for one in looked if one.line.reason in policy.remedies.store_credit_only]
    if question.remedy is not Remedy.REFUND or not credited:
        return question.remedy, []
    if any(_money_is_due(one) for one in credited):
        return Remedy.REFUND, [Note("credit_not_only")]
    return Remedy.STORE_CREDIT, []


def _money_is_due(one: LineCase) -> bool:
    law = costs.bound_by(one)
    return law is not None and law.alive and law.cash


def _offered(looked: Sequence[LineCase], policy: Policy) -> tuple[Remedy, ...]:
    """What the policy offers for these lines: money where the law gives it, and nothing to keep that never came."""
    kept = all(
        one.line.reason in policy.remedies.keep_item_reasons and one.right is not Right.NON_DELIVERY for one in looked
    )
    offered = tuple(one for one in policy.remedies.offered if kept or one is not Remedy.KEEP_ITEM)
    money = any(_money_is_due(one) for one in looked)
    credited = any(one.line.reason in policy.remedies.store_credit_only for one in looked)
    if credited and not money and Remedy.STORE_CREDIT not in offered:
        offered = (*offered, Remedy.STORE_CREDIT)
    if Remedy.REFUND not in offered and (money or not offered):
        return (Remedy.REFUND, *offered)
    return offered


def _credit_why(question: Question, remedy: Remedy) -> list[Note]:
    return [Note("credit_only")] if remedy is not question.remedy else []


def _route_why(chosen: routes.Chosen) -> list[Note]:
    told = chosen.why.startswith("returnless") or chosen.why == "keep_item"
    return [Note(chosen.why.replace(".", "_"))] if told else []


def _line(one: LineCase, question: Question, policy: Policy) -> DecidedLine:
    return DecidedLine(
        line_id=one.line.line_id,
        quantity=one.line.quantity,
        reason=one.line.reason,
        value=one.line.value,
        route=routes.line_route(one, question, policy),
        window_start=one.start,
        window_end=one.end,
        in_time=question.declared_at <= one.end or money_right(one, question),
    )


def _figures(looked: Sequence[LineCase], laws: Laws, question: Question) -> LawFigures | None:
    if not looked:
        return None
    order = question.order
    due = due_of(laws)
    limits = []
    for right, law in laws.items():
        value = sum(one.line.value for one in looked if one.right is right)
        limits.append(law.fee.of(Money(value, order.currency, order.exponent), question.fee_kept))
    told = [limit for limit in limits if limit is not None]
    views = list(laws.values())
    return LawFigures(
        alive=any(law.alive for law in views),
        until=statutory_until(laws),
        due_at=due.due_at if due else None,
        fee_at_most=sum(told) if len(told) == len(limits) else None,
        way_back=Payer.MERCHANT if any(law.way_back is Payer.MERCHANT for law in views) else Payer.CUSTOMER,
        refund_all=any(law.refund_all for law in views),
        outbound_shipping=any(law.outbound_shipping for law in views),
        cash=any(law.cash for law in views),
        covered=all(law.covered for law in views),
        zone=views[0].zone,
        forbids=tuple(sorted({str(one) for law in views for one in law.forbids})),
        cites=tuple(dict.fromkeys(cite for law in views for cite in law.cites)),
    )


def _unique(notes: Sequence[Note]) -> tuple[Note, ...]:
    found: list[Note] = []
    for note in notes:
        if note not in found:
            found.append(note)
    return tuple(found)
