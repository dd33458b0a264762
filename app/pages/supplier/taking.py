"""Takes in what a supplier said on its page: as news of its channel, so that every guard of the case holds."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.cases import service as cases
from app.cases.actions import Target
from app.cases.models import Case
from app.cases.vocabulary import ENDED
from app.db.work import Work
from app.evidence import service as evidence
from app.orders.models import Order
from app.pages.supplier.answers import MOST_TEXT, Sheet
from app.pages.supplier.offers import Do
from app.suppliers.base import SupplierAnswer, SupplierStatus
from app.suppliers.news import take_in

# What the page says after a form was taken.
NOT_NEEDED, TURNED_DOWN = "not_needed", "turned_down"
DONE = frozenset({*(str(do) for do in Do), NOT_NEEDED, TURNED_DOWN})


async def take(
    work: Work, order: Order, case: Case, do: Do, said: SupplierAnswer | None, sheet: Sheet, photos: Sequence[UUID]
) -> str:
    """Applies a form with its photos to a locked case; answers what the page is to say (one of `DONE`)."""
    done = await _apply(work, case, do, said, sheet)
    if photos and case.state not in ENDED:
        await evidence.add(Target(work, order, case, f"supplier:{case.supplier}"), [], [], photos)
    return done


async def _apply(work: Work, case: Case, do: Do, said: SupplierAnswer | None, sheet: Sheet) -> str:
    if said is None:
        await _keep_note(work, case, sheet.needed("note", MOST_TEXT))
        return Do.NOTE
    if do is Do.PLEDGE and not any(sheet.accepted.values()):
        # Taken as a verdict it would say that nothing is accepted.
        return NOT_NEEDED
    if not await take_in(work, case, said):
        return NOT_NEEDED
    return TURNED_DOWN if do is Do.VERDICT and said.status is SupplierStatus.REJECTED else do


async def _keep_note(work: Work, case: Case, text: str) -> None:
    """A note that asks the operator to read it."""
    await cases.note(work, case, text, f"supplier:{case.supplier}")
    await cases.add_problem(work, case, "supplier_note", "The supplier wrote a note on its page.")
