"""Past cases from the database: what was asked, the story that the audit trail tells, and the customer's history."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from app.cases.vocabulary import Event, Reason
from app.policy.question import History, Present
from app.settings_supplier import SupplierSettings
from app.whatif import database
from app.whatif.database import stored
from app.whatif.past import PastCase
from app.whatif.tally import ALL
from app.whatif.terms import known_suppliers
from tests.whatif.kit import policy, run
from tests.whatif.stored import ASKED, put_case

SUPPLIERS = known_suppliers(
    {"acme": SupplierSettings(channel="manual", cost_ratio=Decimal("0.4"), response_days=4, inspection_days=9)}
)
DONE = (
    (Event.APPROVED, 1, "policy:x"),
    (Event.SUPPLIER_AUTHORIZED, 3, "supplier:acme"),
    (Event.TRACKING_ADDED, 6, "api:ops"),
    (Event.GOODS_RECEIVED, 12, "supplier:acme"),
    (Event.SUPPLIER_CONFIRMED, 15, "supplier:acme"),
)


def read(url: str, since: datetime | None = None) -> list[PastCase]:
    with stored(url, SUPPLIERS, since) as (batches, total):
        found = [case for batch in batches for case in batch.cases()]
    assert total == len(found)
    return found


def test_a_case_is_read_with_its_story(database_url: str) -> None:
    put_case(database_url, happened=DONE, accepted=1, evidence=["photo", "link", "answer"])
    [case] = read(database_url)
    question, story = case.question, case.story
    assert (case.store, question.order.number, question.order.country) == ("alpha", "#1", "FR")
    assert [(one.line_id, one.quantity, one.reason, one.value) for one in question.lines] == [
        ("L1", 1, Reason.DAMAGED_IN_TRANSIT, 2500)
    ]
    assert question.declared_at == ASKED
    assert question.supplier is not None
    assert question.supplier.cost_ratio == Decimal("0.4")
    assert question.history == History(orders=1, cases=0, spent=5000, refunded=0)
    assert (story.authorise_days, story.sends_days, story.way_back_days, story.verdict_days) == (2, 3, 6, 3)
    assert (story.accepted, story.silent, story.sends, story.paid_by_person) == (100, False, True, None)
    assert story.evidence == Present(photos=2, answers=1)


def test_what_has_not_happened_is_what_the_supplier_is_given_time_for(database_url: str) -> None:
    put_case(database_url)
    [case] = read(database_url)
    assert (case.story.authorise_days, case.story.verdict_days, case.story.accepted) == (4, 9, None)
    assert case.story.evidence is None


@pytest.mark.parametrize(
    ("happened", "silent", "sends", "person"),
    [
        ([(Event.APPROVED, 0, "api:ops")], False, True, True),
        ([(Event.REJECTED, 0, "api:ops")], False, True, False),
        ([(Event.REJECTED, 0, "policy:x")], False, True, None),
        ([(Event.SUPPLIER_SILENT, 5, "timer")], True, True, None),
        ([(Event.VERDICT_TIMED_OUT, 5, "timer"), (Event.SUPPLIER_REJECTED, 8, "supplier:acme")], False, True, None),
        ([(Event.SHIPMENT_TIMED_OUT, 14, "timer")], False, False, None),
        ([(Event.SHIPMENT_TIMED_OUT, 14, "timer"), (Event.GOODS_RECEIVED, 20, "api:ops")], False, True, None),
    ],
)
def test_silence_sending_and_what_a_person_decided(
    database_url: str, happened: list[tuple[Event, int, str]], silent: bool, sends: bool, person: bool | None
) -> None:
    put_case(database_url, happened=happened)
    [case] = read(database_url)
    assert (case.story.silent, case.story.sends, case.story.paid_by_person) == (silent, sends, person)


def test_a_refused_verdict_is_nothing_accepted(database_url: str) -> None:
    put_case(database_url, happened=[(Event.SUPPLIER_REJECTED, 3, "supplier:acme")])
    assert read(database_url)[0].story.accepted == 0


def test_a_customers_history_is_that_of_the_year_before_the_case(database_url: str) -> None:
    put_case(database_url, 1, ASKED - timedelta(days=400), refunded=999)
    put_case(database_url, 2, ASKED - timedelta(days=60), refunded=2500)
    put_case(database_url, 3, ASKED)
    put_case(database_url, 4, ASKED + timedelta(days=30), refunded=777)
    third = next(case for case in read(database_url) if case.question.order.order_id == "3")
    assert third.question.history == History(orders=2, cases=1, spent=10000, refunded=2500)


def test_cases_are_read_page_by_page_each_once(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PAGE", 2)
    for number in range(5):
        put_case(database_url, number, ASKED + timedelta(days=number))
    with stored(database_url, SUPPLIERS, None) as (batches, total):
        sizes = [(batch.size, [case.question.order.order_id for case in batch.cases()]) for batch in batches]
    assert total == 5
    assert [size for size, _ in sizes] == [2, 2, 1]
    assert [number for _, numbers in sizes for number in numbers] == ["0", "1", "2", "3", "4"]
    since = ASKED + timedelta(days=3)
    assert [case.question.order.order_id for case in read(database_url, since)] == ["3", "4"]


def test_stored_cases_are_compared_in_other_processes_too(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PAGE", 1)
    for number in range(3):
        put_case(database_url, number, happened=DONE, accepted=1)
    results = []
    for jobs in (1, 2):
        with stored(database_url, SUPPLIERS, None) as (batches, _):
            results.append(run(policy(), batches=batches, jobs=jobs))
    assert results[0] == results[1]
    assert results[0].after.of(ALL)["approved"] == 3
    assert results[0].after.of(ALL)["recovery:EUR"] == 3000


def test_a_case_without_a_supplier_is_for_a_person(database_url: str) -> None:
    put_case(database_url, supplier=None)
    with stored(database_url, SUPPLIERS, None) as (batches, _):
        assert run(policy(), batches=batches).after.of(ALL)["operator"] == 1
