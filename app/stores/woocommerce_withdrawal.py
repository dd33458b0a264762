"""What WooCommerce's own withdrawal form leaves on an order (11.1 and newer, when the feature is on). Pure.

From WooCommerce's source (`OrderWithdrawalFormProcessor`, 11.1 to 11.3; not verified by running it): when order number
and e-mail match, the order gets the meta `_order_withdrawal_requested` = `yes` and a private note, in the site's
language. 11.1 writes "Order withdrawal requested by <name> (<e-mail>)." and, when only a part is meant, a second
paragraph with the items; later ones write "Order withdrawal requested. Withdrawal type: …" and mail the items only to
the merchant. A declaration that matches no order leaves nothing but mails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.orders.reading import moment, text
from app.stores.base import WithdrawalNote

_ENGLISH = "order withdrawal requested"
_FULL = "the full order"
_OWN_AUTHORS = frozenset({"woocommerce", "system"})
# Meta and note are written by the same request.
_TOGETHER = timedelta(minutes=2)
_UNKNOWN = "The store's note does not tell in words that are known here what is meant; see the mail of the store."


def withdrawal_in(notes: Sequence[Mapping[str, Any]], email: str | None, changed_at: datetime) -> WithdrawalNote:
    """When an order that carries the mark was withdrawn from, and for what.

    `changed_at` is when the order changed last: that it was withdrawn from is certain, so without a note that can be
    recognised it counts from then.
    """
    private = [(moment(note, "date_created_gmt"), note) for note in notes if note.get("customer_note") is not True]
    dated = sorted(((at, note) for at, note in private if at is not None), key=lambda one: one[0])
    for at, note in dated:
        told = text(note, "note", 4000) or ""
        if told.casefold().startswith(_ENGLISH) or _names(told, email):
            return WithdrawalNote(at, _goods(told, email))
    for at, note in dated:
        author = (text(note, "author") or "").casefold()
        if author in _OWN_AUTHORS and abs(at - changed_at) <= _TOGETHER:
            return WithdrawalNote(at, _UNKNOWN)
    return WithdrawalNote(changed_at, _UNKNOWN)


def _names(told: str, email: str | None) -> bool:
    return bool(email) and f"({(email or '').casefold()})" in told.casefold()


def _goods(told: str, email: str | None) -> str | None:
    """What the consumer listed; None when the whole order is meant."""
    first, _, rest = told.partition("\n\n")
    if rest.strip():
        return rest.strip().partition(":")[2].strip() or rest.strip()
    whole = _names(first, email) or _FULL in first.casefold()
    return None if whole else _UNKNOWN
