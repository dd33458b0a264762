"""Asks the policy about a stored case, and keeps what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.cases import trail
from app.cases.models import Case, CaseLine
from app.cases.vocabulary import Event, Reason, Remedy, Route, State
from app.db.work import Work
from app.money import units_share
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import Line, OrderSnapshot
from app.policy import history, store
from app.policy.decision import Decision, Note
from app.policy.engine import decide as decide_by
from app.policy.facts import assess_all, facts_of, version_of
from app.policy.files import PolicyFile
from app.policy.law.assess import assess
from app.policy.lines import exempt
from app.policy.question import AskedLine, Question, SupplierTerms, window_start
from app.policy.terms import Outcome
from app.policy.words import evidence_wanted, language_of, refusal, why_in_words
from app.refunds import service as refunds
from app.refunds.states import RESERVED
from app.requests.models import ReturnRequest
from app.settings_supplier import SupplierSettings

_UNDECIDED = {State.REQUESTED, State.EVIDENCE_NEEDED, State.UNDER_REVIEW}
_GAVE_UP = {State.REJECTED, State.CANCELLED, State.EXPIRED, State.SUPERSEDED}


@dataclass(frozen=True, slots=True)
class Ruling:
    """The event that the policy applies to the case, with its data and who decided."""

    event: Event
    data: Mapping[str, Any]
    actor: str


async def decide(work: Work, case: Case) -> Ruling:
    """What the case's pinned policy and law say to a case in `requested`; the decision is kept.

    Evidence that was added is decided by the version that the case was opened with, whatever was written since.
    """
    order = await work.session.get_one(Order, case.order_pk)
    file, decision = await consider(work, case, order)
    seq = await store.keep(work, case.id, decision, applied=True)
    return _ruling(work, case, order, file, decision, seq)


def deferred(ruling: Ruling, because: str) -> Ruling:
    """The same left to the operator, where the machine does not allow what the policy wants."""
    return Ruling(Event.POLICY_DEFERRED, {**ruling.data, "reason": because}, ruling.actor)


async def advise(work: Work, case: Case) -> None:
    """Pins a reopened case to the newest policy and law, and keeps what they say as advice for the operator."""
    order = await work.session.get_one(Order, case.order_pk)
    case.policy_version, case.law_version = (await store.pin(work, case.store)).version, None
    _, decision = await consider(work, case, order)
    told = replace(decision, why=(Note("reopened"), *decision.why))
    await store.keep(work, case.id, told, applied=False)


async def consider(
    work: Work,
    case: Case,
    order: Order,
    units: Mapping[str, int] | None = None,
    remedy: Remedy | None = None,
) -> tuple[PolicyFile, Decision]:
    """The policy of the case and what it says now; nothing is kept. `units` asks for fewer units of some lines, and
    `remedy` for another remedy than the case has.
    """
    file = await store.version(work, case.policy_version)
    readable = file is not None
    if file is None:
        file = await store.pin(work, case.store)
    question = await question_of(work, case, order, units)
    if remedy is not None:
        question = replace(question, remedy=remedy)
    declared_at, progress = await trail.progress(work, case)
    reasons = [line.reason for line in question.lines]
    facts = facts_of(question.order, reasons, declared_at, file.policy, progress, exempt(question, file.policy))
    laws = assess_all(facts, lambda one: assess(one, case.law_version))
    case.law_version = case.law_version or version_of(laws) or None
    decision = decide_by(question, file, laws)
    if not readable:
        doubts = (Note("policy_unreadable"), *decision.why)
        decision = replace(decision, outcome=Outcome.OPERATOR, why=doubts, evidence=())
    return file, decision


async def is_exempt(work: Work, case: Case, order: Order) -> bool:
    """Whether the case's policy claims a statutory exception for all that is withdrawn from."""
    return exempt(await question_of(work, case, order), (await policy_of(work, case)).policy)


async def policy_of(work: Work, case: Case) -> PolicyFile:
    """The policy that the case is pinned to, else the store's present one."""
    return await store.version(work, case.policy_version) or await store.pin(work, case.store)


async def route_of(work: Work, case: Case, order: Order, units: Mapping[str, int]) -> tuple[Route, dict[str, str]]:
    """The route that the policy takes for these units, and the local centre's address where it is `local`."""
    file, decision = await consider(work, case, order, units)
    return decision.route, dict(file.policy.local.address)


