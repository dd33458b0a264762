"""The types of events, and which of them a receiver wants. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class EventType(StrEnum):
    """What can be told. `meaning` says when it is."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> EventType:
        """A type by its name, with when it is told."""
        one = str.__new__(cls, name)
        one._value_ = name
        one.meaning = meaning
        return one

    CASE_CREATED = ("case.created", "A case was opened. The policy's decision follows as an event of its own.")
    CASE_STATE_CHANGED = (
        "case.state_changed",
        "A case went from one state to another; `event` is the name of what moved it, as in the case's audit trail.",
    )
    CASE_NEEDS_ATTENTION = (
        "case.needs_attention",
        "There is a new reason why a person should look at a case: `new` names it, `attention` names all there are.",
    )
    REFUND_PLANNED = ("refund.planned", "A refund is decided and written down; nothing was sent to the store yet.")
    REFUND_SUCCEEDED = ("refund.succeeded", "It is proven that the store made the refund.")
    REFUND_REJECTED = ("refund.rejected", "It is proven that no money moved; a person chooses another way.")
    REFUND_UNKNOWN = (
        "refund.unknown",
        "The refund was sent and its outcome is open: it is looked up until it is known, and never sent blindly.",
    )
    REFUND_NEEDS_REVIEW = (
        "refund.needs_review",
        "No machine can know whether money moved: a person looks in the store and settles it.",
    )
    REFUND_VOIDED = ("refund.voided", "A planned refund is not wanted any more; it never reached the store.")
    CREDIT_EXPECTED = (
        "credit.expected",
        "The supplier owes for a case; told again when it names another amount (null until it names one).",
    )
    CREDIT_PAID = ("credit.paid", "The supplier paid; `status` tells whether it was all (`paid`) or less (`short`).")
    CREDIT_OVERDUE = ("credit.overdue", "The supplier has not paid in its time, or not all of it.")
    MESSAGE_FAILED = ("message.failed", "A mail could not be sent (`failed`) or came back (`bounced`).")
    DELIVERY_FAILED = (
        "delivery.failed",
        "A webhook of a store or a supplier could not be read: replay it when mended.",
    )
    STORE_UNINSTALLED = ("store.uninstalled", "The app was removed from a store: nothing is asked of it any more.")
    TEST = (
        "makegood.test",
        "Somebody asked for a test of this receiver. Sent to that receiver alone, whatever it wants.",
    )


def covers(wish: str, type_: str) -> bool:
    """Whether a wish (`refund.succeeded`; a group: `refund`, `refund.` or `refund.*`; all: `*`) names this type."""
    group = wish.removesuffix("*").removesuffix(".")
    return wish in ("*", type_) or type_.startswith(f"{group}.")


def wanted(wishes: Sequence[str], type_: str) -> bool:
    """Whether a receiver with these wishes is told of this type; without any wish it is told everything."""
    return not wishes or any(covers(wish, type_) for wish in wishes)


def names_nothing(wishes: Sequence[str]) -> list[str]:
    """The wishes that no type fits: spelling mistakes."""
    return [wish for wish in wishes if not any(covers(wish, one) for one in EventType)]
