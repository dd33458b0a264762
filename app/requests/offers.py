"""What a customer can have for a return, and what each remedy costs and brings, before they choose. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.cases.vocabulary import BY_MONEY, Remedy, Route
from app.money import Money
from app.orders.snapshot import Platform
from app.policy.decision import WantedEvidence
from app.policy.law.model import Payer
from app.policy.question import Present
from app.policy.terms import Outcome
from app.requests.preview import Asked, Previewer
from app.requests.returnable import outcome_of


@dataclass(frozen=True, slots=True)
class Offer:
    """One remedy with what it costs and brings.

    `brings` is the money that goes back or becomes credit (nothing where goods are sent again), `fee` what of it is
    kept, `delivery` what of the way out is in it, `percent` the part of the price for who keeps the goods, `one_use`
    that credit is for one purchase and what that does not use of it is gone. `way_back` is who pays for sending, None
    where nothing is sent. `keeps` says that the customer keeps all of it. `outcome` is what the engine says before
    evidence was shown.
    """

    remedy: Remedy
    brings: Money
    fee: Money
    delivery: Money
    way_back: Payer | None
    keeps: bool
    outcome: Outcome
    conditions: tuple[str, ...]
    percent: int | None = None
    one_use: bool = False


@dataclass(frozen=True, slots=True)
class Needed:
    """Evidence that the reasons of one part need. `key` names the part in forms, `lines` are its lines."""

    key: str
    supplier: str | None
    lines: tuple[str, ...]
    wanted: tuple[WantedEvidence, ...]


def offers(asker: Previewer, asked: Sequence[Asked]) -> tuple[Offer, ...]:
    """The remedies that the policy gives for all of these lines, best first.

    A refund that the law gives is among them, whatever the policy offers: the engine sees to that.
    """
    parts = asker.parts(asked, Remedy.REFUND)
    if not parts:
        return ()
    common = [one for one in parts[0].decision.remedies if all(one in part.decision.remedies for part in parts)]
    given = [one for one in common if _given(asker, asked, one)]
    return tuple(_offer(asker, asked, remedy) for remedy in given or [parts[0].decision.remedy])


def _given(asker: Previewer, asked: Sequence[Asked], remedy: Remedy) -> bool:
    """Whether who asks for it gets it: for some reasons a policy gives credit instead of money."""
    return all(part.decision.remedy is remedy for part in asker.parts(asked, remedy))


def _offer(asker: Previewer, asked: Sequence[Asked], remedy: Remedy) -> Offer:
    # Which variant comes in exchange is chosen later: until then any will do.
    parts = asker.parts([replace(one, variant=one.variant or "any") for one in asked], remedy)
    refund = asker.part_of(parts) if remedy is Remedy.KEEP_ITEM else asker.refund_of(parts)
    by_money = remedy in BY_MONEY
    sent = [part.decision for part in parts if part.decision.route in (Route.RETURN, Route.LOCAL)]
    payers = {decision.way_back for decision in sent}
    way_back = Payer.CUSTOMER if Payer.CUSTOMER in payers else Payer.MERCHANT
    told = dict.fromkeys(code for decision in sent for code in decision.conditions)
    return Offer(
        remedy=remedy,
        brings=asker.money(refund.amount if by_money else 0),
        fee=asker.money(refund.fee if by_money else 0),
        delivery=asker.money(sum(one.total for one in refund.extras if one.kind == "shipping") if by_money else 0),
        way_back=way_back if sent else None,
        keeps=all(part.decision.route is Route.RETURNLESS for part in parts),
        outcome=outcome_of(parts),
        conditions=tuple(told),
        percent=asker.file.policy.remedies.keep_item_percent if remedy is Remedy.KEEP_ITEM else None,
        one_use=remedy is Remedy.STORE_CREDIT and asker.snapshot.platform is Platform.WOOCOMMERCE,
    )


def needed(
    asker: Previewer, asked: Sequence[Asked], remedy: Remedy, shown: Mapping[str | None, Present] | None = None
) -> tuple[Needed, ...]:
    """What is still missing for each part; parts that need nothing are there with nothing wanted."""
    return tuple(
        Needed(
            key=str(number),
            supplier=part.supplier,
            lines=tuple(one.line_id for one in part.lines),
            wanted=part.decision.evidence,
        )
        for number, part in enumerate(asker.parts(asked, remedy, shown))
    )
