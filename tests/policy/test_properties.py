"""Whatever a policy says and whatever the law is: no policy lowers a legal floor."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.cases.vocabulary import Reason, Remedy, Route
from app.money import Money
from app.orders.snapshot import Line
from app.policy.decision import Decision
from app.policy.engine import decide
from app.policy.facts import right_of
from app.policy.files import PolicyFile
from app.policy.law.model import FeeCap, FeeLimit, Forbidden, LegalView, Payer, Right
from app.policy.model import Policy
from app.policy.question import AskedLine, History, Present, Question, SupplierTerms
from app.policy.terms import Outcome
from app.policy.words import LANGUAGES, explain
from tests.policy.kit import NOW, order

REASONS = st.sampled_from(Reason)
SETS = st.sets(REASONS).map(lambda found: sorted(found))
AMOUNT = st.integers(0, 20_000).map(lambda minor: {"EUR": f"{minor / 100:.2f}"})
CONDITIONS = st.sampled_from(
    ["true", "false", 'line.value > amount("30.00")', "line.days_since_start > 14", 'order.country == "FR"',
     "customer.cases > 2", "line.value / customer.cases > 3", 'line.sku.startsWith("L") && request.photos == 0']
)  # fmt: skip


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


RULES = st.fixed_dictionaries(
    {
        "when": CONDITIONS,
        "reasons": SETS,
        "outcome": maybe(st.sampled_from(["approve", "reject", "operator"])),
        "route": maybe(st.sampled_from(Route)),
        "window_days": maybe(st.integers(0, 60)),
        "fee_percent": maybe(st.integers(0, 100).map(str)),
        "way_back": maybe(st.sampled_from(Payer)),
    }
)
EXCEPTIONS = st.fixed_dictionaries(
    {"when": CONDITIONS, "reasons": SETS, "outcome": st.sampled_from(["operator", "reject"])}
)
EVIDENCE = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["photo", "answer"]),
        "count": st.integers(1, 3),
        "reasons": SETS,
        "when": maybe(CONDITIONS),
    }
)


def numbered(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**part, "id": f"n{index}"} for index, part in enumerate(parts)]


@st.composite
def policies(draw: st.DrawFn) -> PolicyFile:
    """Any policy at all, the unlawful ones above all."""
    content = {
        "name": "any",
        "version": "1",
        "window": {
            "days": draw(st.integers(0, 40)),
            "from": draw(st.sampled_from(["delivered", "placed"])),
            "late": draw(st.sampled_from(["operator", "reject"])),
        },
        "condition": {"expected": draw(st.sampled_from(["sealed", "any"])), "reasons": draw(SETS)},
        "packaging": {"original": draw(st.sampled_from(["required", "any"])), "reasons": draw(SETS)},
        "way_back": {"customer_pays": draw(SETS)},
        "restocking_fee": {
            "percent": str(draw(st.integers(0, 100))),
            "at_most": draw(st.just({}) | AMOUNT),
            "reasons": draw(SETS),
        },
        "routes": {"claim": draw(SETS)},
        "returnless": {"reasons": draw(SETS), "up_to": draw(AMOUNT), "cheaper_up_to": draw(AMOUNT)},
        "costs": {"freight": draw(AMOUNT), "handling": draw(AMOUNT)},
        "remedies": {"offered": ["store_credit"], "store_credit_only": draw(SETS)},
        "approve": {"up_to": draw(st.just({}) | AMOUNT)},
        "abuse": {"cases": draw(maybe(st.integers(1, 5)))},
        "exception": numbered(draw(st.lists(EXCEPTIONS, max_size=2))),
        "evidence": numbered(draw(st.lists(EVIDENCE, max_size=2))),
        "rule": numbered(draw(st.lists(RULES, max_size=3))),
    }
    return PolicyFile(Policy.model_validate(content), "any@1+000000000000", "", "any.toml")


@st.composite
def views(draw: st.DrawFn, right: Right) -> LegalView:
    """Any law."""
    percent = Decimal(draw(st.integers(0, 30)))
    alive = draw(st.booleans())
    until = NOW + timedelta(days=draw(st.integers(0, 400))) if alive else NOW - timedelta(days=draw(st.integers(1, 99)))
    caps = draw(st.just(()) | st.just((FeeCap(percent, (("EUR", "20.00"),)),)) | st.just((FeeCap(percent),)))
    return LegalView(
        version="any@1", laws=("any",), right=right, zone="Europe/Paris", covered=alive or draw(st.booleans()),
        alive=alive, statutory_until=draw(st.none() | st.just(until)), reject_until=None, send_back_until=None,
        due_at=None, due_start=None, waits_for=(), refund_all=draw(st.booleans()),
        outbound_shipping=draw(st.booleans()), fee=FeeLimit(caps), way_back=draw(st.sampled_from(Payer)),
        cash=draw(st.booleans()), cures=(), forbids=draw(st.frozensets(st.sampled_from(Forbidden))), cites=(),
        advisory=(),
    )  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> tuple[Question, PolicyFile, dict[Right, LegalView]]:
    """Any question, to any policy, under any law."""
    count = draw(st.integers(1, 3))
    goods = tuple(Line(str(n), "Lamp", 1, draw(st.integers(0, 9000)), sku="LAMP") for n in range(count))
    bought = order(*goods, delivered=draw(maybe(st.integers(0, 90))), country=draw(st.sampled_from(["FR", "IL", "US"])))
    lines = [
        AskedLine(
            line.line_id, 1, draw(REASONS), line.total, draw(st.integers(0, 1)), recent_damage=draw(st.integers(0, 9))
        )
        for line in goods
    ]
    terms = SupplierTerms(
        "acme",
        requires_goods=draw(maybe(st.booleans())),
        cost_ratio=draw(maybe(st.just(Decimal("0.4")))),
        claim_window_days=draw(maybe(st.integers(1, 30))),
    )
    question = Question(
        order=bought,
        lines=lines,
        remedy=draw(st.sampled_from([Remedy.REFUND, Remedy.REFUND, Remedy.REPLACEMENT])),
        supplier=draw(st.just(terms) | st.none()),
        declared_at=NOW,
        now=NOW + timedelta(days=draw(st.integers(0, 20))),
        history=History(cases=draw(st.integers(0, 6))),
        evidence=Present(draw(st.integers(0, 2)), draw(st.integers(0, 2))),
        held=draw(st.booleans()),
    )
    rights = {right_of(line.reason, bought) for line in lines}
    return question, draw(policies()), {right: draw(views(right)) for right in sorted(rights)}


@settings(max_examples=400, deadline=None)
@given(cases())
def test_no_policy_lowers_a_legal_floor(
    case: tuple[Question, PolicyFile, dict[Right, LegalView]],
) -> None:
    question, file, laws = case
    decision = decide(question, file, laws)
    alive = {right for right, law in laws.items() if law.alive}
    if decision.outcome is Outcome.REJECT:
        assert not alive
    binding = [law for right, law in laws.items() if law.alive or right is not Right.WITHDRAWAL]
    if any(law.way_back is Payer.MERCHANT for law in binding):
        assert decision.way_back is Payer.MERCHANT
    most = 0
    for right, law in laws.items():
        value = sum(line.value for line in question.lines if right_of(line.reason, question.order) is right)
        limit = law.fee.of(Money(value, "EUR", 2))
        if law not in binding or (limit is None and Forbidden.RESTOCKING_FEE not in law.forbids):
            most += value
        elif Forbidden.RESTOCKING_FEE not in law.forbids:
            most += limit or 0
    assert 0 <= decision.fee <= most
    for line in decision.lines:
        law = laws[right_of(line.reason, question.order)]
        if law.alive and law.right is Right.WITHDRAWAL and law.statutory_until is not None:
            assert line.window_end >= law.statutory_until
            assert line.in_time
    if any(law.alive and law.cash for law in laws.values()):
        assert Remedy.REFUND in decision.remedies
    if all(law.alive and law.cash for law in laws.values()) and question.remedy is Remedy.REFUND:
        assert decision.remedy is Remedy.REFUND
    if all(law.alive and Forbidden.REASON_REQUIRED in law.forbids for law in laws.values()):
        assert decision.outcome is not Outcome.EVIDENCE
    if all(law.alive and Forbidden.ORIGINAL_PACKAGING in law.forbids for law in laws.values()):
        assert "packaging:required" not in decision.conditions


@settings(max_examples=200, deadline=None)
@given(cases())
def test_a_decision_is_the_same_again_survives_json_and_can_be_said(
    case: tuple[Question, PolicyFile, dict[Right, LegalView]],
) -> None:
    question, file, laws = case
    decision = decide(question, file, laws)
    assert decide(question, file, laws) == decision
    assert Decision.from_json(json.loads(json.dumps(decision.to_json()))) == decision
    assert decision.why
    for language in LANGUAGES:
        said = explain(decision, language, file.policy, {line.line_id: "Lamp" for line in question.lines})
        assert "…" not in said.text()
        assert "{" not in said.text()


@settings(max_examples=200, deadline=None)
@given(cases())
def test_money_is_only_approved_where_nothing_is_in_doubt(
    case: tuple[Question, PolicyFile, dict[Right, LegalView]],
) -> None:
    question, file, laws = case
    decision = decide(question, file, laws)
    unwanted = question.remedy is not Remedy.REFUND and question.remedy not in decision.remedies
    in_doubt = question.held or question.supplier is None or unwanted
    short = any(line.quantity > line.free for line in question.lines)
    if in_doubt or short:
        assert decision.outcome is Outcome.OPERATOR
