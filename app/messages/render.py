"""The wording of every message to a customer or the operator: subject, text and HTML in the reader's language.

The wording stands once per language, in `templates/<language>/<kind>.txt`; its first line is the subject. A store may
have its own (`wording.py`). The HTML part is built from the same paragraphs (`layout.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from babel.core import Locale, UnknownLocaleError

from app.messages.facts import TO_OPERATOR, MessageFacts, MessageKind, Task
from app.messages.foreign import address_lines, code, paragraphs, plain, words
from app.messages.layout import blocks_of, colours
from app.messages.wording import OURS, BadWording, own_words_of, words_of
from app.messages.writer import Writer

__all__ = [
    "TO_OPERATOR",
    "MessageFacts",
    "MessageKind",
    "RenderedMessage",
    "Task",
    "reader_language",
    "render",
    "render_own",
]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """A message ready to be sent. `subject` is one line; `text` and `html` say the same; `language` is en, fr or he."""

    subject: str
    text: str
    html: str
    language: str


_NEEDED: Mapping[MessageKind, tuple[str, ...]] = {
    MessageKind.RECEIPT: ("received_at",),
    MessageKind.REFUND_SENT: ("amount",),
    MessageKind.CREDIT_SENT: ("amount",),
    MessageKind.REFUSED: ("reason",),
    MessageKind.LEGAL_ALARM: ("due_at",),
    MessageKind.OPERATOR_TASK: ("task",),
    MessageKind.APPROVED: ("route",),
    MessageKind.VERDICT: ("verdict",),
    MessageKind.NEEDS_ATTENTION: ("why",),
    MessageKind.DIGEST: ("digest",),
    MessageKind.WITHDRAWAL_RECEIPT: ("received_at", "consumer_email"),
    MessageKind.WITHDRAWAL_TASK: ("received_at",),
    MessageKind.SUPPLIER_REQUEST: ("ask", "answer_url"),
    MessageKind.SUPPLIER_REMINDER: ("ask", "answer_url"),
    MessageKind.SUPPLIER_CREDIT_DUE: ("answer_url",),
}

_LANGUAGES = {"en": "en", "fr": "fr", "he": "he", "iw": "he"}
_RIGHT_TO_LEFT = ("he",)
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z]{4})?(?:[-_]([A-Za-z]{2}))?(?:[-_.@].*)?", re.ASCII)


def render(facts: MessageFacts, wording: Path | None = None) -> RenderedMessage:
    """Words a message, in the store's own words where the folder `wording` has some that can be used, else in ours.

    Raises `ValueError` when the facts lack what this kind of message is there to tell.
    """
    if wording is not None:
        try:
            own = render_own(facts, wording)
        except BadWording as bad:
            log.warning("wording_not_used", store=facts.store, kind=facts.kind, why=str(bad))
        else:
            if own is not None:
                return own
    return _rendered(facts, lambda language, values: words_of(language, facts.kind, values))


def render_own(facts: MessageFacts, wording: Path) -> RenderedMessage | None:
    """The message in the store's own words; None when it has none for it.

    Raises `BadWording`, which names file and line, and `ValueError` as `render` does.
    """
    language, _ = reader_language(facts.locale)
    values = _values(facts)
    text = own_words_of(wording, facts.store, language, facts.kind, values) if facts.store else None
    if text is None:
        return None
    if not text.strip().partition("\n")[2].strip():
        raise BadWording(f"{wording / facts.store / language / facts.kind}.txt: has no text below its subject")
    return _rendered(facts, lambda _language, _values: text)


def _values(facts: MessageFacts) -> dict[str, Any]:
    missing = [name for name in _NEEDED.get(facts.kind, ()) if not getattr(facts, name)]
    if missing:
        raise ValueError(f"A message {facts.kind} cannot be written without {', '.join(missing)}")
    return _context(facts, *reader_language(facts.locale))


def _rendered(facts: MessageFacts, word: Callable[[str, dict[str, Any]], str]) -> RenderedMessage:
    language, _ = reader_language(facts.locale)
    subject, _, body = word(language, _values(facts)).strip().partition("\n")
    told = [paragraph.strip() for paragraph in re.split(r"\n\s*\n", body.strip())]
    ours = (facts.status_url, facts.survey_url, facts.answer_url, facts.all_url)
    links = [*ours, *(one.url for one in facts.suggestions)]
    accent, on_accent = colours(facts.colour)
    html = OURS.get_template("base.html").render(
        language=language,
        direction="rtl" if language in _RIGHT_TO_LEFT else "ltr",
        subject=subject.strip(),
        store=plain(facts.store_name),
        accent=accent,
        on_accent=on_accent,
        blocks=blocks_of(told, [link for link in links if link]),
    )
    return RenderedMessage(subject.strip(), "\n\n".join(told) + "\n", html, language)


def reader_language(locale: str | None) -> tuple[str, Locale]:
    """The language we have for a locale text, and the locale to write amounts and dates in; English for any other."""
    match = _LOCALE.fullmatch((locale or "").strip())
    language = _LANGUAGES.get(match[1].lower()) if match else None
    if match is None or language is None:
        return "en", Locale("en")
    try:
        return language, Locale(language, (match[2] or "").upper() or None)
    except UnknownLocaleError:
        return language, Locale(language)


def _context(facts: MessageFacts, language: str, locale: Locale) -> dict[str, Any]:
    """Everything that a template may name; the same for every kind, so that wordings can be moved between them."""
    rtl = language in _RIGHT_TO_LEFT
    references = [code(reference, rtl) for reference in facts.case_references or [facts.reference or ""]]
    writer = Writer(locale, facts.country, rtl)
    return {
        "store": words(facts.store_name, rtl),
        "support": code(facts.support_email, rtl),
        "order": code(facts.order_number, rtl),
        "reference": references[0] if len(references) == 1 else "",
        "references": references,
        "received": writer.moment(facts.received_at),
        "lines": writer.lines(facts.lines),
        "declined": writer.lines(facts.declined),
        "rma": code(facts.rma_number or facts.reference, rtl),
        "address": address_lines(facts.return_address or {}, rtl),
        "instructions": paragraphs(facts.instructions, rtl),
        "amount": writer.amount(facts.amount) if facts.amount else "",
        "by_hand": facts.by_hand,
        "reason": paragraphs(facts.reason, rtl),
        "due": writer.moment(facts.due_at),
        "articles": [words(article, rtl) for article in facts.articles],
        "holds": ", ".join(code(hold, rtl) for hold in facts.holds),
        "items": [words(item, rtl) for item in facts.items],
        "items_form": locale.plural_form(len(facts.items)),
        "last_day": writer.day(facts.last_day),
        "days": facts.days_left,
        "days_form": locale.plural_form(facts.days_left),
        "final": facts.final,
        "task": facts.task,
        "supplier": words(facts.supplier, rtl),
        "route": facts.route,
        "remedy": facts.remedy,
        "verdict": facts.verdict,
        "status_url": facts.status_url,
        "survey_url": facts.survey_url,
        "coupon": writer.coupon(facts.coupon) if facts.coupon else None,
        "suggestions": [{"title": words(one.title, rtl), "url": one.url} for one in facts.suggestions],
        "why": writer.attention(facts.why),
        "digest": writer.digest(facts.digest) if facts.digest else None,
        "consumer": words(facts.consumer, rtl),
        "consumer_email": code(facts.consumer_email, rtl),
        "goods": paragraphs(facts.goods, rtl),
        "ask": facts.ask,
        "again": facts.again,
        "reasons": facts.reasons,
        "answer_url": facts.answer_url,
        "all_url": facts.all_url,
        "open_cases": facts.open_cases,
        "credit_code": code(facts.credit_code, rtl),
        "new_order": code(facts.new_order, rtl),
        "open_form": locale.plural_form(facts.open_cases),
    }
