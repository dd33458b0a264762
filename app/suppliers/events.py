"""What a supplier says, read from the JSON of the generic channel: answers to our calls and events it sends. Pure.

Strict where money or goods hang on it (type, return id, quantities, amounts), tolerant everywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from app.errors import Invalid
from app.money import BadAmount, Money
from app.orders import reading
from app.suppliers.base import CreditPromise, ReceivedLine, SupplierAnswer, SupplierStatus, VerdictLine

EVENT_STATUSES: Mapping[str, SupplierStatus] = MappingProxyType(
    {
        "return.authorized": SupplierStatus.AUTHORIZED,
        "return.refused": SupplierStatus.REFUSED,
        "return.received": SupplierStatus.RECEIVED,
        "return.confirmed": SupplierStatus.CONFIRMED,
        "return.rejected": SupplierStatus.REJECTED,
        "return.credited": SupplierStatus.CREDITED,
    }
)
ADDRESS_KEYS = ("name", "line1", "line2", "city", "region", "postal_code", "country")

_ADDRESS_LIMIT = 200
_CONDITION_LIMIT = 100
_WORD_LIMIT = 100
_NOTE_LIMIT = 1000
_INSTRUCTIONS_LIMIT = 4000
_MOST_UNITS = 10**9


class SupplierNonsense(Invalid):
    """A supplier's answer or event that cannot be acted on. The text never repeats what the supplier wrote."""

    code = "supplier_nonsense"
    title = "The supplier's message makes no sense"


@dataclass(frozen=True, slots=True)
class SupplierEvent:
    """One event of the generic channel. `occurred_at` is the supplier's own time in UTC, None when it gave none."""

    type: str
    return_id: str
    answer: SupplierAnswer
    occurred_at: datetime | None


def answer_from(body: Mapping[str, Any], order_currency_hint: str | None = None) -> SupplierAnswer:
    """Reads the JSON object that answers `POST /returns` or `GET /returns/{id}`.

    `order_currency_hint` is the currency of a credit that names none. Raises `SupplierNonsense`.
    """
    try:
        status = SupplierStatus((reading.text(body, "status", _WORD_LIMIT) or "").lower())
    except ValueError:
        raise SupplierNonsense("The supplier's answer has no status, or an unknown one") from None
    return _answer(status, body, order_currency_hint)


def event_from(raw: bytes) -> SupplierEvent:
    """Reads the body of a supplier's webhook. Raises `SupplierNonsense`."""
    try:
        body = reading.parse_object(raw)
    except reading.UnreadablePayload as error:
        raise SupplierNonsense("The supplier's event is not a JSON object") from error
    kind = reading.text(body, "type", _WORD_LIMIT) or ""
    status = EVENT_STATUSES.get(kind)
    if status is None:
        raise SupplierNonsense("The supplier's event has no type, or an unknown one")
    data = reading.child(body, "data")
    return_id = reading.identifier(data, "return_id")
    if return_id is None:
        raise SupplierNonsense("The supplier's event does not say which return it is about")
    return SupplierEvent(kind, return_id, _answer(status, data, None), reading.moment(body, "timestamp"))


def _answer(status: SupplierStatus, data: Mapping[str, Any], currency_hint: str | None) -> SupplierAnswer:
    has_verdict = status in (SupplierStatus.CONFIRMED, SupplierStatus.REJECTED)
    has_credit = status in (SupplierStatus.CONFIRMED, SupplierStatus.CREDITED)
    answer = SupplierAnswer(
        status=status,
        rma_number=_word(data, "rma_number", _WORD_LIMIT),
        return_address=_address(data.get("return_address")),
        instructions=reading.text(data, "instructions", _INSTRUCTIONS_LIMIT),
        reason=reading.text(data, "reason", _NOTE_LIMIT),
        received_at=reading.moment(data, "received_at"),
        received=_received(data) if status is SupplierStatus.RECEIVED else (),
        verdict=_verdict(data, status) if has_verdict else (),
        credit=_credit(data, currency_hint) if has_credit else None,
    )
    if status is SupplierStatus.CONFIRMED and not answer.verdict:
        raise SupplierNonsense("The supplier confirms without saying which lines")
    if status is SupplierStatus.REJECTED and any(line.accepted_quantity for line in answer.verdict):
        raise SupplierNonsense("The supplier rejects the return and accepts units of it at once")
    if status is SupplierStatus.CREDITED and (answer.credit is None or answer.credit.amount.minor == 0):
        raise SupplierNonsense("The supplier reports a credit without an amount")
    return answer


def _received(data: Mapping[str, Any]) -> tuple[ReceivedLine, ...]:
    return tuple(
        ReceivedLine(line_id, _units(line, "quantity"), reading.text(line, "condition", _CONDITION_LIMIT))
        for line_id, line in _lines(data)
    )


def _verdict(data: Mapping[str, Any], status: SupplierStatus) -> tuple[VerdictLine, ...]:
    # A rejection may leave the quantity out: what it accepts is nothing either way.
    left_out = 0 if status is SupplierStatus.REJECTED else None
    return tuple(
        VerdictLine(
            line_id,
            _units(line, "accepted_quantity", left_out),
            reading.text(line, "condition", _CONDITION_LIMIT),
            reading.text(line, "note", _NOTE_LIMIT),
        )
        for line_id, line in _lines(data)
    )


def _lines(data: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    value = data.get("lines")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(line, dict) for line in value):
        raise SupplierNonsense("The supplier's lines are not a list of objects")
    found: dict[str, dict[str, Any]] = {}
    for line in value:
        line_id = reading.identifier(line, "line_id")
        if line_id is None:
            raise SupplierNonsense("A line of the supplier's message has no line_id")
        if line_id in found:
            raise SupplierNonsense("The supplier's message has the same line twice")
        found[line_id] = line
    return list(found.items())


def _units(line: Mapping[str, Any], key: str, left_out: int | None = None) -> int:
    if line.get(key) is None and left_out is not None:
        return left_out
    units = reading.quantity(line, key, default=-1)
    if not 0 <= units < _MOST_UNITS:
        raise SupplierNonsense(f"A line's {key} is missing or is not a whole number of zero or more")
    return units


def _credit(data: Mapping[str, Any], currency_hint: str | None) -> CreditPromise | None:
    value = data.get("credit")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise SupplierNonsense("The supplier's credit is not an object")
    currency = (reading.text(value, "currency", _WORD_LIMIT) or currency_hint or "").upper()
    given = value.get("amount")
    if isinstance(given, bool) or not isinstance(given, (str, int, Decimal)):
        raise SupplierNonsense("The supplier's credit has no amount")
    try:
        amount = Money.parse(given, currency)
    except BadAmount:
        raise SupplierNonsense("The supplier's credit is not an amount of its currency") from None
    if amount.minor < 0:
        raise SupplierNonsense("The supplier's credit is less than nothing")
    return CreditPromise(
        amount=amount,
        reference=_word(value, "reference", _WORD_LIMIT),
        expected_at=reading.moment(value, "expected_at"),
        paid_at=reading.moment(value, "paid_at"),
    )


def _address(value: Any) -> Mapping[str, str] | None:
    # Some suppliers keep their address as one text; it is still good enough to write on a parcel.
    given = value if isinstance(value, dict) else {"line1": value}
    found = {key: part for key in ADDRESS_KEYS if (part := _word(given, key, _ADDRESS_LIMIT))}
    return found or None


def _word(container: Mapping[str, Any], key: str, limit: int) -> str | None:
    # RMA numbers and postal codes are often sent as JSON numbers.
    value = container.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)[:limit]
    return reading.text(container, key, limit)
