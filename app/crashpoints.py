"""Names for the moments at which the death of a process is most awkward, so that tests can have it die exactly there.

In production `reached` does nothing. Only code can hook into it: no setting and no request can make a process die.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class Point(StrEnum):
    """A moment between two steps. `aftermath` says what the next process makes of a death there."""

    aftermath: str

    def __new__(cls, name: str, aftermath: str) -> Point:
        """A point by its name, with what follows a death there."""
        point = str.__new__(cls, name)
        point._value_ = name
        point.aftermath = aftermath
        return point

    WEBHOOK_STORED = (
        "webhook.stored",
        "The delivery is stored and the sender never hears so: it sends again, and the repeat is counted.",
    )
    WEBHOOK_READ = (
        "webhook.read",
        "What the delivery says is applied, and that it was read; nobody takes it again.",
    )
    ORDER_FETCHED = (
        "order.fetched",
        "The order was read from the store and not kept: the job is taken over and reads it again.",
    )
    RETURN_FETCHED = (
        "return.fetched",
        "The store's own return was read and not taken in: the job is taken over and reads it again.",
    )
    SUPPLIER_LEASED = (
        "supplier.leased",
        "Nothing was said to the supplier: after 2 minutes the call is made with the same key.",
    )
    SUPPLIER_CALLED = (
        "supplier.called",
        "The supplier's answer is lost: after 2 minutes the same key gets it again.",
    )
    SUPPLIER_SETTLED = ("supplier.settled", "The answer is kept; the job runs again and finds no call wanted.")
    STORE_RETURN_DECIDED = (
        "store_return.decided",
        "The store was not told about its own return: the job is taken over and tells it.",
    )
    STORE_RETURN_TOLD = (
        "store_return.told",
        "The store was told: the job is taken over and tells it again, which the store takes as done.",
    )
    REFUND_PLANNED = ("refund.planned", "The plan and its job are stored: the refund goes out when its row is due.")
    REFUND_READ = ("refund.read", "The order was read and nothing done: the refund is looked at again within a minute.")
    REFUND_PREPARED = ("refund.prepared", "The request was made up and not stored: it is made up again.")
    REFUND_BEGUN = (
        "refund.begun",
        "The attempt is stored and nothing was sent, which nobody can know: after the lease of 150 seconds the order "
        "is read. Shopify gets the same request with the same key again; in WooCommerce a person settles it.",
    )
    REFUND_CALLED = (
        "refund.called",
        "The store made the refund and its answer is lost: after the lease the order is read, and the refund is found "
        "by its marker.",
    )
    REFUND_SETTLED = (
        "refund.settled",
        "The answer is kept with what follows; the job runs again and does nothing.",
    )
    REFUND_LOOKED = ("refund.looked", "What was seen is kept; the next look comes when the row is due.")
    REPLACEMENT_PLANNED = (
        "replacement.planned",
        "The plan and its job are stored: the new order is made when its row is due.",
    )
    REPLACEMENT_PREPARED = ("replacement.prepared", "The order was made up and not stored: it is made up again.")
    REPLACEMENT_BEGUN = (
        "replacement.begun",
        "The attempt is stored and nothing was sent, which nobody can know: after the lease of 150 seconds the store "
        "is looked through for the operation's marker several times, and then a person settles it.",
    )
    REPLACEMENT_CALLED = (
        "replacement.called",
        "The store made the order and its answer is lost: after the lease it is found by its marker.",
    )
    REPLACEMENT_SETTLED = (
        "replacement.settled",
        "The answer is kept with what follows; the job runs again and does nothing.",
    )
    REPLACEMENT_LOOKED = ("replacement.looked", "What was seen is kept; the next look comes when the row is due.")
    MAIL_TAKEN = (
        "mail.taken",
        "The mail is marked as being sent: after 5 minutes it is shown as uncertain, and never sent again.",
    )
    MAIL_SENT = (
        "mail.sent",
        "The mail went out and nobody noted it: after 5 minutes it is shown as uncertain, and never sent again.",
    )
    MAIL_SETTLED = ("mail.settled", "The mail is noted as sent; the job runs again and does nothing.")
    EVENT_TAKEN = ("event.taken", "The event was not sent: after 60 seconds it is, under the same id.")
    EVENT_SENT = (
        "event.sent",
        "The receiver has the event and nobody noted it: after 60 seconds it is sent again, under the same id.",
    )


Hook = Callable[[Point], None]

_hooks: list[Hook] = []


def reached(point: Point) -> None:
    """Says that this process has come to `point`; nothing happens unless a test has hooked in."""
    for hook in _hooks:
        hook(point)


@contextmanager
def hooked(hook: Hook) -> Iterator[None]:
    """Calls `hook` with every point that this process reaches, until the block ends."""
    _hooks.append(hook)
    try:
        yield
    finally:
        _hooks.remove(hook)


def page() -> str:
    """The documentation page: each point and what follows."""
    rows = "".join(f"| `{point}` | {point.aftermath} |\n" for point in Point)
    return f"""# When a process dies

A worker or API process may be killed at any moment, `kill -9` and power cuts included. What is left is found again by
the rows' own dates (`next_check_at` and its like), which any worker looks through every few seconds, and by taking over
the jobs of workers that have not been heard of for 40 seconds. Each row below is tried by tests on both platforms, and
so is every commit of a whole return.

This page is generated from `app/crashpoints.py`; do not edit it. Make it anew with
`python -m app.crashpoints > docs/crashes.md`.

| dies at | what follows |
| --- | --- |
{rows}"""


if __name__ == "__main__":
    sys.stdout.write(page())
