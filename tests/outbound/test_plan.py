"""Which events are wanted, when they are sent again, and what an answer means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.outbound.plan import LONGEST_LIFE, WAITS, Answer, Verdict, next_wait, patience, pause
from app.outbound.sender import Post, clean
from app.outbound.vocabulary import names_nothing, wanted

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wishes", "type_", "fits"),
    [
        ([], "refund.planned", True),
        (["refund"], "refund.planned", True),
        (["refund."], "refund.planned", True),
        (["refund.*"], "refund.planned", True),
        (["*"], "refund.planned", True),
        (["refund.planned"], "refund.planned", True),
        (["refund.planned"], "refund.succeeded", False),
        (["case", "refund.planned"], "case.created", True),
        (["case.created"], "case.created_again", False),
        (["ref"], "refund.planned", False),
    ],
)
def test_a_wish_is_a_type_or_a_whole_group(wishes: list[str], type_: str, fits: bool) -> None:
    assert wanted(wishes, type_) is fits


def test_a_wish_that_fits_nothing_is_named() -> None:
    wishes = ["refund", "refnd", "", "case.created", "case.creatd", "."]
    assert names_nothing(wishes) == ["refnd", "", "case.creatd", "."]


def test_waits_are_about_three_days_and_end() -> None:
    assert timedelta(days=3) < sum(WAITS, timedelta()) < LONGEST_LIFE
    assert sum(WAITS, timedelta()) * 1.1 <= LONGEST_LIFE
    assert [next_wait(tries, 0.5) for tries in range(1, 10)] == list(WAITS)
    assert next_wait(10, 0.5) is None
    assert next_wait(1, 0.0) == timedelta(seconds=4.5)
    assert next_wait(1, 1.0) == timedelta(seconds=5.5)


def test_a_receiver_may_ask_for_more_patience_and_not_for_less() -> None:
    assert next_wait(2, 0.5, timedelta(seconds=1)) == WAITS[1]
    assert next_wait(2, 0.5, timedelta(hours=2)) == timedelta(hours=2)
    assert next_wait(2, 0.5, timedelta(days=30)) == timedelta(hours=24)


def test_pauses_begin_with_the_third_failure_and_stay_short() -> None:
    seconds = [pause(failures).total_seconds() for failures in (1, 2, 3, 4, 8, 9, 10_000)]
    assert seconds == [0, 0, 5, 10, 160, 300, 300]
    assert pause(1, timedelta(hours=1)) == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None), ("", None), ("soon", None), ("-1", None), ("120", 120.0), (" 7 ", 7.0), ("999999999", 86_400.0),
        ("Fri, 20 Nov 2026 10:01:00 GMT", 60.0), ("Fri, 20 Nov 2026 09:00:00 GMT", 0.0), ("9" * 30, None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header: str | None, wait: float | None) -> None:
    found = patience(header, NOW)
    assert (found.total_seconds() if found is not None else None) == wait


@pytest.mark.parametrize(
    ("answer", "verdict", "told", "refuses"),
    [
        (Answer(200), Verdict.TAKEN, None, False),
        (Answer(299), Verdict.TAKEN, None, False),
        (Answer(302), Verdict.FAILED, "HTTP 302", True),
        (Answer(410), Verdict.GONE, "HTTP 410", False),
        (Answer(422), Verdict.FAILED, "HTTP 422", True),
        (Answer(500), Verdict.FAILED, "HTTP 500", True),
        (Answer(429), Verdict.FAILED, "HTTP 429", False),
        (Answer(503), Verdict.FAILED, "HTTP 503", False),
        (Answer(error="no answer: ConnectError"), Verdict.FAILED, "no answer: ConnectError", False),
    ],
)
def test_what_an_answer_means(answer: Answer, verdict: Verdict, told: str | None, refuses: bool) -> None:
    assert (answer.verdict, answer.told, answer.refuses) == (verdict, told, refuses)


def test_an_answer_is_cleaned_and_a_post_keeps_its_secrets() -> None:
    assert clean(b"a\x00b\x1b[1m\r\n\xff ") == "a b [1m  \N{REPLACEMENT CHARACTER}"
    assert clean(b" \n") is None
    assert "secret" not in repr(Post("https://crm.example/secret", ["secret"], "1", {"secret": 1}))
