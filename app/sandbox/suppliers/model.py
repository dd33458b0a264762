"""What the sandbox's suppliers keep of a return, and how each of them behaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

PENDING, AUTHORIZED, REFUSED = "pending", "authorized", "refused"
RECEIVED, CONFIRMED, REJECTED, CREDITED = "received", "confirmed", "rejected", "credited"

RETURN_ADDRESS: Mapping[str, str] = {
    "name": "Acme Returns",
    "line1": "Dock 4, Harbour Road 12",
    "line2": "",
    "city": "Rotterdam",
    "region": "",
    "postal_code": "3011 AA",
    "country": "NL",
}


class Character(StrEnum):
    """How a supplier behaves.

    prompt authorises at once; slow says "pending" first; refusing refuses at once; partial accepts a unit less than it
    was asked to; silent says "pending" and never anything more; flaky answers 429, then 503, then as prompt does;
    nonsense answers and reports what no contract allows.
    """

    PROMPT = "prompt"
    SLOW = "slow"
    REFUSING = "refusing"
    PARTIAL = "partial"
    SILENT = "silent"
    FLAKY = "flaky"
    NONSENSE = "nonsense"


@dataclass(frozen=True, slots=True)
class Sending:
    """How an event is sent: `times` over, with a wrong signature, `age` too old, or kept back until asked for."""

    times: int = 1
    bad_signature: bool = False
    age: timedelta = timedelta()
    postpone: bool = False


@dataclass(slots=True)
class SupplierCall:
    """One call as it came. `signature` is `ok`, `missing` or `wrong`; `status` is what the supplier meant to answer."""

    method: str
    path: str
    idempotency_key: str
    authorized: bool
    signature: str
    body: bytes
    status: int | None = None


@dataclass(slots=True)
class SupplierReturn:
    """A return as the supplier has it. `asked` is quantity by line id; `facts` is what it said so far."""

    return_id: str
    reference: str
    route: str
    callback_url: str
    asked: dict[str, int]
    status: str
    facts: dict[str, Any] = field(default_factory=dict)
    cancelled: bool = False
    nonsense_told: int = 0

    def as_json(self) -> dict[str, Any]:
        """What polling answers. A withdrawn return is a refused one."""
        if self.cancelled:
            return {"status": REFUSED, "reason": "Withdrawn by the store"}
        return {"status": self.status, **self.facts}


def next_status(case: SupplierReturn, character: Character) -> str | None:
    """What the supplier would do next by itself; None when it is done or says nothing."""
    if case.cancelled or character is Character.SILENT:
        return None
    if case.status == PENDING:
        return AUTHORIZED
    if case.status == AUTHORIZED:
        return RECEIVED if case.route == "return" else CONFIRMED
    return {RECEIVED: CONFIRMED, CONFIRMED: CREDITED}.get(case.status)


def one_less(asked: Mapping[str, int]) -> dict[str, int]:
    """The quantities that a partial supplier accepts: one unit of the first line is missing."""
    accepted = dict(asked)
    first = next(iter(accepted))
    accepted[first] = max(0, accepted[first] - 1)
    return accepted


NONSENSE_ANSWERS: tuple[bytes, ...] = (
    b"<html>It works!</html>",
    b"[]",
    b'{"status": "perhaps"}',
    b'{"rma_number": "RMA-1"}',
    b'{"status": "authorized", "rma_number": {"no": 1}, "return_address": 7}',
)
"""Answers to `POST /returns` that a nonsense supplier gives in turn, all with HTTP 200."""


def nonsense_event(case: SupplierReturn) -> tuple[str, dict[str, Any]] | None:
    """The next event that makes no sense: unknown type, too many units, an unknown line, then credit for nothing."""
    line_id = next(iter(case.asked))
    told: list[tuple[str, dict[str, Any]]] = [
        ("return.pondered", {}),
        ("return.confirmed", {"lines": [{"line_id": line_id, "accepted_quantity": case.asked[line_id] + 5}]}),
        ("return.confirmed", {"lines": [{"line_id": "no-such-line", "accepted_quantity": 1}]}),
        ("return.confirmed", {"lines": [{"line_id": line_id, "accepted_quantity": -1}]}),
        ("return.credited", {"credit": {"amount": "a lot", "currency": "USD"}}),
    ]
    if case.nonsense_told >= len(told):
        return None
    case.nonsense_told += 1
    return told[case.nonsense_told - 1]
