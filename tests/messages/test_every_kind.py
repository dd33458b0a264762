"""Every kind of message in every language, as a real mail server receives it; and that no words are missing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from itertools import product
from pathlib import Path
from typing import cast

import pytest

from app.messages.facts import TO_OPERATOR, TO_SUPPLIERS, MessageFacts, MessageKind
from app.messages.render import render
from app.messages.samples import sample
from app.messages.wording import LANGUAGES, LAYOUT, TEMPLATES
from app.outcomes import Ok
from tests.messages.test_smtp import Mailbox, mail_server, send, sender_for

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
STATUS, SURVEY = "https://returns.example/returns/alpha/r/abc", "https://returns.example/returns/alpha/survey/abc"
ANSWER = "https://returns.example/supplier/abc"
_PARTS = {LAYOUT, "attention", "reasons"}
# Letters by which a text is seen to be in its language.
_LETTERS = {"he": re.compile("[\u05d0-\u05ea]{3}"), "fr": re.compile("[éèàêùîç]"), "en": re.compile("[a-z]{3}")}


def facts(kind: MessageKind, language: str) -> MessageFacts:
    return sample(
        kind,
        MessageFacts(
            kind=kind, locale=language, store_name="Alpha", order_number="#1", store="alpha", colour="#aa3300",
            status_url=STATUS, survey_url=SURVEY if kind is MessageKind.THANK_YOU else None, answer_url=ANSWER,
        ),
        NOW,
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "language"), list(product(MessageKind, LANGUAGES)))
async def test_both_parts_arrive_in_the_right_language_and_direction(kind: MessageKind, language: str) -> None:
    told = render(facts(kind, language))
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        sent = await send(sender_for(port), subject=told.subject, text=told.text, html=told.html)
    assert sent == Ok(None)
    message = mailbox.only_message()
    plain, html = (cast(EmailMessage, part).get_content() for part in message.iter_parts())
    assert message["Subject"] == told.subject
    assert plain.replace("\r\n", "\n") == told.text
    direction = "rtl" if language == "he" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in html
    assert f'<body dir="{direction}"' in html
    for text in (message["Subject"], plain, html):
        assert (_LETTERS["he"].search(text) is not None) == (language == "he")
    assert _LETTERS[language].search(plain)
    link = SURVEY if kind is MessageKind.THANK_YOU else ANSWER if kind in TO_SUPPLIERS else STATUS
    assert (link in plain) == (f'href="{link}"' in html) == (kind not in TO_OPERATOR)
    # Nothing is fetched when a mail is opened.
    assert not re.search(r"<(img|link|script|iframe)|url\(|@import", html)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_template_is_missing_and_none_is_left_over(language: str) -> None:
    assert {file.stem for file in (TEMPLATES / language).glob("*.txt")} == {*MessageKind, *_PARTS}


def names(file: Path) -> set[str]:
    """What a template names in its blocks, and which links and blocks it has."""
    text = file.read_text("utf-8")
    return set(re.findall(r"{% (?:if|elif|for \w+ in) ([\w.]+)", text)) | set(re.findall(r"{% block (\w+)", text))


@pytest.mark.parametrize("kind", [*MessageKind, *sorted(_PARTS)])
def test_every_language_tells_the_same(kind: str) -> None:
    told = {language: names(TEMPLATES / language / f"{kind}.txt") for language in LANGUAGES}
    assert told["fr"] == told["en"] == told["he"]


@pytest.mark.parametrize("language", ["fr", "he"])
def test_no_english_is_left_in_another_language(language: str) -> None:
    english = re.compile(r"\b(the|your|you|and|with|this|have|what|next)\b", re.IGNORECASE)
    for kind in MessageKind:
        text = render(facts(kind, language)).text
        for foreign in (
            "The return period is over.",
            "Use the box it came in.",
            "No tape on the lamp itself.",
            "Desk",
            "The lamp.",
            "Not the bulbs.",
        ):
            text = text.replace(foreign, "")
        text = re.sub(r"A photo of the damage|The number on the label|https?://\S+", "", text)
        assert not english.search(text), (kind, english.search(text))


@pytest.mark.parametrize(("colour", "on"), [("#ffffff", "#000000"), ("#000000", "#ffffff"), ("#ffee00", "#000000")])
def test_a_button_can_be_read_whatever_the_stores_colour(colour: str, on: str) -> None:
    html = render(replace(facts(MessageKind.RECEIPT, "en"), colour=colour)).html
    assert f"background:{colour};color:{on}" in html
