"""In which language a page is read."""

from __future__ import annotations

import pytest

from app.pages.language import Reader, language_of, reader_of


@pytest.mark.parametrize(
    ("asked", "accepted", "fallback", "language"),
    [
        ("he", "fr", "en", "he"),
        ("iw", None, None, "he"),
        ("fr-CA", "he", "en", "fr"),
        ("xx", "fr;q=0.5, he;q=0.9", "en", "he"),
        (None, "de-DE, fr;q=0.8, en;q=0.2", "en", "fr"),
        (None, "de-DE", "he", "he"),
        (None, "fr;q=0, *;q=0.5", None, "en"),
        (None, None, "de", "en"),
        ("../../etc", ";;;q=,", "fr", "fr"),
        (None, "fr;q=nan", None, "en"),
    ],
)
def test_what_is_asked_for_wins_then_the_browser_then_the_store(
    asked: str | None, accepted: str | None, fallback: str | None, language: str
) -> None:
    assert reader_of(asked, accepted, fallback).language == language


def test_the_country_is_where_the_browser_says_whatever_is_read() -> None:
    assert reader_of("he", "de-AT, fr;q=0.5", "en") == Reader("he", "AT")
    assert reader_of(None, "en", None).country is None


def test_hebrew_runs_from_right_to_left() -> None:
    assert [Reader(one).direction for one in ("en", "fr", "he")] == ["ltr", "ltr", "rtl"]


def test_a_locale_that_nobody_has_is_the_language_alone() -> None:
    assert str(Reader("he", "FR").locale) == "he"
    assert str(Reader("fr", "CA").locale) == "fr_CA"


def test_thousands_of_wishes_are_not_all_read() -> None:
    assert reader_of(None, "de," * 5000 + "fr", None).language == "en"


def test_only_languages_that_there_are() -> None:
    assert [language_of(tag) for tag in ("en-GB", "FR", "he_IL", "de", "", "e", "french")] == [
        "en", "fr", "he", None, None, None, None,
    ]  # fmt: skip
