from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.money import Money
from app.suppliers.base import CreditPromise, ReceivedLine, SupplierAnswer, SupplierStatus, VerdictLine
from app.suppliers.events import EVENT_STATUSES, SupplierNonsense, answer_from, event_from

CREDIT = {"amount": "9.80", "currency": "USD", "reference": "CN-881", "expected_at": "2026-12-01"}
VERDICT = {"line_id": "12695210000533", "accepted_quantity": 1, "condition": "defective", "note": "dead"}


def event(kind: str, **data: Any) -> bytes:
    body = {"type": kind, "timestamp": "2026-11-20T10:00:00Z", "data": {"return_id": "0199-aa", **data}}
    return json.dumps(body).encode()


def test_an_authorization_brings_number_address_and_instructions() -> None:
    answer = answer_from(
        {
            "status": "authorized",
            "rma_number": "RMA/2026/7",
            "return_address": {
                "name": "Acme",
                "line1": "1 Road",
                "postal_code": 69001,
                "planet": "Earth",
                "city": None,
            },
            "instructions": "Use the box.\nNo tape.",
        }
    )
    assert answer == SupplierAnswer(
        SupplierStatus.AUTHORIZED,
        rma_number="RMA/2026/7",
        return_address={"name": "Acme", "line1": "1 Road", "postal_code": "69001"},
        instructions="Use the box.\nNo tape.",
    )


def test_a_refusal_brings_its_reason_and_pending_brings_nothing() -> None:
    refused = answer_from({"status": "refused", "reason": "too late"})
    assert refused == SupplierAnswer(SupplierStatus.REFUSED, reason="too late")
    assert answer_from({"status": "PENDING", "eta": 3}) == SupplierAnswer(SupplierStatus.PENDING)


def test_a_polled_confirmation_reads_like_the_event() -> None:
    polled = answer_from({"status": "confirmed", "lines": [VERDICT], "credit": CREDIT})
    assert polled == event_from(event("return.confirmed", lines=[VERDICT], credit=CREDIT)).answer
    assert polled.verdict == (VerdictLine("12695210000533", 1, "defective", "dead"),)
    assert polled.credit == CreditPromise(
        Money(980, "USD", 2), reference="CN-881", expected_at=datetime(2026, 12, 1, tzinfo=UTC)
    )


def test_an_event_tells_its_return_and_time() -> None:
    seen = event_from(event("return.received", received_at="2026-11-19", lines=[{"line_id": 7, "quantity": 2}]))
    assert (seen.type, seen.return_id) == ("return.received", "0199-aa")
    assert seen.occurred_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert seen.answer.received_at == datetime(2026, 11, 19, tzinfo=UTC)
    assert seen.answer.received == (ReceivedLine("7", 2),)


def test_a_missing_or_odd_time_does_no_harm() -> None:
    body = {"type": "return.received", "timestamp": "yesterday", "data": {"return_id": "r", "received_at": 5}}
    seen = event_from(json.dumps(body).encode())
    assert seen.occurred_at is None
    assert seen.answer == SupplierAnswer(SupplierStatus.RECEIVED)


def test_a_paid_credit_brings_the_day_it_was_paid() -> None:
    paid = {"amount": 1200, "currency": "jpy", "reference": 881, "paid_at": "2026-12-03T01:00:00+09:00"}
    credit = event_from(event("return.credited", credit=paid)).answer.credit
    assert credit == CreditPromise(
        Money(1200, "JPY", 0), reference="881", paid_at=datetime(2026, 12, 2, 16, tzinfo=UTC)
    )


def test_a_rejection_may_leave_quantities_and_lines_out() -> None:
    seen = event_from(event("return.rejected", reason="used", lines=[{"line_id": "1", "note": "worn"}])).answer
    assert seen.verdict == (VerdictLine("1", 0, None, "worn"),)
    assert event_from(event("return.rejected", reason="used")).answer.verdict == ()


def test_every_event_type_of_the_contract_is_known() -> None:
    for kind, status in EVENT_STATUSES.items():
        assert event_from(event(kind, lines=[VERDICT | {"accepted_quantity": 0, "quantity": 1}], credit=CREDIT))
        assert kind == f"return.{status}"


def test_an_address_given_as_text_becomes_its_first_line() -> None:
    answer = answer_from({"status": "authorized", "return_address": "  Acme, 1 Road\x00, Lyon  "})
    assert answer.return_address == {"line1": "Acme, 1 Road, Lyon"}
    assert answer_from({"status": "authorized", "return_address": {"planet": "Earth"}}).return_address is None


