"""The arithmetic of the memory measurement: a table that says there is no leak must be able to say that there is."""

from __future__ import annotations

import os

from tests.benchmarks.resources import _Watched, order, resident, slope

MIB = 1024 * 1024


def watched(sizes: list[int]) -> _Watched:
    return _Watched("it", 1, sizes[0] * MIB, [(60.0 * minute, size * MIB) for minute, size in enumerate(sizes)])


def test_what_grows_is_seen_and_what_breathes_is_not() -> None:
    leaking = watched([100 + minute for minute in range(60)]).rows(most=8.0)
    assert [row.value for row in leaking[:2]] == [100.0, 159.0]
    assert round(float(leaking[2].value)) == 60
    assert leaking[3].ok is False
    breathing = watched([100 if minute == 0 else 150 + minute % 3 for minute in range(60)]).rows(most=8.0)
    assert abs(float(breathing[2].value)) < 5
    assert breathing[3].ok is True


def test_a_line_through_nothing_is_flat() -> None:
    assert slope([]) == slope([(1.0, 5)]) == 0.0
    assert slope([(0.0, 0), (1.0, 10), (2.0, 20)]) == 10.0


def test_this_process_holds_memory_and_no_process_holds_none() -> None:
    assert resident(os.getpid()) > 10 * MIB
    assert resident(2**22 + 1) == 0


def test_an_order_is_about_4_kb() -> None:
    assert 3_500 < len(order(1)) < 5_000
