"""A short campaign in every run of the tests, and the plays in which bugs were found."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.campaign import play_batch
from tests.faults.draw import draw
from tests.faults.regressions import FOUND
from tests.faults.troubles import TROUBLES

SEED = 20261122


def test_every_fault_is_played_and_no_refund_is_doubled_or_lost(postgres_url: str, template: str) -> None:
    plays = [draw(SEED, index) for index in range(len(TROUBLES))]
    verdicts = play_batch(plays, postgres_url, template)
    assert {one.fault for one in verdicts} == set(TROUBLES)
    assert [f"{one.name} ({one.fault}): {one.breaches} {one.story}" for one in verdicts if one.breaches] == []


def test_plays_in_which_bugs_were_found(postgres_url: str, template: str) -> None:
    plays = [draw(one.seed, one.index, one.only) for one in FOUND]
    verdicts = play_batch(plays, postgres_url, template)
    told = zip(verdicts, FOUND, strict=True)
    assert [f"{found.why}: {one.breaches} {one.story}" for one, found in told if one.breaches] == []


def test_the_same_seed_draws_the_same_plays() -> None:
    assert [draw(5, index) for index in range(200)] == [draw(5, index) for index in range(200)]
    assert draw(5, 7) != draw(6, 7)


@pytest.mark.parametrize("seed", [1, 2])
def test_each_fault_has_its_turn_before_any_comes_again(seed: int) -> None:
    dealt = Counter(draw(seed, index).fault for index in range(3 * len(TROUBLES)))
    assert set(dealt.values()) == {3}