def test_long_texts_are_cut() -> None:
    long = "x" * 9000
    answer = answer_from(
        {"status": "authorized", "rma_number": long, "return_address": {"city": long}, "instructions": long}
    )
    assert answer.return_address == {"city": "x" * 200}
    assert answer.instructions is not None
    assert answer.rma_number is not None
    assert (len(answer.instructions), len(answer.rma_number)) == (4000, 100)
    verdict = event_from(event("return.confirmed", lines=[VERDICT | {"condition": long, "note": None}])).answer.verdict
    assert verdict[0].condition == "x" * 100
    assert verdict[0].note is None


def test_a_credit_without_currency_takes_the_hint() -> None:
    body = {"status": "credited", "credit": {"amount": Decimal("9.8")}}
    credit = answer_from(body, "EUR").credit
    assert credit is not None
    assert credit.amount == Money(980, "EUR", 2)
    with pytest.raises(SupplierNonsense):
        answer_from(body)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xff", id="not text"),
        pytest.param(b"[]", id="not an object"),
        pytest.param(b'{"type": ["return.received"], "data": {"return_id": "r"}}', id="type is a list"),
        pytest.param(event("return.exploded"), id="unknown type"),
        pytest.param(b'{"type": "return.received", "data": {}}', id="no return"),
        pytest.param(b'{"type": "return.received", "data": "r"}', id="data is text"),
        pytest.param(event("return.confirmed"), id="no lines"),
        pytest.param(event("return.confirmed", lines=[]), id="empty lines"),
        pytest.param(event("return.confirmed", lines={"line_id": "1"}), id="lines are an object"),
        pytest.param(event("return.confirmed", lines=[VERDICT, 5]), id="a line is a number"),
        pytest.param(event("return.confirmed", lines=[{"accepted_quantity": 1}]), id="no line id"),
        pytest.param(event("return.confirmed", lines=[{"line_id": "1"}]), id="no quantity"),
        pytest.param(event("return.confirmed", lines=[VERDICT, VERDICT]), id="line twice"),
        pytest.param(event("return.confirmed", lines=[VERDICT, VERDICT | {"line_id": 12695210000533}]), id="same id"),
        pytest.param(event("return.received", lines=[{"line_id": "1", "quantity": 10**9}]), id="too many units"),
        pytest.param(event("return.rejected", lines=[VERDICT]), id="rejected and accepted"),
        pytest.param(event("return.credited"), id="credited nothing"),
        pytest.param(event("return.credited", credit=CREDIT | {"amount": "0.00"}), id="credited zero"),
        pytest.param(event("return.confirmed", lines=[VERDICT], credit="9.80 USD"), id="credit is text"),
    ],
)
def test_nonsense_is_refused(raw: bytes) -> None:
    with pytest.raises(SupplierNonsense) as refused:
        event_from(raw)
    assert refused.value.code == "supplier_nonsense"


@pytest.mark.parametrize("units", [-1, 1.5, "1", True, [1], 1e30])
def test_a_quantity_is_a_whole_number_of_zero_or_more(units: Any) -> None:
    with pytest.raises(SupplierNonsense):
        event_from(event("return.confirmed", lines=[VERDICT | {"accepted_quantity": units}]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "-1.00"},
        {"amount": "1,50"},
        {"amount": "1.005"},
        {"amount": True},
        {"amount": None},
        {"amount": 1e300},
        {"currency": "dollars"},
        {"currency": None},
    ],
)
def test_bad_money_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SupplierNonsense):
        event_from(event("return.confirmed", lines=[VERDICT], credit=CREDIT | wrong))


@pytest.mark.parametrize("status", [None, "", "maybe", 5, ["authorized"]])
def test_an_unknown_status_is_refused_without_repeating_it(status: Any) -> None:
    with pytest.raises(SupplierNonsense) as refused:
        answer_from({"status": status, "reason": "Jane Doe"})
    assert "maybe" not in refused.value.detail


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = ("return_id", "lines", "credit", "return_address", "rma_number", "received_at", "reason", "instructions")


@given(
    kind=st.sampled_from(sorted(EVENT_STATUSES)),
    data=st.dictionaries(st.sampled_from(_FIELDS), _JSON | st.just([VERDICT]) | st.just(CREDIT)),
)
def test_whatever_a_supplier_sends_is_read_or_refused(kind: str, data: dict[str, Any]) -> None:
    try:
        seen = event_from(json.dumps({"type": kind, "data": data}).encode())
    except SupplierNonsense:
        return
    assert seen.answer.status is EVENT_STATUSES[kind]
    assert all(line.accepted_quantity >= 0 for line in seen.answer.verdict)
