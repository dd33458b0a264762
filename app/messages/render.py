"""The wording of every message to a customer or the operator: subject, text and HTML in the reader's language.

The wording stands once per language, in `templates/<language>/<kind>.txt`; its first line is the subject. The HTML part
is built from the same paragraphs, so the two can never say different things.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from app.money import Money


class MessageKind(StrEnum):
    """What a message is about; also the name of its template."""

    RECEIPT = "receipt"
    RMA_ISSUED = "rma_issued"
    REFUND_SENT = "refund_sent"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    LEGAL_ALARM = "legal_alarm"
    EVIDENCE_WANTED = "evidence_wanted"
    SHIP_REMINDER = "ship_reminder"
    STILL_REVIEWING = "still_reviewing"
    SUPPLIER_LATE = "supplier_late"
    OPERATOR_TASK = "operator_task"
    SUPPLIER_REQUEST = "supplier_request"
    SUPPLIER_REMINDER = "supplier_reminder"
    SUPPLIER_WITHDRAWN = "supplier_withdrawn"
    SUPPLIER_CREDIT_DUE = "supplier_credit_due"


class Ask(StrEnum):
    """What a supplier is asked for: an RMA number, to await goods, a verdict on goods or on a claim, a credit."""

    AUTHORISE = "authorise"
    EXPECT = "expect"
    VERDICT = "verdict"
    CLAIM = "claim"
    CREDIT = "credit"


class Task(StrEnum):
    """What the operator is asked to do by an `operator_task`."""

    ASK_SUPPLIER = "ask_supplier"
    DECIDE = "decide"
    OVERDUE = "overdue"
    SUPPLIER_SILENT = "supplier_silent"
    PARCEL_STALLED = "parcel_stalled"
    CREDIT_DUE = "credit_due"
    CREDIT_OVERDUE = "credit_overdue"
    CLAIM_WINDOW = "claim_window"
    CLAIM_MISSED = "claim_missed"


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What a message tells. Texts may come from customers and suppliers: they are cleaned and cut when rendered.

    `locale` is the reader's, in any spelling (`fr-CA`, `he_IL`). `lines` is title and quantity. `reference` is the
    case's; a receipt lists `case_references` instead when the request was split. Where a supplier gives no RMA number
    the reference stands for it. `by_hand` says that the store's payment method
    cannot send money back, so that the merchant sends it some other way. `due_at`, `articles` and `holds` are for the
    operator: when a refund is due by law, by which articles, and what stops its money. `items` are things still wanted
    from the customer. `last_day` is until when something is to be done, `days_left` how many days that is, `final` that
    no other reminder comes. `task` is what the operator is to do, `supplier` with whom. Suppliers are told what is
    asked of them (`ask`, `again` when they have answered before), why the customer returns it (`reasons`), and where to
    answer: `link` for the case, `all_link` for their `open_cases` where there are several.
    """

    kind: MessageKind
    locale: str | None
    store_name: str
    order_number: str
    support_email: str | None = None
    reference: str | None = None
    received_at: datetime | None = None
    lines: Sequence[tuple[str, int]] = ()
    rma_number: str | None = None
    return_address: Mapping[str, str] | None = None
    instructions: str | None = None
    amount: Money | None = None
    by_hand: bool = False
    reason: str | None = None
    case_references: Sequence[str] = ()
    due_at: datetime | None = None
    articles: Sequence[str] = ()
    holds: Sequence[str] = ()
    items: Sequence[str] = ()
    last_day: date | None = None
    days_left: int = 0
    final: bool = False
    task: Task | None = None
    supplier: str | None = None
    ask: Ask | None = None
    again: bool = False
    reasons: Sequence[str] = ()
    link: str | None = None
    all_link: str | None = None
    open_cases: int = 0


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
    MessageKind.REFUSED: ("reason",),
    MessageKind.LEGAL_ALARM: ("due_at",),
    MessageKind.OPERATOR_TASK: ("task",),
    MessageKind.SUPPLIER_REQUEST: ("ask", "link"),
    MessageKind.SUPPLIER_REMINDER: ("ask", "link"),
    MessageKind.SUPPLIER_CREDIT_DUE: ("link",),
}

_LANGUAGES = {"en": "en", "fr": "fr", "he": "he", "iw": "he"}
_RIGHT_TO_LEFT = ("he",)
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z]{4})?(?:[-_]([A-Za-z]{2}))?(?:[-_.@].*)?", re.ASCII)

# Unicode's directional controls. A foreign text must not bring its own: it could turn our words around. Ours are the
# isolates: LRI for codes, which run left to right, FSI for texts whose own first letter tells, PDI to end either.
_LRI, _FSI, _PDI = "\u2066", "\u2068", "\u2069"
_DIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")

_LONGEST_LINE = 200
_LONGEST_CODE = 100
_LONGEST_TEXT = 4000


