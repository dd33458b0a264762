from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases.vocabulary import Reason
from app.messages.facts import TO_SUPPLIERS, Ask, CouponFacts, DigestCase, DigestFacts, Suggestion
from app.messages.render import (
    TO_OPERATOR,
    MessageFacts,
    MessageKind,
    RenderedMessage,
    Task,
    reader_language,
    render,
)
from app.money import Money

LANGUAGES = ("en", "fr", "he")
EVERY_MESSAGE = list(product(MessageKind, LANGUAGES))
# The operator needs nobody to write to.
TO_CUSTOMERS = list(product(set(MessageKind) - TO_OPERATOR, LANGUAGES))
STATUS = "https://returns.example/returns/alpha/r/abc"
SURVEY = "https://returns.example/returns/alpha/survey/def"
ANSWER, ALL = "https://returns.example/supplier/abc.def", "https://returns.example/supplier/all.def"
ADDRESS = {
    "name": "Acme",
    "line1": "1 Road",
    "city": "Lyon",
    "postal_code": "69001",
    "country": "FR",
    "planet": "Earth",
}
HEBREW = "\u05de\u05e0\u05d5\u05e8\u05d4"
DIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")


def facts(kind: MessageKind, locale: str | None = "en") -> MessageFacts:
    return MessageFacts(
        kind=kind,
        locale=locale,
        store_name="Lamp & Co",
        order_number="#1106",
        support_email="help@lamp.example",
        reference="MG-7K3F9Q",
        received_at=datetime(2026, 11, 20, 10, 4, tzinfo=UTC),
        lines=[("Desk lamp", 1), ("Bulb", 3)],
        rma_number="RMA-77",
        return_address=ADDRESS,
        instructions="Use the box.\n\nNo tape.",
        amount=Money(1250, "EUR", 2),
        reason="The return period is over.",
        due_at=datetime(2026, 12, 1, 10, 59, tzinfo=UTC),
        articles=["CRD art. 13(1)"],
        holds=["fraud"],
        items=["A photo of the damage", "The number on the label"],
        last_day=date(2026, 12, 4),
        days_left=3,
        task=Task.CLAIM_WINDOW,
        supplier="Acme",
        route="returnless",
        verdict="part",
        declined=[("Shade", 1)],
        status_url=None if kind in TO_OPERATOR | TO_SUPPLIERS else STATUS,
        survey_url=SURVEY if kind is MessageKind.THANK_YOU else None,
        coupon=CouponFacts("THANKS-7K3F", date(2027, 1, 31), Decimal(10)),
        suggestions=[Suggestion("Reading lamp", "https://lamp.example/?p=7"), Suggestion("Night light")],
        why=["under_review", "hold:fraud"],
        digest=DigestFacts(
            day=date(2026, 11, 22),
            waiting=2,
            cases=[DigestCase("MG-7K3F9Q", "#1106", ["contested", "problem:mail_bounced"])],
            refunded=[Money(1250, "EUR", 2)],
            refunds=1,
            scores=[5, 4],
        ),
        consumer="Ann Smith",
        consumer_email="ann@example.com",
        goods="the lamp\nand the bulb",
        ask=Ask.AUTHORISE,
        reasons=["defective", "wrong_size"],
        answer_url=ANSWER if kind in TO_SUPPLIERS else None,
        all_url=ALL if kind in TO_SUPPLIERS else None,
        open_cases=3,
    )


_DATED = {MessageKind.RECEIPT, MessageKind.WITHDRAWAL_RECEIPT, MessageKind.WITHDRAWAL_TASK}


