"""Forms of suppliers, field by field: what is taken, and what is sent back with a word to each field."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases.states import allowed_events
from app.cases.view import CaseView, LineView
from app.cases.vocabulary import Event, Route, State
from app.pages.supplier.answers import Asked, Sheet, Wrong, amount_of, read
from app.pages.supplier.offers import Do, offers, steps
from app.suppliers.base import SupplierStatus

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
ADDRESS = {"line1": "1 Market Street", "city": "Leeds", "country": "GB"}
_EVENTS = {
    Do.AUTHORISE: Event.SUPPLIER_AUTHORIZED,
    Do.REFUSE: Event.SUPPLIER_REFUSED,
    Do.RECEIVE: Event.GOODS_RECEIVED,
    Do.VERDICT: Event.SUPPLIER_CONFIRMED,
    Do.PLEDGE: Event.SUPPLIER_CONFIRMED,
    Do.PAID: Event.CREDIT_SETTLED,
    Do.NOTE: Event.NOTE_ADDED,
}


def sheet(texts: dict[str, str], accepted: int = 0) -> Sheet:
    lines = [Asked(1, "100", 3), Asked(3, "300", 1)]
    return Sheet(texts, lines, {"100": accepted, "300": 0}, NOW, date(2026, 11, 1))


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.50", "EUR", 1250), ("12,50", "EUR", 1250), ("12,5", "EUR", 1250), ("7", "USD", 700), ("1500", "JPY", 1500),
        ("1.234", "KWD", 1234), ("1,234", "KWD", None), ("1,500", "EUR", None), ("1.500", "EUR", None),
        ("1 500", "EUR", None), ("-1", "EUR", None), ("0", "EUR", None), ("0.00", "EUR", None), ("1e3", "EUR", None),
        ("12.5.0", "EUR", None), ("١٢", "EUR", None), ("9999999999", "EUR", None), ("1.5", "JPY", None),
        ("", "EUR", None),
    ],
)  # fmt: skip
def test_amounts_are_read_as_people_type_them_or_not_at_all(text: str, currency: str, minor: int | None) -> None:
    found = amount_of(text, currency)
    assert (found.minor if found else None) == minor


def test_an_authorisation_needs_an_address_and_no_number() -> None:
    answer = read(Do.AUTHORISE, sheet({**ADDRESS, "instructions": " No tape. "}))
    assert answer is not None
    assert (answer.status, answer.rma_number, answer.instructions) == (SupplierStatus.AUTHORIZED, None, "No tape.")
    assert answer.return_address == ADDRESS
    bare = sheet({"rma_number": "X", "city": " "})
    assert read(Do.AUTHORISE, bare) is None
    assert set(bare.wrong) == {"line1", "city", "country"}


def test_a_refusal_and_a_note_need_words() -> None:
    for do, name in ((Do.REFUSE, "refuse_reason"), (Do.NOTE, "note")):
        empty = sheet({name: "  "})
        assert read(do, empty) is None
        assert empty.wrong == {name: Wrong.MISSING}
    refused = read(Do.REFUSE, sheet({"refuse_reason": "r" * 5000}))
    assert refused is not None
    assert len(refused.reason or "") == 1000


RECEIPT = {"received_on": "2026-11-20", "got_1": "2", "got_3": "0"}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"got_1": "4"}, {"got_1": Wrong.TOO_MANY}),
        ({"got_1": "-1"}, {"got_1": Wrong.NOT_A_NUMBER}),
        ({"got_1": "²"}, {"got_1": Wrong.NOT_A_NUMBER}),
        ({"got_1": ""}, {"got_1": Wrong.MISSING}),
        ({"got_1": "0"}, {"got_1": Wrong.NOTHING}),
        ({"received_on": ""}, {"received_on": Wrong.MISSING}),
        ({"received_on": "20/11/2026"}, {"received_on": Wrong.NOT_A_DAY}),
        ({"received_on": "2026-11-24"}, {"received_on": Wrong.TOO_LATE}),
        ({"received_on": "2026-10-31"}, {"received_on": Wrong.TOO_EARLY}),
    ],
)
def test_a_receipt_that_cannot_be_is_sent_back(change: dict[str, str], wrong: dict[str, Wrong]) -> None:
    told = sheet({**RECEIPT, **change})
    assert read(Do.RECEIVE, told) is None
    assert told.wrong == wrong


def test_a_receipt_names_units_state_and_day() -> None:
    answer = read(Do.RECEIVE, sheet({**RECEIPT, "got_state_1": "used", "got_state_3": "<script>"}))
    assert answer is not None
    assert [(one.line_id, one.quantity, one.condition) for one in answer.received] == [
        ("100", 2, "used"),
        ("300", 0, None),
    ]
    assert answer.received_at == datetime(2026, 11, 20, tzinfo=UTC)
    # Where it is tomorrow already, today has begun: and nothing is received later than now.
    ahead = read(Do.RECEIVE, sheet({**RECEIPT, "received_on": "2026-11-23"}))
    assert ahead is not None
    assert ahead.received_at == NOW


VERDICT = {"accepted_1": "2", "accepted_3": "0"}
CREDIT = {"credit_amount": "19,60", "credit_currency": "usd", "credit_reference": "CN-1", "credit_on": "2026-12-20"}


def test_a_verdict_with_its_credit() -> None:
    answer = read(Do.VERDICT, sheet({**VERDICT, **CREDIT, "state_1": "defective", "finding_1": "Switch"}))
    assert answer is not None
    assert answer.status is SupplierStatus.CONFIRMED
    first, second = answer.verdict
    assert (first.accepted_quantity, first.condition, first.note) == (2, "defective", "Switch")
    assert (second.line_id, second.accepted_quantity) == ("300", 0)
    assert answer.credit is not None
    assert (str(answer.credit.amount), answer.credit.reference) == ("19.60 USD", "CN-1")
    assert answer.credit.expected_at == datetime(2026, 12, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"accepted_1": ""}, {"accepted_1"}),
        ({"credit_currency": "XYZQ"}, {"credit_currency"}),
        ({"credit_currency": ""}, {"credit_currency"}),
        ({"credit_amount": "1,000"}, {"credit_amount"}),
        ({"credit_on": "soon"}, {"credit_on"}),
        ({"credit_on": "2036-01-01"}, {"credit_on"}),
        ({"accepted_1": "0"}, {"credit_amount", "verdict_reason"}),
        ({"accepted_1": "0", "credit_amount": ""}, {"verdict_reason"}),
    ],
)
def test_a_verdict_that_cannot_be_is_sent_back(change: dict[str, str], wrong: set[str]) -> None:
    told = sheet({**VERDICT, **CREDIT, **change})
    assert read(Do.VERDICT, told) is None
    assert set(told.wrong) == wrong


def test_accepting_nothing_is_a_refusal_with_a_reason() -> None:
    answer = read(Do.VERDICT, sheet({"accepted_1": "0", "accepted_3": "0", "verdict_reason": "Not ours"}))
    assert answer is not None
    assert (answer.status, answer.reason, answer.credit) == (SupplierStatus.REJECTED, "Not ours", None)


def test_a_pledge_repeats_what_was_accepted_and_a_payment_needs_its_day() -> None:
    answer = read(Do.PLEDGE, sheet({"pledge_amount": "9.80", "pledge_currency": "USD"}, accepted=2))
    assert answer is not None
    assert [(one.line_id, one.accepted_quantity) for one in answer.verdict] == [("100", 2), ("300", 0)]
    undated = sheet({"paid_amount": "9.80", "paid_currency": "USD"})
    assert read(Do.PAID, undated) is None
    assert undated.wrong == {"paid_on": Wrong.MISSING}
    nothing = sheet({"paid_currency": "USD", "paid_on": "2026-11-20"})
    assert read(Do.PAID, nothing) is None
    assert nothing.wrong == {"paid_amount": Wrong.MISSING}


@given(st.sampled_from(Do), st.dictionaries(st.sampled_from([
    *ADDRESS, *RECEIPT, *VERDICT, *CREDIT, "note", "refuse_reason", "verdict_reason", "paid_amount", "paid_currency",
    "paid_on", "pledge_amount", "pledge_currency", "pledge_on",
]), st.text(max_size=12)))  # fmt: skip
def test_whatever_is_filled_in_is_an_answer_or_has_a_word_to_it(do: Do, texts: dict[str, str]) -> None:
    told = sheet(texts)
    answer = read(do, told)
    assert (answer is None) == bool(told.wrong) or do is Do.NOTE
    assert all(isinstance(word, Wrong) for word in told.wrong.values())


lines = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)).map(
    lambda one: LineView("100", 2, approved=2, shipped=one[0], received=min(one[:2]), accepted=min(one))
)
views = st.builds(
    CaseView,
    state=st.sampled_from(State),
    lines=st.tuples(lines),
    route=st.sampled_from(Route),
    requires_rma=st.booleans(),
    credit_open=st.booleans(),
)


@given(views, st.booleans())
def test_nothing_is_offered_that_the_case_would_not_take(view: CaseView, promised: bool) -> None:
    found = offers(view, promised=promised)
    assert len(set(found)) == len(found)
    assert {_EVENTS[do] for do in found} <= set(allowed_events(view.state))
    assert Do.PLEDGE not in found or any(line.accepted for line in view.lines)


@given(views)
def test_every_case_stands_at_one_of_its_steps(view: CaseView) -> None:
    names, current = steps(view)
    assert 0 <= current <= len(names)
    assert (current == len(names)) == (view.state is State.CLOSED)
