"""Questions to put to a policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.cases.vocabulary import Reason, Remedy
from app.orders.snapshot import Fulfilment, Line, OrderSnapshot, Platform
from app.policy.decision import Decision
from app.policy.engine import decide
from app.policy.facts import assess_all, facts_of
from app.policy.files import PolicyFile, parse
from app.policy.law.assess import assess
from app.policy.lines import exempt
from app.policy.question import AskedLine, Question, SupplierTerms

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def policy(text: str = "") -> PolicyFile:
    """A policy of that text, beside its name and version."""
    return parse(f'name = "test"\nversion = "1"\n{text}', "test.toml")


def order(*lines: Line, delivered: int | None = 5, country: str | None = "FR", **more: Any) -> OrderSnapshot:
    """A paid order of one lamp at 59.90, delivered so many days ago (None: on its way)."""
    placed = NOW - timedelta(days=(5 if delivered is None else delivered) + 4)
    arrived = None if delivered is None else NOW - timedelta(days=delivered)
    goods = lines or (Line("1", "Lamp", 2, 11980, sku="LAMP-01", vendor="Acme"),)
    parcel = Fulfilment("f", "success", placed + timedelta(days=1), arrived)
    total = sum(line.total for line in goods)
    made = OrderSnapshot(
        Platform.SHOPIFY, "1", "#1", "EUR", 2, total, total, "paid", placed, NOW, goods, fulfilments=(parcel,),
        country=country,
    )  # fmt: skip
    return replace(made, **more)


def asked(reason: str = "changed_mind", line_id: str = "1", value: int = 5990, **more: Any) -> AskedLine:
    """One unit of a line, free, worth 59.90."""
    values: dict[str, Any] = {"quantity": 1, "free": 1, **more}
    return AskedLine(line_id, reason=Reason(reason), value=value, **values)


def question(*lines: AskedLine, of: OrderSnapshot | None = None, **more: Any) -> Question:
    """A request of today for a refund, of goods of Acme."""
    values: dict[str, Any] = {
        "remedy": Remedy.REFUND,
        "supplier": SupplierTerms("acme"),
        "declared_at": NOW,
        "now": NOW,
    }
    return Question(of or order(), lines or (asked(),), **{**values, **more})


def ruled(put: Question, file: PolicyFile | None = None) -> Decision:
    """The decision under the real law packs."""
    by = file or policy()
    reasons = [line.reason for line in put.lines]
    facts = facts_of(put.order, reasons, put.declared_at, by.policy, exempt=exempt(put, by.policy))
    return decide(put, by, assess_all(facts, assess))


def codes(decision: Decision) -> list[str]:
    """Why, as codes."""
    return [note.code for note in decision.why]


def corrected(decision: Decision) -> list[str]:
    """What the law changed, as codes."""
    return [note.code for note in decision.corrected]


def kept_back(decision: Decision) -> list[str]:
    """What stays with the merchant, as codes."""
    return [note.code for note in decision.merchant_cost]
