"""No text of a page is missing in any language, and each says what the English one says with the same values."""

from __future__ import annotations

import re

import pytest
from babel.messages.catalog import Message

from app.pages.catalogue import DOMAINS, TRANSLATED, catalogue, path_of, refresh, texts, translations
from app.pages.language import LANGUAGES

_PLACE = re.compile(r"%\((\w+)\)s")


each_catalogue = pytest.mark.parametrize(
    ("language", "domain"), [(language, domain) for language in TRANSLATED for domain in DOMAINS]
)


def strings(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def test_every_language_but_english_has_a_catalogue() -> None:
    assert {"en", *TRANSLATED} == set(LANGUAGES)
    assert len(set(texts())) > 60


@each_catalogue
def test_no_text_is_missing_and_none_is_left_over(language: str, domain: str) -> None:
    stored = {message.id: message for message in catalogue(language, domain) if message.id}
    wanted = {tuple(one) if isinstance(one, (tuple, list)) else one for one, _ in texts(domain)}
    have = {tuple(one) if isinstance(one, (tuple, list)) else one for one in stored}
    assert have == wanted, "run: python -m app.pages.catalogue"
    for message in stored.values():
        assert all(text.strip() for text in strings(message)), f"{language} lacks {message.id!r}"
        assert not message.fuzzy


@each_catalogue
def test_every_translation_names_the_same_values(language: str, domain: str) -> None:
    stored = catalogue(language, domain)
    for message in stored:
        if not message.id:
            continue
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        places = set(_PLACE.findall(" ".join(ids)))
        for text in strings(message):
            # A form for exactly one or two may say the number in words.
            assert set(_PLACE.findall(text)) | {"count"} >= places, (language, message.id)
            assert set(_PLACE.findall(text)) <= places, (language, message.id)
            assert "<bdi" not in ids[0] or "<bdi" in text, (language, message.id)


@each_catalogue
def test_every_plural_has_as_many_forms_as_the_language(language: str, domain: str) -> None:
    stored = catalogue(language, domain)
    for message in stored:
        if not isinstance(message.id, str):
            assert len(strings(message)) == stored.num_plurals, (language, message.id)


@each_catalogue
def test_every_domain_counts_as_the_language_does(language: str, domain: str) -> None:
    if path_of(language, domain).exists():
        assert catalogue(language, domain).plural_forms == catalogue(language).plural_forms


@pytest.mark.parametrize(
    ("language", "days"),
    [("fr", ["0 jour", "1 jour", "2 jours"]), ("he", ["0 ימים", "יום אחד", "יומיים", "3 ימים"])],
)
def test_days_are_counted_as_the_language_counts(language: str, days: list[str]) -> None:
    ngettext = translations(language).ngettext
    found = [ngettext("%(count)s day", "%(count)s days", count) % {"count": count} for count in range(len(days))]
    assert found == days


@each_catalogue
def test_bringing_a_catalogue_up_to_date_changes_nothing_when_it_is(language: str, domain: str) -> None:
    path = path_of(language, domain)
    before = path.read_bytes() if path.exists() else b""
    refresh(language, domain)
    assert (path.read_bytes() if path.exists() else b"") == before


def test_translations_are_used() -> None:
    assert translations("fr").gettext("Right of withdrawal") != "Right of withdrawal"
    assert translations("fr").gettext("This link is too old") == "Ce lien est trop ancien"
    assert translations("en").gettext("Right of withdrawal") == "Right of withdrawal"


def test_no_french_line_begins_with_a_sign() -> None:
    assert translations("fr").gettext("Please correct:") == "À corriger\u00a0:"
    assert translations("fr").gettext("Do I have to give a reason?").endswith("motif\u00a0?")
