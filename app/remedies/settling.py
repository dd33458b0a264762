"""A person says what became of a replacement whose outcome no machine can know."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.cases import replacing
from app.cases import service as cases
from app.cases.refunding import lock_both
from app.db.work import Work
from app.errors import Conflict
from app.remedies import service
from app.remedies.models import Replacement
from app.remedies.states import SETTLEABLE, ReplacementNotMovable
from app.stores.asked import NewOrderProof


class StoreShowsOrder(Conflict):
    """The store shows the order that is said not to be made."""

    code = "store_shows_order"
    title = "The store shows this order"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the person found out, how they know, and who they are. `order_name` is the new order's, where it is made."""

    made: bool
    order_name: str | None
    store_order_id: str | None
    reason: str
    actor: str


async def settle(
    work: Work, replacement_id: UUID, found: Finding, shown: NewOrderProof | None, traces: str | None
) -> None:
    """Moves the replacement and its case as a proof would. Locks the order, then the case.

    `shown` is the whole order that the store shows with the marker, and `traces` whatever it shows with it. Raises
    `ReplacementNotMovable` from any status but `needs_review` and `unknown`, and `StoreShowsOrder`.
    """
    case_id = (await work.session.get_one(Replacement, replacement_id)).case_id
    order, case = await lock_both(work, case_id)
    replacement = await service.get(work, replacement_id)
    if replacement.status not in SETTLEABLE:
        raise ReplacementNotMovable(
            f"The replacement is {replacement.status}; only one whose outcome is in doubt can be settled by a person.",
            allowed_statuses=[str(status) for status in SETTLEABLE],
        )
    if traces is not None and not found.made:
        raise StoreShowsOrder(
            f"The store shows this for the replacement: {traces}. Settle it as made if the goods go out by it; or, if "
            "nothing is to be sent, delete that in the store first and settle it again."
        )
    outcome = "made" if found.made else "not_made"
    text = f"The replacement {replacement.id} was settled by a person as {outcome}: {found.reason}"
    data = {"replacement_id": replacement.id, "outcome": outcome, "order_name": found.order_name}
    await cases.note(work, case, text, found.actor, {**data, "reason": found.reason})
    detail = f"settled by a person: {found.reason}"
    if found.made:
        name = (shown.name if shown else found.order_name) or ""
        store_order_id = (shown.store_order_id if shown else found.store_order_id) or ""
        service.succeed(work, replacement, store_order_id, name, detail)
        replacement.store_order_id = store_order_id or None
        await replacing.replacement_made(work, order, case, replacement)
    else:
        service.reject(work, replacement, detail)
        await replacing.replacement_failed(work, order, case, replacement)
