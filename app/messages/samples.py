"""Made-up facts for every kind of message: what a preview shows, and what a store's own wording is tried with. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from app.messages.facts import (
    TO_OPERATOR,
    TO_SUPPLIERS,
    Ask,
    CouponFacts,
    DigestCase,
    DigestFacts,
    MessageFacts,
    MessageKind,
    Suggestion,
    Task,
)
from app.money import Money

_ADDRESS = {
    "name": "Acme Returns",
    "line1": "1 Harbour Road",
    "city": "Lyon",
    "postal_code": "69001",
    "country": "FR",
}
_CODE = "THANKS-7K3F9QXY2M"
_FEW, _MANY = 1, 5
_ANSWER = "https://returns.example/supplier/a-signed-link"


def sample(kind: MessageKind, base: MessageFacts, now: datetime) -> MessageFacts:
    """A full message of that kind; who writes (store, locale, colour, links) is taken from `base`."""
    last_day = (now + timedelta(days=5)).date()
    if kind in TO_OPERATOR | TO_SUPPLIERS:
        base = replace(base, status_url=None, survey_url=None)
    answer_url = base.answer_url or _ANSWER
    all_url = base.all_url or answer_url
    told = kind in TO_SUPPLIERS
    base = replace(base, answer_url=answer_url if told else None, all_url=all_url if told else None)
    return replace(
        base,
        kind=kind,
        order_number="#1106",
        reference="MG-7K3F9QXY",
        received_at=now,
        lines=[("Desk lamp", 1), ("Bulb", 3)],
        declined=[("Shade", 1)],
        rma_number="RMA-4711",
        return_address=_ADDRESS,
        instructions="Use the box it came in.\nNo tape on the lamp itself.",
        amount=Money(1250, "EUR", 2),
        reason="The return period is over.",
        due_at=now + timedelta(days=3),
        articles=["Directive 2011/83/EU art. 13(1)"],
        items=["A photo of the damage", "The number on the label"],
        last_day=last_day,
        days_left=5,
        task=Task.DECIDE,
        supplier="Acme",
        route="returnless",
        verdict="part",
        coupon=CouponFacts(_CODE, last_day, Decimal(10)),
        suggestions=[Suggestion("Reading lamp", base.status_url), Suggestion("Night light")],
        why=["under_review", "problem:mail_bounced"],
        digest=_digest(now.date(), _MANY),
        consumer="Ann Smith",
        consumer_email="ann@example.com",
        goods="Desk lamp\n1 Bulb",
        ask=Ask.AUTHORISE,
        reasons=["defective", "wrong_size"],
        open_cases=_MANY,
        credit_code="CREDIT-7K3F9QXY2M",
        new_order="#1107",
    )


def variants(kind: MessageKind, base: MessageFacts, now: datetime) -> Iterator[MessageFacts]:
    """Messages of that kind in which each thing that may be missing is missing, or is another, at least once."""
    full = sample(kind, base, now)
    yield full
    yield replace(
        full, lines=(), declined=(), return_address=None, instructions=None, items=(), last_day=None, suggestions=(),
        coupon=None, status_url=None, survey_url=None, support_email=None, articles=(), holds=["fraud"], final=True,
        rma_number=None, by_hand=True, remedy="replacement", digest=_digest(now.date(), 0),
        consumer=None, goods=None, reasons=(), all_url=None, again=True, credit_code=None, new_order=None,
    )  # fmt: skip
    yield replace(
        full, reference=None, case_references=["MG-7K3F9QXY", "MG-4H8W2BCD"], days_left=_FEW, items=["One photo"],
        coupon=CouponFacts(_CODE, now.date(), amount=Money(500, "EUR", 2)), digest=_digest(now.date(), _FEW),
    )  # fmt: skip
    yield replace(full, route="claim")
    for remedy in ("exchange", "keep_item"):
        yield replace(full, remedy=remedy)
    if kind is MessageKind.SUPPLIER_CREDIT_DUE:
        yield replace(full, amount=None)
    for verdict in ("all", "none"):
        yield replace(full, verdict=verdict)
    for task in Task:
        yield replace(full, task=task)
    for ask in Ask:
        yield replace(full, ask=ask)


def _digest(day: date, count: int) -> DigestFacts:
    cases = [DigestCase(f"MG-7K3F9QX{number}", f"#110{number}", ["contested"]) for number in range(min(count, 3))]
    return DigestFacts(
        day=day,
        waiting=count,
        cases=cases,
        legal_soon=count,
        credits_overdue=count,
        bounced=count,
        opened=count,
        resolved=count,
        refunds=count,
        refunded=[Money(12500, "EUR", 2), Money(4000, "USD", 2)][:count],
        scores=[5, 4][:count],
    )
