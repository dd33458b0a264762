"""Says in sentences why a person should look at a case, what to do and by when. Pure.

The stable words are set by `service.attention_of`; here each gets its sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.cases.models import Case


@dataclass(frozen=True, slots=True)
class Situation:
    """What the sentences tell. `due` is the end of the nearest clock, `wanted` the evidence still missing."""

    case: Case
    supplier: str
    due: datetime | None
    wanted: Sequence[str]

    @property
    def by(self) -> str:
        """` by <day>`, or nothing when no clock runs."""
        return f" by {self.due:%Y-%m-%d}" if self.due else ""


def attention_why(situation: Situation) -> list[str]:
    """One sentence for each of the case's words of attention, in their order; the legal date comes last."""
    case = situation.case
    told = [_sentence(word, situation) for word in case.attention]
    if told and case.legal_due_at is not None and case.state not in _SETTLED:
        told.append(f"By law the refund is due on {case.legal_due_at:%Y-%m-%d}, whatever else is open.")
    return list(dict.fromkeys(told))


def _sentence(word: str, situation: Situation) -> str:
    kind, _, rest = word.partition(":")
    tell = _WORDS.get(kind)
    if tell is not None:
        return tell(situation, rest)
    return f"Look at the case: {word.replace('_', ' ').replace(':', ', ')}."


def _hold(_situation: Situation, kind: str) -> str:
    if kind == "chargeback":
        return "The customer's bank disputes the payment: answer it in the store; no money goes out until it is over."
    return f"The money is on hold ({kind}): lift the hold, or settle the case with the customer."


def _claim(situation: Situation, last_day: str) -> str:
    if situation.wanted:
        return f"{situation.supplier} takes a claim until {last_day} only, and evidence of the customer is missing."
    return f"File the claim with {situation.supplier} by {last_day}: after that day it owes nothing."


def _legal(situation: Situation, news: str) -> str:
    if news == "late":
        return "The refund is late by law: pay it now, and settle what stops it."
    if news == "surcharge":
        return "The law adds a surcharge to the late refund: settle it with the customer; it is never paid by itself."
    days = {"due_in_3_days": "within three days", "due_in_1_day": "by tomorrow"}.get(news, "soon")
    return f"The refund is due by law {days}: decide, or {situation.case.reference} is refunded on that day."


def _problem(_situation: Situation, name: str) -> str:
    known = _PROBLEMS.get(name)
    return known or f"A person must look into this: {name.replace('_', ' ')}. The case's events say more."


_SETTLED = frozenset({"resolved", "closed", "rejected", "cancelled", "expired", "superseded"})
_WORDS: Mapping[str, Callable[[Situation, str], str]] = {
    "under_review": lambda it, _: f"Decide{it.by}: approve, reject with a reason, or ask the customer for evidence.",
    "contested": lambda it, _: f"Decide{it.by}: bear the loss (absorb), claim again (appeal), or reject with a reason.",
    "supplier_by_hand": lambda it, _: f"Ask {it.supplier}, and record its answer{it.by}.",
    "hold": _hold,
    "claim_window": _claim,
    "legal": _legal,
    "legal_conflict": lambda _, kind: f"The hold ({kind}) stops money that is due by law: lift it, or settle the case.",
    "problem": _problem,
}
_PROBLEMS: Mapping[str, str] = {
    "review_overdue": "The time to decide is over and the customer is waiting: decide today.",
    "credit_overdue": "The supplier has not paid its credit in time: insist on it, or write it off.",
    "dry_run": "This store is in a dry run: what would have been done outside was not done.",
    "photo_reused": "A photo of this case was shown before in another request: compare them before money goes out.",
    "pay_by_hand": "The store only books this refund: send the money to the customer yourself.",
    "refund_needs_review": "Nobody can know by machine whether the refund was made: look in the store, and settle it.",
    "replacement_needs_review": "No machine can know whether the new order was made: look in the store, and settle it.",
    "replacement_rejected": "The store could not make the new order: change the remedy, or try again (absorb).",
    "refund_rejected": "The store refused the refund: see why in the refund, and choose another way.",
    "supplier_call_failed": "The supplier could not be asked: see why in the events, and ask it yourself.",
    "supplier_note": "The supplier wrote a note: read it in the events, and answer it where that is needed.",
    "mail_bounced": "A mail came back, so somebody was not told: check the address, and tell them another way.",
    "mail_not_sent": "A mail could not be sent: see why among the messages, and tell them another way.",
    "coupon_failed": "The store did not make the thank-you coupon: see why in the events; the customer has none.",
    "order_not_readable": "The store does not show the order any more: look there before money moves.",
    "order_cancelled": "The order was cancelled in the store and its money has not gone back: refund, or end it.",
}
