"""What a case may get instead of what was asked for, and what an exchange must say."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from app.cases import legal
from app.cases.models import Case
from app.cases.vocabulary import Remedy
from app.db.work import Work
from app.errors import Conflict, Invalid
from app.refunds import service as refunds
from app.remedies import service as remedies


class RemedyNeedsConsent(Conflict):
    """The law gives the customer the money or the whole, and nobody says that they agreed to something else."""

    code = "remedy_needs_consent"
    title = "The customer has a right to something else"


class VariantMissing(Invalid):
    """Nobody has chosen what a line is to be exchanged for."""

    code = "variant_missing"
    title = "An exchange needs a variant"


async def may_have(work: Work, case: Case, remedy: Remedy, agreed: bool) -> None:
    """What was not asked for needs the customer's word where the law gives them something else.

    Money may always go back; a replacement may come where the law gives no money (yet). Raises `RemedyNeedsConsent`.
    """
    if agreed or remedy in (Remedy.REFUND, Remedy(case.remedy)):
        return
    views = await legal.views_of(work, case)
    if any(view.alive and (view.cash or remedy is not Remedy.REPLACEMENT) for view in views.values()):
        raise RemedyNeedsConsent(
            f"A legal right of the customer is alive, and they did not ask for {remedy}. When they have agreed to it, "
            "say so with `agreed`."
        )


def has_variants(case: Case, remedy: Remedy, units: Mapping[str, int], told: Mapping[str, str]) -> None:
    """Raises `VariantMissing` when an exchange does not say what for."""
    bare = [one for one in case.lines if units.get(one.line_id) and not (told.get(one.line_id) or one.variant_id)]
    if remedy is Remedy.EXCHANGE and bare:
        raise VariantMissing(f"Say what line {bare[0].line_id} is exchanged for, with `variant_id` in `lines`.")


async def in_doubt(work: Work, case_id: UUID) -> bool:
    """Whether a refund or a replacement of the case may have gone out without proof."""
    return await refunds.in_doubt(work, case_id) or await remedies.in_doubt(work, case_id)