def render(facts: MessageFacts) -> RenderedMessage:
    """Words a message. Raises `ValueError` when the facts lack what this kind of message is there to tell."""
    missing = [name for name in _NEEDED.get(facts.kind, ()) if not getattr(facts, name)]
    if missing:
        raise ValueError(f"A {facts.kind} message cannot be written without {', '.join(missing)}")
    language, locale = reader_language(facts.locale)
    template = _environment.get_template(f"{language}/{facts.kind}.txt")
    subject, _, body = template.render(_context(facts, language, locale)).strip().partition("\n")
    paragraphs = [paragraph.strip() for paragraph in re.split(r"\n\s*\n", body.strip())]
    direction = "rtl" if language in _RIGHT_TO_LEFT else "ltr"
    html = _environment.get_template("base.html").render(
        language=language, direction=direction, subject=subject, paragraphs=paragraphs
    )
    return RenderedMessage(subject.strip(), "\n\n".join(paragraphs) + "\n", html, language)


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
    rtl = language in _RIGHT_TO_LEFT
    references = [_code(reference, rtl) for reference in facts.case_references or [facts.reference or ""]]
    return {
        "store": _words(facts.store_name, rtl),
        "support": _code(facts.support_email, rtl),
        "order": _code(facts.order_number, rtl),
        "reference": references[0] if len(references) == 1 else "",
        "references": references,
        "received": _moment(facts.received_at, locale) if facts.received_at else "",
        "lines": [(_words(title, rtl), quantity) for title, quantity in facts.lines],
        "rma": _code(facts.rma_number or facts.reference, rtl),
        "address": [_words(line, rtl) for line in _address_lines(facts.return_address or {})],
        "instructions": _paragraphs(facts.instructions, rtl),
        "amount": _amount(facts.amount, locale) if facts.amount else "",
        "by_hand": facts.by_hand,
        "reason": _paragraphs(facts.reason, rtl),
        "due": _moment(facts.due_at, locale) if facts.due_at else "",
        "articles": [_words(article, rtl) for article in facts.articles],
        "holds": ", ".join(_code(hold, rtl) for hold in facts.holds),
        "items": [_words(item, rtl) for item in facts.items],
        "items_form": locale.plural_form(len(facts.items)),
        "last_day": format_date(facts.last_day, "long", locale=locale) if facts.last_day else "",
        "days": facts.days_left,
        "days_form": locale.plural_form(facts.days_left),
        "final": facts.final,
        "task": facts.task,
        "supplier": _words(facts.supplier, rtl),
        "ask": facts.ask,
        "again": facts.again,
        "reasons": facts.reasons,
        # A mail program makes the whole line a link: an isolate would become part of the address.
        "link": facts.link or "",
        "all_link": facts.all_link or "",
        "open_cases": facts.open_cases,
        "open_form": locale.plural_form(facts.open_cases),
    }


def _amount(money: Money, locale: Locale) -> str:
    # Without quantization no digit is ever rounded away: a store may write yen with decimals.
    exact = Decimal(money.minor).scaleb(-money.exponent)
    return format_currency(exact, money.currency, locale=locale, decimal_quantization=False)


def _moment(at: datetime, locale: Locale) -> str:
    # The reader's time zone is not known; UTC, named, is right everywhere.
    at = at.astimezone(UTC)
    return f"{format_date(at, 'long', locale=locale)}, {format_time(at, 'short', locale=locale)} UTC"


def _address_lines(address: Mapping[str, str]) -> list[str]:
    def part(key: str) -> str:
        return _one_line(address.get(key), _LONGEST_LINE)

    town = " ".join(filter(None, (part("city"), part("region"), part("postal_code"))))
    return [line for line in (part("name"), part("line1"), part("line2"), town, part("country")) if line]


def _code(value: str | None, rtl: bool) -> str:
    return _isolated(_one_line(value, _LONGEST_CODE), rtl, _LRI)


def _words(value: str | None, rtl: bool) -> str:
    return _isolated(_one_line(value, _LONGEST_LINE), rtl, _FSI)


def _paragraphs(value: str | None, rtl: bool) -> str:
    # An isolate ends with its line, so each line gets its own.
    cut = _cut((value or "").strip(), _LONGEST_TEXT)
    lines = [_one_line(line, _LONGEST_TEXT) for line in cut.splitlines()]
    return "\n".join(_isolated(line, rtl, _FSI) for line in lines)


def _one_line(value: str | None, limit: int) -> str:
    visible = _DIRECTIONAL.sub("", value or "")
    # Control characters, surrogates and line separators: none has a place in a line, and some could forge a header.
    spaced = "".join(" " if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} else char for char in visible)
    return _cut(re.sub(" {2,}", " ", spaced).strip(), limit)


def _cut(value: str, limit: int) -> str:
    return value if len(value) <= limit else value[: limit - 1].rstrip() + "…"


def _isolated(value: str, rtl: bool, opening: str) -> str:
    foreign = rtl or any(unicodedata.bidirectional(char) in {"R", "AL"} for char in value)
    return f"{opening}{value}{_PDI}" if value and foreign else value


def _paragraph_html(paragraph: str) -> Markup:
    """The text's line breaks and isolates as HTML; all else escaped."""
    return (
        escape(paragraph)
        .replace("\n", Markup("<br>\n"))
        .replace(_LRI, Markup('<bdi dir="ltr">'))
        .replace(_FSI, Markup("<bdi>"))
        .replace(_PDI, Markup("</bdi>"))
    )


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["paragraph_html"] = _paragraph_html
