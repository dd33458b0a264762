"""What sending money and sending goods have in common: the order read right before, and one call that ends in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from app.orders.snapshot import OrderSnapshot
from app.outcomes import Ok, Rejected, Unknown
from app.stores.base import Store, StoreRefused

# Longer than the longest call (75 s of reading): until then what is being submitted belongs to its caller.
LEASE = timedelta(seconds=150)
# Whatever an adapter's own limits add up to, a call is given up so long after its attempt was written: before the lease
# is over.
LONGEST_CALL = timedelta(seconds=140)
# A call begins within this time after its attempt was written: a process that was frozen in between (a suspended
# machine, a commit that hung) must not send what others have settled meanwhile.
LATEST_CALL = timedelta(seconds=60)
_Proof = TypeVar("_Proof")


async def shown_order(store: Store, order_id: str) -> OrderSnapshot:
    """The order as the store shows it now. Raises `StoreUnavailable`, and `StoreRefused` when it shows none."""
    shown = await store.read_order(order_id)
    if shown is None:
        raise StoreRefused(f"the store shows no order {order_id}; it may be deleted, or too old for the app's scopes")
    return shown


async def call_within_lease(
    call: Callable[[], Awaitable[Ok[_Proof] | Rejected | Unknown]], held_up: timedelta
) -> Ok[_Proof] | Rejected | Unknown:
    """Makes the call, which ends within its attempt's lease. `held_up` is how long ago the attempt was written down."""
    if held_up >= LATEST_CALL:
        return Rejected("too_late", "the process was held up too long before the call; nothing was sent", True)
    try:
        async with asyncio.timeout((LONGEST_CALL - held_up).total_seconds()):
            return await call()
    except TimeoutError:
        return Unknown("timeout", "the store took too long to answer")
