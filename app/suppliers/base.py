"""What Makegood asks of a supplier, whatever the channel. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from app.money import Money
from app.outcomes import Ok, Rejected, Unknown


class SupplierStatus(StrEnum):
    """Where the supplier says a return stands."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    REFUSED = "refused"
    RECEIVED = "received"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    CREDITED = "credited"


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """The supplier's finding for one line: how many units it accepts, in what condition."""

    line_id: str
    accepted_quantity: int
    condition: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ReceivedLine:
    """Units of one line that reached the supplier."""

    line_id: str
    quantity: int
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class CreditPromise:
    """The wholesale price that the supplier promises or has paid."""

    amount: Money
    reference: str | None = None
    expected_at: datetime | None = None
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SupplierAnswer:
    """One piece of news from a supplier, by answer, by poll or by event."""

    status: SupplierStatus
    rma_number: str | None = None
    return_address: Mapping[str, str] | None = None
    instructions: str | None = None
    reason: str | None = None
    received_at: datetime | None = None
    received: tuple[ReceivedLine, ...] = ()
    verdict: tuple[VerdictLine, ...] = ()
    credit: CreditPromise | None = None


SupplierOutcome = Ok[SupplierAnswer] | Rejected | Unknown


class SupplierChannel(Protocol):
    """A way to speak to a supplier. `Unknown` and retryable `Rejected` are tried again with the same key.

    `has_api`: a machine of the supplier's hears and answers; else a mail or a person carries the question.
    """

    key: str
    has_api: bool

    async def open_return(self, body: Mapping[str, Any], idempotency_key: str) -> SupplierOutcome:
        """Asks for authorisation. The same key gets the same answer."""
        ...

    async def poll(self, return_id: str) -> SupplierOutcome:
        """Asks where the return stands."""
        ...

    async def cancel(self, return_id: str) -> SupplierOutcome:
        """Withdraws the request; the answer's status is of no interest."""
        ...

    async def aclose(self) -> None:
        """Gives back connections."""
        ...
