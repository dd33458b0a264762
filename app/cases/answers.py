"""Turns what is known of a case into what the API answers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.api import MoneyOut
from app.cases import legal
from app.cases.allowed import allowed_actions
from app.cases.claims import Claim
from app.cases.models import Case
from app.cases.queries import CaseFacts
from app.cases.schemas import (
    CaseLineOut,
    CaseOut,
    CiteOut,
    ClaimOut,
    CreditOut,
    DueOut,
    GateOut,
    LegalOut,
    SurchargeOut,
    TrackingOut,
)
from app.cases.service import view_of
from app.cases.vocabulary import Hold, Reason, Remedy, Route, State
from app.ledger.models import CreditStatus, SupplierCredit
from app.money import Money
from app.orders.schemas import ref_of
from app.policy.law.model import Surcharge
from app.policy.schemas import decision_out
from app.refunds.schemas import RefundOut
from app.remedies.schemas import ReplacementOut
from app.timers.models import TimerKind


def case_out(facts: CaseFacts) -> CaseOut:
    """The case as it answers."""
    case = facts.case
    return CaseOut(
        id=case.id,
        reference=case.reference,
        state=State(case.state),
        store=case.store,
        supplier=case.supplier,
        order=ref_of(facts.order),
        request_id=case.request_id,
        route=Route(case.route) if case.route else None,
        remedy=Remedy(case.remedy),
        reasons=list(dict.fromkeys(Reason(line.reason) for line in case.lines)),
        lines=_lines(case),
        rma_number=case.rma_number,
        return_address=case.return_address,
        instructions=case.instructions,
        tracking=[TrackingOut.model_validate(parcel) for parcel in case.tracking],
        gate=GateOut.model_validate(case.gate) if case.gate else None,
        holds=[Hold(kind) for kind in case.holds],
        allowed_actions=allowed_actions(view_of(case)),
        needs_attention=bool(case.attention),
        attention=list(case.attention),
        attention_why=list(facts.why),
        due=DueOut(kind=TimerKind(facts.due[0]), at=facts.due[1]) if facts.due else None,
        refunds=[RefundOut.of(one.refund, one.attempts, ref_of(one.order)) for one in facts.refunds],
        replacements=[
            ReplacementOut.of(one.replacement, one.attempts, ref_of(one.order)) for one in facts.replacements
        ],
        credit=_credit(facts.credit) if facts.credit else None,
        claim=_claim(facts.claim, facts.wanted) if facts.claim else None,
        legal=_legal(case, facts.at),
        decision=decision_out(*facts.decision, titles_of(case)) if facts.decision else None,
        policy_version=case.policy_version,
        law_version=case.law_version,
        created_at=case.created_at,
        updated_at=case.updated_at,
    )


def titles_of(case: Case) -> dict[str, str]:
    """The articles' titles by line id, for sentences."""
    return {line.line_id: line.title for line in case.lines}


def _lines(case: Case) -> list[CaseLineOut]:
    return [
        CaseLineOut(
            line_id=line.line_id,
            sku=line.sku,
            title=line.title,
            quantity=line.requested,
            reason=Reason(line.reason),
            note=line.note,
            condition=line.condition,
            requested=line.requested,
            approved=line.approved,
            shipped=line.shipped,
            received=line.received,
            accepted=line.accepted,
            refunded=line.refunded,
            external=line.external,
            replaced=line.replaced,
            variant_id=line.variant_id,
            variant_title=line.variant_title,
        )
        for line in case.lines
    ]


def _credit(credit: SupplierCredit) -> CreditOut:
    known = credit.currency is not None and credit.exponent is not None and credit.amount is not None
    zero = Money.zero(credit.currency or "", credit.exponent or 0)
    return CreditOut(
        supplier=credit.supplier,
        status=CreditStatus(credit.status),
        amount=MoneyOut.of(zero.with_minor(credit.amount or 0)) if known else None,
        paid=MoneyOut.of(zero.with_minor(credit.paid)) if known else None,
        reference=credit.reference,
        ahead_of_supplier=credit.ahead_of_supplier,
        expected_at=credit.expected_at,
        paid_at=credit.paid_at,
    )


def _claim(claim: Claim, wanted: Sequence[str]) -> ClaimOut:
    told = "Filed after the supplier's last day" if claim.filed_at else "Not filed by the supplier's last day"
    note = f"{told}: what it does not pay is the merchant's cost." if claim.late else None
    return ClaimOut(
        last_day=claim.last_day,
        days_left=claim.days_left,
        counted_from=claim.counted_from,
        filed_at=claim.filed_at,
        late=claim.late,
        missing_evidence=list(wanted),
        note=note,
    )


def _legal(case: Case, at: datetime) -> LegalOut | None:
    dates = legal.dates_of(case)
    if dates is None:
        return None
    first, late = dates.next, legal.surcharge_of(dates, at)
    return LegalOut(
        due_at=case.legal_due_at,
        due_start=first.due_start if first else None,
        waits_for=list(dict.fromkeys(start for one in dates.rights for start in one.waits_for)),
        alive=case.right_alive,
        statutory_until=case.statutory_until,
        law_version=dates.version,
        cites=[
            CiteOut(right=one.right, **{name: getattr(cite, name) for name in _CITED})
            for one in dates.rights
            for cite in one.cites
        ],
        conflict=[Hold(hold) for hold in legal.standing(case, dates, at)],
        surcharge=_surcharge(late) if late else None,
    )


_CITED = ("law", "rule", "article", "confidence", "value", "sets")


def _surcharge(late: Surcharge) -> SurchargeOut:
    return SurchargeOut(
        amount=MoneyOut.of(late.amount),
        percent=late.percent,
        days_late=late.days_late,
        legal_rate=late.legal_rate is not None,
        next_day=late.next_day,
        next_percent=late.next_percent,
        articles=list(dict.fromkeys(f"{cite.law}: {cite.article}" for cite in late.cites)),
    )
