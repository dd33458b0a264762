"""Shopify's `@idempotent` on refundCreate, and the ledger of every money call that was received.

The directive is required since API 2026-04. A key lives 24 hours; after that the same call refunds a second time.
How Shopify words a used key on refundCreate is not known: the codes of its framework are answered as top-level errors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify.answers import Refused, top_error
from app.sandbox.shopify.book import OrderBook
from app.sandbox.shopify.refunds import RefundDesk
from app.sandbox.shopify.state import Refund

KEY_LIFE = timedelta(hours=24)
_PENDING = frozenset({FaultKind.PENDING, FaultKind.FAIL_LATER})
_MISMATCH = ("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "The idempotency key was used with different parameters.")
_CONCURRENT = (
    "IDEMPOTENCY_CONCURRENT_REQUEST", "A request with this idempotency key is in progress, try again.",
)  # fmt: skip
_FAILED = (
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "The previous attempt with this idempotency key failed, use a new key.",
)  # fmt: skip
_KEY_TROUBLE = {FaultKind.KEY_CONCURRENT: _CONCURRENT, FaultKind.KEY_MISMATCH: _MISMATCH}


class MoneyOutcome(StrEnum):
    """What became of a money call."""

    NOT_RUN = "not_run"
    CREATED = "created"
    REPEATED = "repeated"
    REFUSED = "refused"
    ERROR = "error"


@dataclass(slots=True, eq=False)
class MoneyCall:
    """One refundCreate as it was received. `variables` is its input; `fault` what was done to it on purpose."""

    at: datetime
    key: str | None
    variables: dict[str, Any]
    fault: FaultKind | None = None
    outcome: MoneyOutcome = MoneyOutcome.NOT_RUN
    detail: str = ""
    refund_id: int | None = None

    @property
    def note(self) -> str | None:
        """The note of the refund it asks for, where the marker is."""
        return self.variables.get("note")


@dataclass(slots=True, eq=False)
class _Used:
    owner: MoneyCall
    fingerprint: str
    busy: bool = True
    refund: Refund | None = None
    refused: Refused | None = None
    failed: bool = False


class MoneyGate:
    """Lets each key make one refund. Not locked: the shop's lock is held by whoever calls."""

    def __init__(self, desk: RefundDesk, book: OrderBook) -> None:
        self.calls: list[MoneyCall] = []
        self._desk = desk
        self._book = book
        self._used: dict[str, _Used] = {}

    def received(self, key: str | None, variables: dict[str, Any], fault: Fault | None) -> MoneyCall:
        """Notes a call before anything is done about it."""
        call = MoneyCall(self._book.now(), key, variables, fault.kind if fault else None)
        self.calls.append(call)
        return call

    def run(self, call: MoneyCall, data: dict[str, Any], fault: Fault | None) -> Refund:
        """Makes the refund, or answers with the one that the key made. Raises `Refused` or a `GraphQLError`."""
        try:
            used = self._begin(call, data, fault)
            repeated = used.refund is not None
            call.outcome = MoneyOutcome.REPEATED if repeated else MoneyOutcome.CREATED
            refund = used.refund or self._make(used, data, fault)
        except Refused as refused:
            call.outcome, call.detail = MoneyOutcome.REFUSED, refused.message
            raise
        except Exception as error:
            call.outcome, call.detail = MoneyOutcome.ERROR, str(error)
            raise
        call.refund_id = refund.id
        return refund

    def _make(self, used: _Used, data: dict[str, Any], fault: Fault | None) -> Refund:
        if used.refused is not None:
            raise used.refused
        try:
            if fault is not None and fault.kind is FaultKind.REFUSE:
                raise Refused(None, fault.text or "The refund could not be made", known=True)
            status = "PENDING" if fault is not None and fault.kind in _PENDING else "SUCCESS"
            used.refund = self._desk.create(_misread(data, fault), status)
        except Refused as refused:
            used.refused = refused
            raise
        return used.refund

    def _begin(self, call: MoneyCall, data: dict[str, Any], fault: Fault | None) -> _Used:
        key = call.key
        if key is None:
            raise top_error(
                "BAD_REQUEST", "The @idempotent directive is required for this mutation but was not provided."
            )
        if not key.strip():
            raise top_error("BAD_REQUEST", "The idempotency key cannot be blank.")
        if fault is not None and fault.kind in _KEY_TROUBLE:
            raise top_error(*_KEY_TROUBLE[fault.kind])
        fingerprint = json.dumps(data, sort_keys=True, default=str)
        used = self._used.get(key)
        if used is None or self._book.now() - used.owner.at >= KEY_LIFE:
            used = self._used[key] = _Used(call, fingerprint)
            # A first attempt that failed inside: from now on the key answers so, as long as it lives.
            used.failed = fault is not None and fault.kind is FaultKind.KEY_PREVIOUS_FAILED
        elif used.fingerprint != fingerprint:
            raise top_error(*_MISMATCH)
        elif used.busy:
            raise top_error(*_CONCURRENT)
        if used.failed:
            raise top_error(*_FAILED)
        return used

    def release(self, call: MoneyCall) -> None:
        """The answer to a key's first call was sent or lost: later calls may ask for its result."""
        used = self._used.get(call.key or "")
        if used is not None and used.owner is call:
            used.busy = False

    def settle(self, refund_id: int, ok: bool) -> None:
        """Pending money of a refund succeeds or fails. Raises `KeyError` for a refund that does not exist."""
        found = self._book.refund(refund_id)
        if found is None:
            raise KeyError(refund_id)
        self._desk.settle(found[0], found[1], ok)


def _misread(data: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
    """MISBOOKED: half of the money goes out. NO_MONEY: the refund is written down, and none does."""
    if fault is None or fault.kind not in (FaultKind.MISBOOKED, FaultKind.NO_MONEY):
        return data
    moves = data.get("transactions") or []
    methods = data.get("refundMethods") or []
    if fault.kind is FaultKind.NO_MONEY:
        return {**data, "transactions": [], "refundMethods": []}
    credits = [_half(method["storeCreditRefund"]["amount"]) for method in methods]
    return {
        **data,
        "transactions": [_half(move) for move in moves],
        "refundMethods": [{"storeCreditRefund": {"amount": credit}} for credit in credits],
    }


def _half(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "amount": (part["amount"] / 2).quantize(Decimal("0.01"))}
