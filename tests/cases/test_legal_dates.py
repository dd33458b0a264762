"""What the law is told of a case's trail, and that no later fact takes back a date that has begun to run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases.legal_dates import Dates, RightDate, monotone
from app.cases.legal_facts import Told, progress_of
from app.cases.vocabulary import Event, Reason, Route
from app.orders.snapshot import Fulfilment, Line, OrderSnapshot, Platform
from app.policy.facts import facts_of, right_of
from app.policy.law.assess import assess
from app.policy.law.model import Right, Start
from app.policy.model import Policy

DAY = timedelta(days=1)
ORDERED = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
DECLARED = datetime(2026, 11, 22, 12, tzinfo=UTC)
POLICY = Policy(name="test", version="1")


def told(kind: Event, days: float, **data: Any) -> Told:
    return Told(kind, DECLARED + timedelta(days=days), data)


def order(country: str | None = "FR", delivered: datetime | None = DECLARED - DAY) -> OrderSnapshot:
    return OrderSnapshot(
        platform=Platform.SHOPIFY, order_id="1", number="#1", currency="EUR", exponent=2, total=3000, captured=3000,
        status="paid", placed_at=ORDERED, updated_at=ORDERED, country=country,
        lines=(Line("1", "Lamp", 1, 1000), Line("2", "Vase", 1, 2000)),
        fulfilments=(Fulfilment("p", "success", ORDERED, delivered),),
    )  # fmt: skip


def rights(shown: OrderSnapshot, reasons: list[Reason], events: list[Told], route: Route | None) -> list[RightDate]:
    declared, progress = progress_of(DECLARED, events, route)
    found = [assess(one) for one in facts_of(shown, reasons, declared, POLICY, progress)]
    lines = {str(place): right_of(reason, shown) for place, reason in enumerate(reasons, 1)}
    return [RightDate.of(view, [line for line, right in lines.items() if right is view.right]) for view in found]


def test_the_first_proof_counts() -> None:
    events = [
        told(Event.APPROVED, 1), told(Event.TRACKING_ADDED, 2), told(Event.TRACKING_ADDED, 3),
        told(Event.GOODS_RECEIVED, 6, received_at=(DECLARED + 5 * DAY).isoformat()), told(Event.GOODS_RECEIVED, 7),
    ]  # fmt: skip
    declared, progress = progress_of(DECLARED, events, Route.RETURN)
    assert (declared, progress.dispatch_proved_at) == (DECLARED, DECLARED + 2 * DAY)
    assert progress.goods_back_at == DECLARED + 5 * DAY
    assert progress.nothing_moves is False


@pytest.mark.parametrize("received", ["nonsense", "2027-01-01T00:00:00", "2027-01-01T00:00:00+00:00"])
def test_goods_did_not_come_after_it_was_told(received: str) -> None:
    _, progress = progress_of(DECLARED, [told(Event.GOODS_RECEIVED, 4, received_at=received)], Route.RETURN)
    assert progress.goods_back_at == DECLARED + 4 * DAY


def test_who_approves_a_return_agrees_to_the_money_when_the_goods_are_on_their_way() -> None:
    approved = told(Event.APPROVED, 1)
    assert progress_of(DECLARED, [approved], Route.RETURN)[1].agreed_at is None
    assert progress_of(DECLARED, [approved], Route.CLAIM)[1].agreed_at == approved.at
    sent = told(Event.TRACKING_ADDED, 3)
    assert progress_of(DECLARED, [approved, sent], Route.RETURN)[1].agreed_at == sent.at
    confirmed = told(Event.SUPPLIER_CONFIRMED, 2)
    assert progress_of(DECLARED, [approved, confirmed], Route.RETURN)[1].agreed_at == confirmed.at


def test_a_reopened_case_is_agreed_to_anew_and_one_called_off_is_declared_anew() -> None:
    events = [told(Event.APPROVED, 1), told(Event.TRACKING_ADDED, 2), told(Event.REOPENED, 9)]
    declared, progress = progress_of(DECLARED, events, Route.RETURN)
    assert (declared, progress.agreed_at, progress.dispatch_proved_at) == (DECLARED, None, DECLARED + 2 * DAY)
    events = [told(Event.CUSTOMER_CANCELLED, 3), told(Event.REOPENED, 9)]
    assert progress_of(DECLARED, events, None)[0] == DECLARED + 9 * DAY


def test_a_parcel_that_comes_after_the_complaint_leaves_the_date_where_it_was() -> None:
    before = rights(order(delivered=None), [Reason.LATE], [], None)
    now = rights(order(delivered=DECLARED + DAY), [Reason.LATE], [], None)
    assert [one.right for one in now] == [Right.WITHDRAWAL]
    (kept,) = monotone(before, now)
    assert (kept.right, kept.due_at, kept.lines) == (Right.NON_DELIVERY, before[0].due_at, ("1",))


def test_no_line_is_lost_when_a_parcel_comes_that_one_of_two_lines_was_late_for() -> None:
    """The date of the other line runs on, and the line that would now be withdrawn from stays under it."""
    before = rights(order("IL", delivered=None), [Reason.LOST, Reason.LATE], [], None)
    now = rights(order("IL", delivered=DECLARED + DAY), [Reason.LOST, Reason.LATE], [], None)
    (kept,) = monotone(before, now)
    assert (kept.right, kept.due_at, kept.lines) == (Right.NON_DELIVERY, before[0].due_at, ("1", "2"))


def test_the_last_day_is_for_paying_and_the_day_after_is_late() -> None:
    (one,) = rights(order(), [Reason.CHANGED_MIND], [told(Event.TRACKING_ADDED, 1)], Route.RETURN)
    assert one.due_at == datetime(2026, 12, 6, 22, 59, 59, 999999, tzinfo=UTC)
    assert one.act_at == datetime(2026, 12, 5, 23, tzinfo=UTC)
    assert one.late_at == datetime(2026, 12, 6, 23, tzinfo=UTC)
    assert one.due_start is Start.DECLARED
    assert any("art. 13" in article for article in one.articles)


def test_dates_survive_being_stored() -> None:
    events = [told(Event.APPROVED, 1), told(Event.TRACKING_ADDED, 3)]
    found = rights(order(), [Reason.CHANGED_MIND, Reason.DEFECTIVE], events, Route.RETURN)
    dates = Dates("eu@1", 1, tuple(found), warned=("due_in_3_days", DECLARED), reached=(Right.WITHDRAWAL,))
    assert Dates.from_json(dates.to_json()) == dates
    assert dates.alive
    # What has been acted on waits for nothing; the other right's date is next.
    first = dates.next
    assert first is not None
    assert (first.right, first.due_start) == (Right.NON_CONFORMITY, Start.AGREED)


_KINDS = [
    Event.APPROVED, Event.TRACKING_ADDED, Event.GOODS_RECEIVED, Event.SUPPLIER_CONFIRMED, Event.ABSORBED,
]  # fmt: skip


@given(
    country=st.sampled_from(["FR", "DE", "IT", "GB", "IL", "US", "AU", "JP", None]),
    reasons=st.lists(st.sampled_from(list(Reason)), min_size=1, max_size=2),
    route=st.sampled_from([None, *Route]),
    steps=st.lists(st.tuples(st.sampled_from([*_KINDS, "delivered"]), st.floats(0, 40)), max_size=7),
)
def test_later_facts_never_move_a_due_date_back(
    country: str | None, reasons: list[Reason], route: Route | None, steps: list[tuple[Any, float]]
) -> None:
    """Whatever happens and in whatever order it is heard of, a date that runs is never later and never gone."""
    shown, events, days = order(country, delivered=None), [], 0.0
    dates = tuple(rights(shown, reasons, [], None))
    lines = {line for one in dates for line in one.lines}
    for step, wait in steps:
        days += wait
        if step == "delivered":
            parcel = replace(shown.fulfilments[0], delivered_at=DECLARED + timedelta(days=days))
            shown = replace(shown, fulfilments=(parcel,))
        else:
            events.append(told(step, days))
        decided = route if any(event.type is Event.APPROVED for event in events) else None
        before, dates = dates, monotone(dates, rights(shown, reasons, events, decided))
        assert {line for one in dates for line in one.lines} == lines
        for old in before:
            if old.due_at is None:
                continue
            new = next(one for one in dates if one.right is old.right)
            assert new.due_at is not None
            assert new.due_at <= old.due_at
            assert set(old.lines) <= set(new.lines)
