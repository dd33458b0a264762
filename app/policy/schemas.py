"""Decisions as the API answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from app.api import MoneyOut
from app.cases.vocabulary import Reason, Remedy, Route
from app.money import Money
from app.policy.decision import Decision, Step
from app.policy.files import PolicyFile
from app.policy.law.model import Payer
from app.policy.models import DecisionRow
from app.policy.terms import EvidenceKind, Outcome
from app.policy.words import Explanation, explain

Language = Literal["en", "fr", "he"]
_SENTENCES = ["Lamp: the request came within the window, which ends on December 13, 2026."]


class WordsOut(BaseModel):
    """The decision in plain words."""

    language: Language = Field(examples=["en"])
    outcome: str = Field(examples=["The request is approved. The goods go back to the supplier."])
    why: list[str] = Field(examples=[_SENTENCES])
    corrected: list[str] = Field(description="What the policy wanted and the law forbids.", examples=[[]])
    cost: list[str] = Field(description="What stays with the merchant.", examples=[["The merchant pays the way back."]])
    arithmetic: list[str] = Field(examples=[["Value of the goods: €59.90"]])
    law: list[str] = Field(examples=[["A legal right is alive until November 27, 2026."]])
    evidence: list[str] = Field(description="What is still wanted.", examples=[["A photo of the damage"]])
    condition: list[str] = Field(examples=[["Please use the original packaging if you still have it."]])


class WantedOut(BaseModel):
    """Evidence that is still missing."""

    item: str = Field(examples=["photo_of_damage"])
    kind: EvidenceKind = Field(examples=["photo"])
    count: int = Field(examples=[1])


class FiredOut(BaseModel):
    """A rule that held, and the values that its condition looked at (amounts in minor units)."""

    kind: str = Field(examples=["rule"])
    rule: str = Field(examples=["cheap-lamps"])
    line_id: str | None = Field(examples=["12695210000533"])
    values: dict[str, str | int | bool] = Field(examples=[{"line.value": 1990}])


class StepOut(BaseModel):
    """One step of the arithmetic: an amount, or a number."""

    name: str = Field(examples=["value"])
    amount: MoneyOut | None
    number: str | None = Field(examples=["10"])


class DecidedLineOut(BaseModel):
    """One line with its window."""

    line_id: str = Field(examples=["12695210000533"])
    quantity: int = Field(examples=[1])
    reason: Reason = Field(examples=["defective"])
    value: MoneyOut
    window_start: datetime
    window_end: datetime = Field(description="By the policy or by law, whichever is later.")
    in_time: bool = Field(examples=[True])


class DecisionOut(BaseModel):
    """What the policy and the law said, with everything needed to say why."""

    seq: int = Field(description="Within the case.", examples=[1])
    at: datetime
    applied: bool = Field(
        description="False: advice to the operator, after the case was opened again.", examples=[True]
    )
    outcome: Outcome = Field(examples=["approve"])
    route: Route = Field(examples=["return"])
    remedy: Remedy = Field(examples=["refund"])
    remedies: list[Remedy] = Field(description="What the policy offers.", examples=[["refund", "replacement"]])
    value: MoneyOut
    fee: MoneyOut = Field(description="Kept of the refund.")
    way_back: Payer = Field(description="Who pays it.", examples=["customer"])
    window_end: datetime | None
    lines: list[DecidedLineOut]
    evidence: list[WantedOut]
    fired: list[FiredOut]
    arithmetic: list[StepOut]
    statutory_until: datetime | None = Field(description="Until when a legal right can be declared.")
    legal_due_at: datetime | None = Field(description="When a refund is due by law, as far as it was known then.")
    policy_version: str = Field(examples=["default@1+70c82f00c958"])
    law_version: str | None = Field(examples=["eu@2026-11-21+eu-fr@2026-11-21"])
    words: WordsOut


def decision_out(
    row: DecisionRow, file: PolicyFile | None, titles: Mapping[str, str], language: Language = "en"
) -> DecisionOut:
    """A stored decision with its words. `file` is the policy that it was decided by."""
    decision = Decision.from_json(row.data)
    zero = Money.zero(decision.currency, decision.exponent)

    def money(minor: int) -> MoneyOut:
        return MoneyOut.of(zero.with_minor(minor))

    return DecisionOut(
        seq=row.seq,
        at=row.at,
        applied=row.applied,
        outcome=decision.outcome,
        route=decision.route,
        remedy=decision.remedy,
        remedies=list(decision.remedies),
        value=money(decision.value),
        fee=money(decision.fee),
        way_back=decision.way_back,
        window_end=decision.window_end,
        lines=[
            DecidedLineOut(
                line_id=line.line_id,
                quantity=line.quantity,
                reason=line.reason,
                value=money(line.value),
                window_start=line.window_start,
                window_end=line.window_end,
                in_time=line.in_time,
            )
            for line in decision.lines
        ],
        evidence=[WantedOut(item=one.item, kind=one.kind, count=one.count) for one in decision.evidence],
        fired=[
            FiredOut(kind=one.kind, rule=one.rule, line_id=one.line_id, values=dict(one.values))
            for one in decision.fired
        ],
        arithmetic=_steps(decision.arithmetic, money),
        statutory_until=decision.law.until if decision.law else None,
        legal_due_at=decision.law.due_at if decision.law else None,
        policy_version=row.policy_version,
        law_version=row.law_version,
        words=_words(explain(decision, language, file.policy if file else None, titles)),
    )


def _steps(steps: Sequence[Step], money: Callable[[int], MoneyOut]) -> list[StepOut]:
    return [
        StepOut(name=one.name, amount=money(one.minor) if one.minor is not None else None, number=one.number)
        for one in steps
    ]


def _words(said: Explanation) -> WordsOut:
    return WordsOut.model_validate(said, from_attributes=True)
