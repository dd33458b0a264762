"""A generated year: the same for the same seed, realistic enough, and the same sums in any number of processes."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.cases.vocabulary import Reason, Route
from app.whatif import world
from app.whatif.generate import BATCH, GeneratedBatch, year
from app.whatif.judge import Contest
from app.whatif.past import Batch, PastCase
from app.whatif.run import AHEAD, RunBroken, compare
from app.whatif.tally import ALL
from tests.whatif.kit import changed, policy, run

KEEPS = '[returnless]\nreasons = ["damaged_in_transit"]\nup_to = {EUR="30", GBP="26", USD="33", ILS="120", AUD="50"}\n'


def nobody(_done: int) -> None:
    """Whom progress is told."""


def cases(count: int, seed: int) -> list[PastCase]:
    return [case for batch in year(count, seed) for case in batch.cases()]


def test_the_same_seed_makes_the_same_year_and_another_another() -> None:
    assert cases(700, 3) == cases(700, 3)
    assert cases(700, 3) != cases(700, 4)


def test_a_year_has_exactly_as_many_cases_as_asked_for() -> None:
    assert [batch.size for batch in year(BATCH * 2 + 1, 1)] == [BATCH, BATCH, 1]
    assert len(cases(BATCH + 7, 1)) == BATCH + 7


def test_a_year_has_every_country_reason_supplier_and_month() -> None:
    made = cases(3000, 1)
    reasons = Counter(case.question.lines[0].reason for case in made)
    assert set(reasons) == set(Reason)
    assert reasons[Reason.CHANGED_MIND] > reasons[Reason.LOST] > 0
    assert {case.question.order.country for case in made} == {place.country for place in world.PLACES}
    assert {case.question.supplier.key for case in made if case.question.supplier} == {
        maker.key for maker in world.MAKERS
    }
    assert {case.question.order.placed_at.month for case in made} == set(range(1, 13))


def test_what_a_case_says_holds_together() -> None:
    for case in cases(1500, 2):
        question, order = case.question, case.question.order
        [asked] = question.lines
        line = order.line(asked.line_id)
        assert line is not None
        assert 0 < asked.value <= line.total
        assert asked.quantity <= line.quantity
        assert question.declared_at > order.placed_at
        assert question.history.orders >= 1
        assert question.history.spent >= order.total
        [parcel] = order.fulfilments
        assert (parcel.delivered_at is None) == (asked.reason is Reason.LOST)


def test_some_customers_come_back() -> None:
    assert sum(case.question.history.cases > 0 for case in cases(1500, 2)) > 50


def test_the_number_of_processes_changes_nothing() -> None:
    one, two = (run(policy(KEEPS), batches=year(1100, 9), jobs=jobs) for jobs in (1, 2))
    assert one == two
    assert one.counted == one.done == 1100


def test_a_policy_against_itself_changes_nothing() -> None:
    assert changed(run(policy())) == set()


def test_one_rule_changes_the_rows_that_it_is_about_and_no_other() -> None:
    result = run(policy(KEEPS))
    names = changed(result)
    assert {"returnless", "claim"} <= names
    # Nothing is approved, refused or kept that was not before: the same money only goes sooner, and without a claim.
    assert names <= {"returnless", "claim", "paid", "by_law", "days_50", "days_90"} | {
        f"{name}" for name in ("refunds", "recovery", "cost", "freight")
    }
    assert changed(result, ("reason", "changed_mind")) == set()
    assert "returnless" in changed(result, ("reason", "damaged_in_transit"))


def test_a_lower_limit_sends_more_to_a_person_and_nothing_else_is_decided_otherwise() -> None:
    limit = '[approve]\nup_to = {EUR="20", GBP="17", USD="22", ILS="80", AUD="33"}\n'
    result = run(policy(limit))
    before, after = result.before.of(ALL), result.after.of(ALL)
    assert after["operator"] > before["operator"]
    assert after["approved"] + after["operator"] == before["approved"] + before["operator"]
    assert after["rejected"] == before["rejected"]


def test_cases_before_a_day_are_left_out() -> None:
    since = datetime(2025, 7, 1, tzinfo=UTC)
    contest = Contest(policy(), policy(), since=since)
    result = compare(year(600, 1), contest, 1, nobody)
    assert result.done == 600
    assert result.counted == sum(case.declared_at >= since for case in cases(600, 1))
    assert result.after.of(ALL)["cases"] == result.counted


def test_the_policy_in_force_is_that_of_the_cases_own_store() -> None:
    made = cases(50, 1)
    mine = [PastCase(case.question, case.story, "mine") for case in made]
    contest = Contest(policy(), policy(), {"mine": policy(KEEPS.replace("30", "3000"))})
    result = compare([Given(mine)], contest, 1, nobody)
    damaged = [case for case in mine if case.question.lines[0].reason is Reason.DAMAGED_IN_TRANSIT]
    assert result.before.of(ALL)[Route.RETURNLESS] > 0
    assert len(damaged) >= result.before.of(ALL)[Route.RETURNLESS]
    assert result.after.of(ALL)[Route.RETURNLESS] == 0


class Given:
    """Cases that are there already."""

    def __init__(self, made: list[PastCase]) -> None:
        self.made = made
        self.size = len(made)

    def cases(self) -> Iterator[PastCase]:
        return iter(self.made)


def test_memory_does_not_grow_with_the_number_of_cases() -> None:
    def peak(batches: int) -> int:
        contest = Contest(policy(), policy())
        tracemalloc.start()
        try:
            compare((GeneratedBatch(1, 0, 50) for _ in range(batches)), contest, 1, nobody)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)
    assert peak(20) < 1.5 * peak(2)


def test_no_more_batches_are_read_than_the_processes_can_take() -> None:
    read, done = 0, 0

    def batches() -> Iterator[Batch]:
        nonlocal read
        for index in range(12):
            assert read - done <= 2 * AHEAD + 2
            read += 1
            yield GeneratedBatch(1, index, 5)

    def advance(count: int) -> None:
        nonlocal done
        done += count // 5

    result = compare(batches(), Contest(policy(), policy()), 2, advance)
    assert (read, done, result.done) == (12, 12, 60)


class Killer:
    """A batch on which the process that counts it ends, as when the machine runs out of memory."""

    size = 1

    def cases(self) -> Iterator[PastCase]:
        import os

        os._exit(9)


def test_a_process_that_is_ended_from_outside_is_told_in_one_sentence() -> None:
    with pytest.raises(RunBroken, match="--jobs"):
        compare([GeneratedBatch(1, 0, 5), Killer(), GeneratedBatch(1, 1, 5)], Contest(policy(), policy()), 2, nobody)
