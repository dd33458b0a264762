"""What a case may get instead of what was asked for, and what an exchange must say."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from app.cases import legal
from app.cases.models import Case
from app.cases.vocabulary import Remedy, Route, State
from app.db.work import Work
from app.errors import Conflict, Invalid
from app.orders.models import Order
from app.policy import service as policy
from app.policy.terms import Outcome
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


class KeepingNotOffered(Conflict):
    """Only a person can say that the goods may be kept for a part of the price."""

    code = "keeping_not_offered"
    title = "The policy does not let the goods be kept"


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


async def may_keep(work: Work, order: Order, case: Case) -> None:
    """Keeping the goods opens the gate at once, so that the policy must allow it without a person.

    Raises `KeepingNotOffered` where it does not, and where the supplier has said no already.
    """
    units = {line.line_id: line.approved - line.refunded - line.replaced - line.external for line in case.lines}
    _, decision = await policy.consider(work, case, order, units, Remedy.KEEP_ITEM)
    given = (decision.outcome, decision.remedy, decision.route) == (
        Outcome.APPROVE,
        Remedy.KEEP_ITEM,
        Route.RETURNLESS,
    )
    if not given or case.state == State.CONTESTED:
        raise KeepingNotOffered(
            "The policy leaves it to a person whether these goods may be kept for a part of the price."
        )


def has_variants(case: Case, remedy: Remedy, units: Mapping[str, int], told: Mapping[str, str]) -> None:
    """Raises `VariantMissing` when an exchange does not say what for."""
    bare = [one for one in case.lines if units.get(one.line_id) and not (told.get(one.line_id) or one.variant_id)]
    if remedy is Remedy.EXCHANGE and bare:
        raise VariantMissing(f"Say what line {bare[0].line_id} is exchanged for, with `variant_id` in `lines`.")


async def in_doubt(work: Work, case_id: UUID) -> bool:
    """Whether a refund or a replacement of the case may have gone out without proof."""
    return await refunds.in_doubt(work, case_id) or await remedies.in_doubt(work, case_id)