def least(kind: MessageKind, locale: str) -> MessageFacts:
    """Only what a message of this kind cannot do without."""
    return MessageFacts(
        kind=kind,
        locale=locale,
        store_name="Lamp & Co",
        order_number="#1106",
        received_at=datetime(2026, 11, 20, 10, 4, tzinfo=UTC) if kind in _DATED else None,
        rma_number="RMA-77" if kind is MessageKind.RMA_ISSUED else None,
        amount=Money(1250, "EUR", 2) if kind in (MessageKind.REFUND_SENT, MessageKind.CREDIT_SENT) else None,
        reason="Too late" if kind is MessageKind.REFUSED else None,
        due_at=datetime(2026, 12, 1, 10, 59, tzinfo=UTC) if kind is MessageKind.LEGAL_ALARM else None,
        task=Task.DECIDE if kind is MessageKind.OPERATOR_TASK else None,
        consumer_email="ann@example.com" if kind is MessageKind.WITHDRAWAL_RECEIPT else None,
        route="claim" if kind is MessageKind.APPROVED else None,
        verdict="none" if kind is MessageKind.VERDICT else None,
        why=["contested"] if kind is MessageKind.NEEDS_ATTENTION else (),
        digest=DigestFacts(date(2026, 11, 22), 0) if kind is MessageKind.DIGEST else None,
        ask=Ask.CLAIM if kind in TO_SUPPLIERS else None,
        answer_url=ANSWER if kind in TO_SUPPLIERS else None,
    )


def check_whole(message: RenderedMessage) -> None:
    """Nothing is left open, empty or unpaired in a message."""
    assert message.subject
    assert len(message.subject.splitlines()) == 1
    for part in (message.subject, message.text, message.html):
        assert "None" not in part
        assert "{{" not in part
        assert "{%" not in part
    assert "\n\n\n" not in message.text
    assert not re.search(r"[:(] *$", message.text.rstrip())
    for line in message.text.splitlines():
        assert len(re.findall("[\u2066\u2068]", line)) == line.count("\u2069")
    assert message.html.count("<bdi") == message.html.count("</bdi>")
    assert message.html.count("<p ") == message.html.count("</p>")


@pytest.mark.parametrize(("kind", "language"), EVERY_MESSAGE)
def test_every_message_is_whole_in_every_language(kind: MessageKind, language: str) -> None:
    for given_facts in (facts(kind, language), least(kind, language)):
        message = render(given_facts)
        check_whole(message)
        assert message.language == language
        assert kind is MessageKind.DIGEST or "#1106" in message.subject
        assert "Lamp & Co" in message.text
        assert "Lamp &amp; Co" in message.html


@pytest.mark.parametrize(("kind", "language"), EVERY_MESSAGE)
def test_the_html_says_what_the_text_says(kind: MessageKind, language: str) -> None:
    told = facts(kind, language)
    message = render(told)
    head, _, body = message.html.partition("</bdi></p>")
    assert head.endswith("Lamp &amp; Co")
    buttons = [
        f'<a href="{url}" style="display:inline-block'
        for url in (told.survey_url or told.status_url or told.answer_url,)
        if url
    ]
    assert all(button in body for button in buttons)
    plain = re.sub(r"<[^>]+>", "", body).replace("&amp;", "&")
    text = re.sub(r"[\s:]*:\n(?=https://returns)", "\n", DIRECTIONAL.sub("", message.text))
    assert plain.split() == [word for word in text.split() if word not in (STATUS, SURVEY, ANSWER, ALL)]


@pytest.mark.parametrize(("kind", "language"), sorted(TO_CUSTOMERS))
def test_every_customer_is_told_how_to_reach_a_person(kind: MessageKind, language: str) -> None:
    assert "help@lamp.example" in render(facts(kind, language)).text
    asks = {"en": "eply to this message", "fr": "épondez à ce message", "he": "השיבו להודעה זו"}
    assert asks[language] in render(replace(facts(kind, language), support_email=None)).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_operator_is_told_the_date_the_article_and_what_stops_the_money(language: str) -> None:
    held = render(facts(MessageKind.LEGAL_ALARM, language)).text
    for expected in ("2026", "10:59", "UTC", "CRD art. 13(1)", "fraud", "MG-7K3F9Q"):
        assert expected in held
    free = render(replace(facts(MessageKind.LEGAL_ALARM, language), holds=())).text
    assert "fraud" not in free
    assert "Makegood" in free


@pytest.mark.parametrize(("task", "language"), list(product(Task, LANGUAGES)))
def test_each_task_of_the_operator_has_its_own_words(task: Task, language: str) -> None:
    told = render(replace(facts(MessageKind.OPERATOR_TASK, language), task=task))
    check_whole(told)
    others = {
        render(replace(facts(MessageKind.OPERATOR_TASK, language), task=other)).subject for other in set(Task) - {task}
    }
    assert told.subject not in others
    assert "MG-7K3F9Q" in told.subject
    bare = render(replace(least(MessageKind.OPERATOR_TASK, language), task=task, reference="MG-7K3F9Q"))
    check_whole(bare)


