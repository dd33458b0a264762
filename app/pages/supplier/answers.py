"""Reads what a supplier filled in: an answer as any channel brings it, or what is wrong with the form, field by field.

The fields of one form have names of their own, because several forms stand on one page. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from babel.numbers import list_currencies

from app.money import Money, currency_exponent
from app.pages.supplier.offers import Do
from app.suppliers.base import CreditPromise, ReceivedLine, SupplierAnswer, SupplierStatus, VerdictLine
from app.suppliers.events import ADDRESS_KEYS

CONDITIONS = ("unopened", "opened", "used", "damaged", "defective", "incomplete", "wrong_item")
MOST_WORDS, MOST_TEXT, MOST_INSTRUCTIONS = 200, 1000, 4000
_NEEDED_OF_ADDRESS = ("line1", "city", "country")
_WHOLE = re.compile(r"[0-9]{1,6}", re.ASCII)
_AMOUNT = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{1,4}))?", re.ASCII)
# A supplier may promise for long, and may have paid before it says so.
_FURTHEST = timedelta(days=730)


class Wrong(StrEnum):
    """What is wrong with a field."""

    MISSING = "missing"
    NOT_A_DAY = "not_a_day"
    TOO_LATE = "too_late"
    TOO_EARLY = "too_early"
    NOT_A_NUMBER = "not_a_number"
    TOO_MANY = "too_many"
    NOTHING = "nothing"
    NOT_AN_AMOUNT = "not_an_amount"
    NOT_A_CURRENCY = "not_a_currency"
    NO_CREDIT = "no_credit"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class Asked:
    """A line as the forms ask for it; the fields of a line carry its `number` on the page."""

    number: int
    line_id: str
    units: int


@dataclass(slots=True)
class Sheet:
    """A form as it was filled in, and what has been found wrong with it.

    `since` is the day before which nothing can have happened; `accepted` the units accepted so far.
    """

    texts: Mapping[str, str]
    lines: Sequence[Asked]
    accepted: Mapping[str, int]
    now: datetime
    since: date
    wrong: dict[str, Wrong] = field(default_factory=dict)

    def text(self, name: str, most: int = MOST_WORDS) -> str | None:
        """A text, None when it was left empty."""
        return self.texts.get(name, "").strip()[:most] or None

    def needed(self, name: str, most: int = MOST_WORDS) -> str:
        """A text that must be there."""
        found = self.text(name, most)
        if found is None:
            self.wrong[name] = Wrong.MISSING
        return found or ""

    def units(self, name: str, most: int) -> int:
        """A number of units."""
        given = self.text(name)
        if given is None or not _WHOLE.fullmatch(given):
            self.wrong[name] = Wrong.NOT_A_NUMBER if given else Wrong.MISSING
        elif int(given) > most:
            self.wrong[name] = Wrong.TOO_MANY
        else:
            return int(given)
        return 0

    def day(self, name: str, *, past: bool) -> datetime | None:
        """A day as an instant in UTC, not in the future when `past`. A day that has just begun somewhere counts."""
        given = self.text(name)
        if given is None:
            return None
        try:
            found = date.fromisoformat(given)
        except ValueError:
            self.wrong[name] = Wrong.NOT_A_DAY
            return None
        tomorrow = self.now.astimezone(UTC).date() + timedelta(days=1)
        if found > (tomorrow if past else tomorrow + _FURTHEST):
            self.wrong[name] = Wrong.TOO_LATE
        elif found < self.since:
            self.wrong[name] = Wrong.TOO_EARLY
        moment = datetime.combine(found, time(), UTC)
        return min(moment, self.now) if past else moment

    def credit(self, prefix: str) -> CreditPromise | None:
        """An amount with its currency, reference and day; None when no amount was given."""
        given = self.text(f"{prefix}_amount")
        if given is None:
            return None
        currency = (self.text(f"{prefix}_currency") or "").upper()
        if currency not in list_currencies():
            self.wrong[f"{prefix}_currency"] = Wrong.NOT_A_CURRENCY
            return None
        amount = amount_of(given, currency)
        if amount is None:
            self.wrong[f"{prefix}_amount"] = Wrong.NOT_AN_AMOUNT
            return None
        paid = prefix == "paid"
        at = self.day(f"{prefix}_on", past=paid)
        return CreditPromise(
            amount,
            self.text(f"{prefix}_reference", 100),
            expected_at=None if paid else at,
            paid_at=at if paid else None,
        )


def amount_of(text: str, currency: str) -> Money | None:
    """An amount above zero as people type it, with a point or a comma before the decimals.

    What may as well be thousands ("1,500", "1.500") is no amount: it must never be read as a thousandth part.
    """
    match, exponent = _AMOUNT.fullmatch(text), currency_exponent(currency)
    decimals = match[2] or "" if match else ""
    if match is None or len(decimals) > exponent or ("," in text and len(decimals) == 3):
        return None
    found = Money.parse(f"{match[1]}.{decimals or '0'}", currency, exponent)
    return found if found.minor > 0 else None


def read(do: Do, sheet: Sheet) -> SupplierAnswer | None:
    """What the form says. None for a note, and when something is wrong with the form: `sheet.wrong` says what."""
    reader = _READERS.get(do)
    answer = reader(sheet) if reader else None
    return None if sheet.wrong else answer


def _authorise(sheet: Sheet) -> SupplierAnswer:
    address = {part: sheet.text(part) for part in ADDRESS_KEYS}
    for part in _NEEDED_OF_ADDRESS:
        if address[part] is None:
            sheet.wrong[part] = Wrong.MISSING
    return SupplierAnswer(
        SupplierStatus.AUTHORIZED,
        rma_number=sheet.text("rma_number", 100),
        return_address={part: value for part, value in address.items() if value},
        instructions=sheet.text("instructions", MOST_INSTRUCTIONS),
    )


def _refuse(sheet: Sheet) -> SupplierAnswer:
    return SupplierAnswer(SupplierStatus.REFUSED, reason=sheet.needed("refuse_reason", MOST_TEXT))


def _receive(sheet: Sheet) -> SupplierAnswer:
    arrived = tuple(
        ReceivedLine(
            line.line_id, sheet.units(f"got_{line.number}", line.units), _condition(sheet, f"got_state_{line.number}")
        )
        for line in sheet.lines
    )
    if not sheet.wrong and not any(line.quantity for line in arrived):
        sheet.wrong[f"got_{sheet.lines[0].number}"] = Wrong.NOTHING
    at = sheet.day("received_on", past=True)
    if at is None and "received_on" not in sheet.wrong:
        sheet.wrong["received_on"] = Wrong.MISSING
    return SupplierAnswer(SupplierStatus.RECEIVED, received_at=at, received=arrived)


def _verdict(sheet: Sheet) -> SupplierAnswer:
    found = tuple(
        VerdictLine(
            line.line_id,
            sheet.units(f"accepted_{line.number}", line.units),
            _condition(sheet, f"state_{line.number}"),
            sheet.text(f"finding_{line.number}", MOST_TEXT),
        )
        for line in sheet.lines
    )
    credit = sheet.credit("credit")
    if sheet.wrong or any(line.accepted_quantity for line in found):
        return SupplierAnswer(SupplierStatus.CONFIRMED, verdict=found, credit=credit)
    if credit is not None:
        sheet.wrong["credit_amount"] = Wrong.NO_CREDIT
    reason = sheet.needed("verdict_reason", MOST_TEXT)
    return SupplierAnswer(SupplierStatus.REJECTED, reason=reason, verdict=found)


def _pledge(sheet: Sheet) -> SupplierAnswer:
    """A promise for what was accepted before."""
    sheet.needed("pledge_amount")
    verdict = tuple(VerdictLine(line.line_id, sheet.accepted.get(line.line_id, 0)) for line in sheet.lines)
    return SupplierAnswer(SupplierStatus.CONFIRMED, verdict=verdict, credit=sheet.credit("pledge"))


def _paid(sheet: Sheet) -> SupplierAnswer:
    sheet.needed("paid_amount")
    credit = sheet.credit("paid")
    if not sheet.text("paid_on"):
        sheet.wrong["paid_on"] = Wrong.MISSING
    return SupplierAnswer(SupplierStatus.CREDITED, credit=credit)


def _note(sheet: Sheet) -> None:
    sheet.needed("note", MOST_TEXT)


def _condition(sheet: Sheet, name: str) -> str | None:
    given = sheet.text(name)
    return given if given in CONDITIONS else None


_READERS: Mapping[Do, Callable[[Sheet], SupplierAnswer | None]] = {
    Do.AUTHORISE: _authorise,
    Do.REFUSE: _refuse,
    Do.RECEIVE: _receive,
    Do.VERDICT: _verdict,
    Do.PLEDGE: _pledge,
    Do.PAID: _paid,
    Do.NOTE: _note,
}