async def question_of(work: Work, case: Case, order: Order, units: Mapping[str, int] | None = None) -> Question:
    """The case as the policy sees it."""
    snapshot = orders.snapshot_of(order)
    request = await work.session.get_one(ReturnRequest, case.request_id)
    free = await free_units(work, order, without=case.id)
    damage = await history.recent_damage(work, case)
    lines = [
        _asked(snapshot, line, asked, free.get(line.line_id, 0), damage.get(line.line_id, 0))
        for line in case.lines
        if (asked := line.requested if units is None else units.get(line.line_id, 0)) > 0
    ]
    return Question(
        order=snapshot,
        lines=lines,
        remedy=Remedy(case.remedy),
        supplier=terms_of(case.supplier, work.settings.suppliers.get(case.supplier or ""), snapshot),
        declared_at=request.created_at,
        now=work.now,
        history=await history.of_customer(work, order, without=case.id),
        evidence=await history.evidence(work, case.id),
        asked_by_hand=await history.asked_by_hand(work, case.id),
        fee_kept=await history.fee_kept(work, order.id, without=case.id),
        held=bool(case.holds),
    )


def _asked(snapshot: OrderSnapshot, line: CaseLine, units: int, free: int, damage: int) -> AskedLine:
    value = value_of(snapshot.line(line.line_id), units)
    return AskedLine(line.line_id, units, Reason(line.reason), value, free, line.condition, damage, line.variant_id)


def value_of(bought: Line | None, units: int) -> int:
    """What so many units of a line cost the customer, in minor units; 0 for a line that the order does not have."""
    if bought is None or bought.quantity <= 0 or bought.total <= 0:
        return 0
    return units_share(bought.total, bought.quantity, 0, min(units, bought.quantity))


def terms_of(key: str | None, supplier: SupplierSettings | None, order: OrderSnapshot) -> SupplierTerms | None:
    """A supplier's terms as the policy needs them. A limit in another currency than the order's is not converted."""
    if key is None or supplier is None:
        return None
    below = supplier.returnless_below
    same = supplier.currency in (None, order.currency)
    return SupplierTerms(
        key=key,
        requires_rma=supplier.requires_rma,
        requires_goods=supplier.requires_goods,
        claim_window_days=supplier.claim_window_days,
        returnless_below=int(below * Decimal(10) ** order.exponent) if below is not None and same else None,
        cost_ratio=supplier.cost_ratio,
    )


def _ruling(work: Work, case: Case, order: Order, file: PolicyFile, decision: Decision, seq: int) -> Ruling:
    """The machine's event for a decision. Texts for people are in their language; the decision itself has none."""
    snapshot = orders.snapshot_of(order)
    titles = {line.line_id: line.title for line in case.lines}
    language = language_of(snapshot.locale or work.settings.stores[case.store].locale)
    actor = f"policy:{decision.policy_version}"
    starts = {line.line_id: window_start(snapshot, line.line_id).isoformat() for line in case.lines}
    told = {"decision": seq, "window_start": starts}
    if decision.outcome is Outcome.APPROVE:
        reason = why_in_words(decision, "en", file.policy, titles)
        local = dict(file.policy.local.address) if decision.route is Route.LOCAL else None
        data = {"route": decision.route, "remedy": decision.remedy, "reason": reason, "return_address": local}
        return Ruling(Event.APPROVED, {**data, **told}, actor)
    if decision.outcome is Outcome.EVIDENCE:
        items = list(evidence_wanted(decision, language, file.policy))
        return Ruling(Event.POLICY_NEEDS_EVIDENCE, {"items": items, **told}, actor)
    if decision.outcome is Outcome.REJECT:
        return Ruling(Event.REJECTED, {"reason": refusal(decision, language, file.policy, titles), **told}, actor)
    return Ruling(Event.POLICY_DEFERRED, {"reason": why_in_words(decision, "en", file.policy, titles), **told}, actor)


async def free_units(work: Work, order: Order, without: UUID) -> dict[str, int]:
    """Units of each line that nobody has refunded and no live case other than `without` asks for."""
    free = {line.line_id: line.quantity for line in orders.snapshot_of(order).lines}
    ours = {refund.id for refund in await refunds.of_order(work, order.id) if refund.status in RESERVED}
    external = orders.external_of(await orders.observed(work, order.id), ours)
    for line_id, units in external.lines.items():
        free[line_id] = free.get(line_id, 0) - units
    statement = (
        select(Case.state, CaseLine)
        .join(CaseLine, CaseLine.case_id == Case.id)
        .where(Case.order_pk == order.id, Case.id != without, Case.state.not_in([str(one) for one in _GAVE_UP]))
    )
    for state, line in await work.session.execute(statement):
        claimed = line.requested if state in _UNDECIDED else line.approved
        free[line.line_id] = free.get(line.line_id, 0) - max(0, claimed - line.external)
    return free
