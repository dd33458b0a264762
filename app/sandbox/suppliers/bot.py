"""A supplier in memory: the other side of the generic HTTP channel, with a character of its own."""

from __future__ import annotations

import itertools
import json
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from standardwebhooks.webhooks import Webhook
from starlette.requests import Request
from starlette.routing import Route

from app.clock import Clock, SystemClock
from app.sandbox.delivery import Courier
from app.sandbox.faults import FaultPlan
from app.sandbox.suppliers.http import Reply, SupplierApi, problem
from app.sandbox.suppliers.model import (
    AUTHORIZED,
    CONFIRMED,
    CREDITED,
    NONSENSE_ANSWERS,
    PENDING,
    RECEIVED,
    REFUSED,
    REJECTED,
    RETURN_ADDRESS,
    Character,
    Sending,
    SupplierCall,
    SupplierReturn,
    next_status,
    nonsense_event,
    one_less,
)

_NORMALLY = Sending()
_CREDIT_TERM = timedelta(days=14)


class SupplierBot:
    """A supplier. Mount `routes()` anywhere; that address is the channel's base URL.

    `unit_cost` is the wholesale price of any unit in `currency`, and what it credits. Thread-safe: calls come in on the
    server's thread while tests and the demo steer from theirs. Events are sent through the courier.
    """

    def __init__(
        self,
        key: str,
        token: str,
        webhook_secret: str,
        *,
        courier: Courier,
        faults: FaultPlan | None = None,
        character: Character = Character.PROMPT,
        currency: str = "USD",
        unit_cost: str = "9.80",
        clock: Clock | None = None,
    ) -> None:
        self.key = key
        self.faults = faults or FaultPlan()
        self.character = character
        self._courier, self._clock = courier, clock or SystemClock()
        self._currency, self._unit_cost = currency, Decimal(unit_cost)
        self._webhook = Webhook(webhook_secret)
        self._api = SupplierApi(token, webhook_secret, self.faults)
        self._lock = threading.RLock()
        self._returns: dict[str, SupplierReturn] = {}
        self._answers: dict[str, tuple[Any, Reply]] = {}
        self._tries: dict[str, int] = {}
        self._nonsense = itertools.cycle(NONSENSE_ANSWERS)
        self._postponed: list[tuple[str, dict[str, str], bytes]] = []

    def routes(self) -> list[Route]:
        """The channel's three paths, relative to wherever the supplier is mounted."""
        return [
            self._api.route("POST", "/returns", "POST /returns", self._open),
            self._api.route("GET", "/returns/{return_id}", "GET /returns", self._show),
            self._api.route("POST", "/returns/{return_id}/cancel", "POST /returns/cancel", self._cancel),
        ]

    @property
    def calls(self) -> list[SupplierCall]:
        """Every call that came in, in order."""
        return list(self._api.calls)

    @property
    def returns(self) -> dict[str, SupplierReturn]:
        """The returns that the supplier knows, by return id."""
        with self._lock:
            return dict(self._returns)

    def _open(self, call: SupplierCall, _request: Request) -> Reply:
        key = call.idempotency_key
        try:
            body = json.loads(call.body)
            asked = {str(line["line_id"]): int(line["quantity"]) for line in body["lines"]}
            found = SupplierReturn(
                body["return_id"], body["reference"], body["route"], body["callback_url"], asked, PENDING
            )
        except (ValueError, KeyError, TypeError):
            return problem(422, "The body is not a request for a return")
        if not key or not asked:
            return problem(422, "The Idempotency-Key or the lines are missing")
        with self._lock:
            if key in self._answers:
                known, reply = self._answers[key]
                return reply if known == body else problem(409, "The Idempotency-Key was used for another body")
            busy = self._busy(key)
            if busy is not None:
                return busy
            self._returns.setdefault(found.return_id, found)
            if self.character is Character.NONSENSE:
                return Reply(next(self._nonsense))
            reply = self._decide(self._returns[found.return_id])
            self._answers[key] = (body, reply)
            return reply

    def _busy(self, key: str) -> Reply | None:
        self._tries[key] = self._tries.get(key, 0) + 1
        if self.character is not Character.FLAKY or self._tries[key] > 2:
            return None
        if self._tries[key] == 1:
            return Reply({"error": "Too many requests"}, 429, {"Retry-After": "1"})
        return problem(503, "Try again later")

    def _decide(self, case: SupplierReturn) -> Reply:
        if self.character is Character.REFUSING:
            case.status, case.facts = REFUSED, {"reason": "The return window has passed"}
        elif self.character not in {Character.SLOW, Character.SILENT}:
            case.status, case.facts = AUTHORIZED, self._authorization(case)
        return Reply(case.as_json(), 202 if case.status == PENDING else 201)

    def _authorization(self, case: SupplierReturn) -> dict[str, Any]:
        return {
            "rma_number": f"{self.key.upper()}-{case.reference.removeprefix('MG-')}",
            "return_address": dict(RETURN_ADDRESS),
            "instructions": "Write the RMA number on the outside of the parcel.",
        }

    def _show(self, _call: SupplierCall, request: Request) -> Reply:
        with self._lock:
            case = self._returns.get(request.path_params["return_id"])
            return Reply(case.as_json()) if case else problem(404, "There is no such return")

    def _cancel(self, _call: SupplierCall, request: Request) -> Reply:
        with self._lock:
            case = self._returns.get(request.path_params["return_id"])
            if case is None:
                return problem(404, "There is no such return")
            case.cancelled = True
            return Reply(case.as_json())

    def authorize(self, return_id: str, sending: Sending = _NORMALLY) -> None:
        """Gives an RMA number, an address and instructions."""
        self._tell(return_id, AUTHORIZED, self._authorization(self._returns[return_id]), sending)

    def refuse(
        self, return_id: str, reason: str = "The return window has passed", sending: Sending = _NORMALLY
    ) -> None:
        """Gives no authorisation."""
        self._tell(return_id, REFUSED, {"reason": reason}, sending)

    def receive(self, return_id: str, lines: Mapping[str, int] | None = None, sending: Sending = _NORMALLY) -> None:
        """The goods are there: `lines` is quantity by line id, all that was asked for unless given."""
        arrived = self._returns[return_id].asked if lines is None else lines
        told = [{"line_id": line_id, "quantity": units, "condition": "used"} for line_id, units in arrived.items()]
        self._tell(return_id, RECEIVED, {"received_at": _time(self._clock.now()), "lines": told}, sending)

    def confirm(
        self,
        return_id: str,
        lines: Mapping[str, int] | None = None,
        credit: str | None = None,
        sending: Sending = _NORMALLY,
    ) -> None:
        """The verdict: accepted units by line id (all unless given), with a promised `credit` if given."""
        accepted = self._returns[return_id].asked if lines is None else lines
        told = [
            {"line_id": line_id, "accepted_quantity": units, "condition": "defective", "note": ""}
            for line_id, units in accepted.items()
        ]
        facts: dict[str, Any] = {"lines": told}
        if credit is not None:
            due = self._clock.now() + _CREDIT_TERM
            facts["credit"] = self._credit_json(return_id, credit, {"expected_at": f"{due:%Y-%m-%d}"})
        self._tell(return_id, CONFIRMED, facts, sending)

    def reject(self, return_id: str, reason: str = "The goods are not ours", sending: Sending = _NORMALLY) -> None:
        """The verdict is no."""
        told = [{"line_id": line_id, "accepted_quantity": 0} for line_id in self._returns[return_id].asked]
        self._tell(return_id, REJECTED, {"lines": told, "reason": reason}, sending)

    def credit(self, return_id: str, amount: str | None = None, sending: Sending = _NORMALLY) -> None:
        """The wholesale price was paid: `amount` as a decimal text, else what the verdict comes to."""
        paid = amount if amount is not None else self._owed(return_id)
        when = {"paid_at": _time(self._clock.now())}
        self._tell(return_id, CREDITED, {"credit": self._credit_json(return_id, paid, when)}, sending)

    def _owed(self, return_id: str) -> str:
        case = self._returns[return_id]
        accepted = [line.get("accepted_quantity", 0) for line in case.facts.get("lines", [])]
        return format(self._unit_cost * sum(accepted), "f")

    def _credit_json(self, return_id: str, amount: str, when: Mapping[str, str]) -> dict[str, Any]:
        reference = f"CN-{self._returns[return_id].reference}"
        return {"amount": amount, "currency": self._currency, "reference": reference, **when}

    def _tell(self, return_id: str, status: str, facts: dict[str, Any], sending: Sending) -> None:
        """Changes what polling answers and sends the event. Raises `KeyError` for an unknown return."""
        with self._lock:
            case = self._returns[return_id]
            case.status = status
            case.facts.update(facts)
            self.send(return_id, f"return.{status}", facts, sending)

    def send(self, return_id: str, kind: str, data: Mapping[str, Any], sending: Sending = _NORMALLY) -> None:
        """Sends any event about a return, sensible or not; changes nothing else."""
        case = self._returns[return_id]
        event = {
            "type": kind,
            "timestamp": _time(self._clock.now()),
            "data": {"return_id": return_id, **data},
        }
        body = json.dumps(event, separators=(",", ":"))
        message, stamp = f"msg_{uuid4().hex}", self._clock.now() - sending.age
        signer = Webhook(secrets.token_bytes(24)) if sending.bad_signature else self._webhook
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": str(int(stamp.timestamp())),
            "webhook-signature": signer.sign(message, stamp, body),
        }
        for _ in range(sending.times):
            if sending.postpone:
                self._postponed.append((case.callback_url, headers, body.encode()))
            else:
                self._courier.post(case.callback_url, headers, body.encode())

    def send_postponed(self) -> None:
        """Sends what was kept back, the newest first."""
        with self._lock:
            waiting, self._postponed = self._postponed[::-1], []
        for url, headers, body in waiting:
            self._courier.post(url, headers, body)

    def step(self, return_id: str | None = None) -> list[str]:
        """Every open return (or one) goes on by one step, as the character will. Answers the events' types."""
        with self._lock:
            chosen = list(self._returns.values()) if return_id is None else [self._returns[return_id]]
            return [kind for case in chosen if (kind := self._play(case)) is not None]

    def _play(self, case: SupplierReturn) -> str | None:
        if self.character is Character.NONSENSE:
            event = nonsense_event(case)
            if event is not None:
                self.send(case.return_id, *event)
            return event[0] if event else None
        status = next_status(case, self.character)
        if status == AUTHORIZED:
            self.authorize(case.return_id)
        elif status == RECEIVED:
            self.receive(case.return_id)
        elif status == CONFIRMED:
            accepted = one_less(case.asked) if self.character is Character.PARTIAL else case.asked
            self.confirm(case.return_id, accepted, format(self._unit_cost * sum(accepted.values()), "f"))
        elif status == CREDITED:
            self.credit(case.return_id)
        return f"return.{status}" if status else None


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