@pytest.mark.parametrize(
    ("language", "days", "words"),
    [
        ("en", 1, "one day is left"), ("en", 2, "2 days are left"), ("fr", 1, "il reste 1 jour)"),
        ("fr", 0, "il reste 0 jour)"), ("fr", 2, "il reste 2 jours)"), ("he", 1, "נותר יום אחד"),
        ("he", 2, "נותרו יומיים"), ("he", 3, "נותרו 3 ימים"),
    ],
)  # fmt: skip
def test_days_are_counted_in_words_of_the_language(language: str, days: int, words: str) -> None:
    assert words in render(replace(facts(MessageKind.OPERATOR_TASK, language), days_left=days)).text


@pytest.mark.parametrize(
    ("language", "count", "words"),
    [
        ("en", 1, "One thing is still missing"), ("en", 2, "2 things are still missing"),
        ("fr", 1, "Il manque encore un élément"), ("fr", 2, "Il manque encore 2 éléments"),
        ("he", 1, "חסר עוד פרט אחד"), ("he", 2, "חסרים עוד שני פרטים"), ("he", 3, "חסרים עוד 3 פרטים"),
    ],
)  # fmt: skip
def test_missing_things_are_counted_and_listed(language: str, count: int, words: str) -> None:
    items = [f"thing {number}" for number in range(count)]
    text = render(replace(facts(MessageKind.EVIDENCE_WANTED, language), items=items)).text
    assert words in text
    assert all(item in text for item in items)


@pytest.mark.parametrize(("language", "words"), [("en", "Last reminder"), ("fr", "Dernier rappel"), ("he", "אחרונה")])
def test_the_last_reminder_says_so_and_until_when(language: str, words: str) -> None:
    first = render(facts(MessageKind.SHIP_REMINDER, language))
    last = render(replace(facts(MessageKind.SHIP_REMINDER, language), final=True))
    assert words in last.subject
    assert words not in first.subject
    assert "2026" in first.text
    assert len(last.text) > len(first.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_receipt_repeats_the_declaration_with_date_and_time(language: str) -> None:
    text = render(facts(MessageKind.RECEIPT, language)).text
    for expected in ("2026", "20", "10:04", "UTC", "Desk lamp", "\n- 3 ", "MG-7K3F9Q"):
        assert expected in text


def test_a_receipt_confirms_that_it_arrived_and_approves_nothing() -> None:
    words = {
        "en": r"approv|accept|authori|reject",
        "fr": r"approuv|accept|autoris|refus",
        "he": r"אישור|מאושר|אישרנו|נדח",
    }
    for language, word in words.items():
        assert not re.search(word, render(facts(MessageKind.RECEIPT, language)).text, re.IGNORECASE)
    assert "has received your return request" in render(facts(MessageKind.RECEIPT)).text


def test_a_receipt_shows_the_moment_in_utc() -> None:
    paris = datetime(2026, 11, 21, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    text = render(replace(facts(MessageKind.RECEIPT, "fr-FR"), received_at=paris)).text
    assert "20 novembre 2026, 23:30 UTC" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_split_request_lists_every_reference(language: str) -> None:
    split = replace(facts(MessageKind.RECEIPT, language), reference=None, case_references=["MG-AAA", "MG-BBB"])
    text = render(split).text
    assert "MG-AAA" in text
    assert "MG-BBB" in text
    alone = render(replace(split, case_references=["MG-AAA"]))
    assert alone == render(replace(split, case_references=[], reference="MG-AAA"))


def test_an_rma_brings_the_address_and_the_instructions() -> None:
    text = render(facts(MessageKind.RMA_ISSUED)).text
    assert "Send the parcel to:\nAcme\n1 Road\nLyon 69001\nFR\n" in text
    assert "Instructions:\nUse the box.\n\nNo tape.\n" in text
    assert "RMA-77" in text
    assert "Earth" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_rma_without_an_address_asks_to_wait(language: str) -> None:
    waits = {"en": "wait for it", "fr": "Attendez-la", "he": "להמתין לה"}
    assert waits[language] in render(least(MessageKind.RMA_ISSUED, language)).text
    assert waits[language] not in render(facts(MessageKind.RMA_ISSUED, language)).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_an_rma_number_the_reference_goes_on_the_parcel(language: str) -> None:
    numbered = facts(MessageKind.RMA_ISSUED, language)
    unnumbered = render(replace(numbered, rma_number=None))
    assert unnumbered == render(replace(numbered, rma_number="MG-7K3F9Q"))
    neither = replace(numbered, rma_number=None, reference=None)
    assert render(neither).text.count("\n\n") == unnumbered.text.count("\n\n") - 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_gives_the_reason_and_the_way_to_appeal(language: str) -> None:
    appeals = {"en": "you can appeal", "fr": "vous pouvez contester", "he": "אפשר לערער"}
    text = render(facts(MessageKind.REFUSED, language)).text
    assert "The return period is over." in text
    assert appeals[language] in text


@pytest.mark.parametrize(
    ("locale", "money", "expected"),
    [
        ("en", Money(1250, "EUR", 2), "€12.50"),
        ("en-US", Money(123450, "USD", 2), "$1,234.50"),
        ("fr-FR", Money(123450, "EUR", 2), "1\u202f234,50\u00a0€"),
        ("he-IL", Money(1250, "ILS", 2), "12.50"),
        ("en", Money(1200, "JPY", 0), "¥1,200 "),
        ("en", Money(5950, "JPY", 2), "¥59.5 "),
        ("en", Money(5900, "JPY", 2), "¥59 "),
        ("en", Money(1234, "KWD", 3), "KWD1.234"),
        ("en", Money(12, "EUR", 0), "€12.00"),
    ],
)
def test_an_amount_is_exact_and_in_the_readers_way(locale: str, money: Money, expected: str) -> None:
    message = render(replace(facts(MessageKind.REFUND_SENT, locale), amount=money))
    assert expected in message.text
    assert expected.strip() in message.subject


@pytest.mark.parametrize(
    ("locale", "language", "territory"),
    [
        ("fr-FR", "fr", "FR"),
        ("fr_CA", "fr", "CA"),
        ("FR", "fr", None),
        ("he-IL", "he", "IL"),
        ("iw", "he", None),
        ("iw_IL", "he", "IL"),
        ("en-gb", "en", "GB"),
        ("fr-Latn-BE", "fr", "BE"),
        ("fr_FR.UTF-8", "fr", "FR"),
        ("fr-XX", "fr", None),
        ("de-DE", "en", None),
        ("", "en", None),
        (None, "en", None),
        ("../../etc", "en", None),
        ("french", "en", None),
    ],
)
def test_the_language_follows_the_locale(locale: str | None, language: str, territory: str | None) -> None:
    found, babel = reader_language(locale)
    assert (found, babel.language, babel.territory) == (language, language, territory)


def test_hebrew_runs_right_to_left_and_isolates_what_does_not() -> None:
    message = render(facts(MessageKind.RMA_ISSUED, "he"))
    assert '<html lang="he" dir="rtl">' in message.html
    assert "\u2066#1106\u2069" in message.subject
    for token in ("\u2066RMA-77\u2069", "\u2066MG-7K3F9Q\u2069", "\u20681 Road\u2069", "\u2068Use the box.\u2069"):
        assert token in message.text
    assert '<bdi dir="ltr">RMA-77</bdi>' in message.html
    assert "<bdi>1 Road</bdi>" in message.html


@pytest.mark.parametrize("language", ["en", "fr"])
def test_other_languages_run_left_to_right_and_isolate_only_hebrew(language: str) -> None:
    plain = render(facts(MessageKind.RMA_ISSUED, language))
    assert f'<html lang="{language}" dir="ltr">' in plain.html
    assert not DIRECTIONAL.search(plain.text)
    mixed = render(replace(facts(MessageKind.RMA_ISSUED, language), lines=[(HEBREW, 1)]))
    assert f"\u2068{HEBREW}\u2069\n" in mixed.text


def test_foreign_texts_cannot_forge_headers_or_markup_or_direction() -> None:
    nasty = "A\r\nBcc: all@example.com\u2028\x00\x1b<script>\u202e\u2069 {{ order }}"
    message = render(
        replace(
            facts(MessageKind.REFUSED, "he"),
            order_number=nasty,
            store_name=nasty,
            lines=[(nasty, 1)],
            reason=nasty,
            reference=nasty,
        )
    )
    assert len(message.subject.splitlines()) == 1
    assert "<script>" not in message.html
    assert "\u202e" not in message.text + message.subject
    assert not re.search(r"[\x00\x1b\r\u2028]", message.subject + message.text + message.html)
    assert "{{ order }}" in message.text
    for line in message.text.splitlines():
        assert len(re.findall("[\u2066\u2068]", line)) == line.count("\u2069")


def test_long_texts_are_cut() -> None:
    long = replace(facts(MessageKind.REFUSED), order_number="9" * 5000, reason="r" * 50_000, store_name="s" * 5000)
    message = render(long)
    assert len(message.subject) < 200
    assert len(message.text) < 6000
    assert "…" in message.subject


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (MessageKind.RECEIPT, "received_at"),
        (MessageKind.REFUND_SENT, "amount"),
        (MessageKind.CREDIT_SENT, "amount"),
        (MessageKind.REFUSED, "reason"),
    ],
)
def test_a_message_without_its_point_is_not_written(kind: MessageKind, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        render(replace(MessageFacts(kind, "en", "Lamp & Co", "#1106"), reference=field))


@given(text=st.text(max_size=60), kind=st.sampled_from(MessageKind), language=st.sampled_from(LANGUAGES))
def test_any_text_gives_a_message_that_can_be_encoded(text: str, kind: MessageKind, language: str) -> None:
    message = render(
        replace(
            facts(kind, language),
            order_number=text,
            lines=[(text, 2)],
            instructions=text,
            locale=language,
        )
    )
    assert len(message.subject.splitlines()) == 1
    assert (message.text + message.html).encode("utf-8")


@pytest.mark.parametrize(("ask", "language"), list(product(Ask, LANGUAGES)))
def test_a_supplier_is_told_what_is_asked_of_it_and_where_to_answer(ask: Ask, language: str) -> None:
    told = render(replace(facts(MessageKind.SUPPLIER_REQUEST, language), ask=ask))
    check_whole(told)
    others = {
        render(replace(facts(MessageKind.SUPPLIER_REQUEST, language), ask=other)).text
        for other in set(Ask) - {ask, Ask.VERDICT}
    }
    assert ask is Ask.VERDICT or told.text not in others
    assert "MG-7K3F9Q" in told.subject
    # Alone on its line and without an isolate: mail programs make the whole line the address.
    assert ANSWER in told.text.splitlines()
    assert ANSWER in render(replace(facts(MessageKind.SUPPLIER_REMINDER, language), ask=ask)).text.splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_words_for_suppliers(language: str) -> None:
    def words(reason: str) -> str:
        return render(replace(facts(MessageKind.SUPPLIER_REQUEST, language), reasons=[reason])).text

    assert len({words(reason) for reason in Reason}) == len(Reason)


@pytest.mark.parametrize(
    ("language", "count", "words"),
    [("en", 2, "2 open cases"), ("fr", 2, "2 dossiers ouverts"), ("he", 2, "שני תיקים"), ("he", 5, "5 תיקים")],
)
def test_open_cases_are_counted(language: str, count: int, words: str) -> None:
    told = replace(facts(MessageKind.SUPPLIER_REMINDER, language), open_cases=count)
    assert words in render(told).text
    assert words not in render(replace(told, all_url=None)).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_credit_is_named_where_it_is_known(language: str) -> None:
    known = render(facts(MessageKind.SUPPLIER_CREDIT_DUE, language)).text
    unknown = render(replace(facts(MessageKind.SUPPLIER_CREDIT_DUE, language), amount=None)).text
    assert "12" in known.partition("\n\n")[2].partition("\n\n")[0]
    assert known.partition("\n\n")[2] != unknown.partition("\n\n")[2]
    again = render(replace(facts(MessageKind.SUPPLIER_REQUEST, language), again=True)).text
    assert len(again) > len(render(facts(MessageKind.SUPPLIER_REQUEST, language)).text)
