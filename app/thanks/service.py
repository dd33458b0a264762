"""The thank-you of a request: planned when a case is resolved, said when nothing of the request is open any more."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app import links
from app.cases.models import Case
from app.cases.vocabulary import ENDED, State
from app.db.base import new_id
from app.db.work import Work
from app.links import LinkPurpose
from app.messages.facts import CouponFacts, MessageKind
from app.messages.service import Letter, customer_facts, write
from app.money import Money, currency_exponent
from app.orders import service as orders
from app.orders.models import Order
from app.policy import service as policy
from app.policy.law.calendar import end_of, local_day, start_of
from app.policy.thanks import Thanks as Rules
from app.requests.models import ReturnRequest
from app.stores.asked import CouponWish
from app.thanks.models import CouponStatus, Thanks, ThanksStatus
from app.thanks.suggestions import suggestions_for

# When people look at their mail.
_MORNING = timedelta(hours=9)
_TOMORROW = timedelta(days=1)
# Longer than a store takes to answer about a coupon, its own waiting included.
_LEASE = timedelta(minutes=10)
_FIRST_RETRY = timedelta(minutes=1)
_MOST_TRIES = 8
# How long the question may be answered.
SURVEY_DAYS = 90
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LETTERS = 10
_SETTLED = (State.RESOLVED, State.CLOSED)


@dataclass(frozen=True, slots=True)
class Offer:
    """A coupon that is to be made in a store now."""

    store: str
    wish: CouponWish


async def plan(work: Work, case: Case) -> None:
    """A case is resolved: its request will be thanked for, some days after the last of its cases, unless it was."""
    rules = await _rules(work, case)
    if not rules.mail:
        return
    at = await _morning(work, case, rules.after_days) if rules.after_days else work.now
    planned = insert(Thanks).values(
        id=new_id(), request_id=case.request_id, case_id=case.id, store=case.store, status=ThanksStatus.WAITING,
        next_try_at=at, created_at=work.now,
    )  # fmt: skip
    later = planned.on_conflict_do_update(
        index_elements=["request_id"],
        set_={"next_try_at": at, "case_id": case.id},
        where=Thanks.status == ThanksStatus.WAITING,
    )
    await work.session.execute(later)


async def begin(work: Work, thanks_id: UUID) -> Offer | None:
    """Says a thank-you that is due; answers the coupon that must be made before that.

    While a case of the request is open, or its money on hold, it waits another day. Where the customer has nothing to
    be thanked for (all of it refused or cancelled) or was forgotten, it is dropped.
    """
    thanks = await work.session.get_one(Thanks, thanks_id, with_for_update=True)
    if thanks.next_try_at is None:
        return None
    found = list(await work.session.scalars(select(Case).where(Case.request_id == thanks.request_id).order_by(Case.id)))
    order = await work.session.get_one(Order, found[0].order_pk)
    settled = [case for case in found if case.state in _SETTLED]
    if any(case.holds or case.state not in {*ENDED, State.RESOLVED} for case in found):
        thanks.next_try_at = work.now + _TOMORROW
        return None
    if order.redacted_at is not None or not settled:
        _end(thanks, ThanksStatus.DROPPED)
        return None
    if thanks.coupon is None:
        await _decide_coupon(work, thanks, order, settled)
    if thanks.coupon == CouponStatus.WANTED:
        thanks.status, thanks.next_try_at = ThanksStatus.OFFERING, work.now + _LEASE
        thanks.attempts += 1
        return Offer(thanks.store, _wish(work, thanks, order, settled[0]))
    await _say(work, thanks)
    return None


async def coupon_made(work: Work, thanks_id: UUID) -> None:
    """The store has the coupon: the customer is told of it. Harmless to repeat."""
    thanks = await work.session.get_one(Thanks, thanks_id, with_for_update=True)
    if thanks.status == ThanksStatus.OFFERING:
        thanks.coupon, thanks.error = CouponStatus.MADE, None
        await _say(work, thanks)


async def coupon_delayed(work: Work, thanks_id: UUID, why: str) -> bool:
    """Nobody knows whether the store has the coupon: it is asked for again. False when it was asked often enough."""
    thanks = await work.session.get_one(Thanks, thanks_id, with_for_update=True)
    if thanks.attempts >= _MOST_TRIES:
        return False
    thanks.error = why[:500]
    thanks.next_try_at = work.now + _FIRST_RETRY * 4 ** min(thanks.attempts, 6)
    return True


async def coupon_refused(work: Work, thanks_id: UUID, why: str) -> bool:
    """The store makes no coupon: the customer is thanked without one. False when that was said before."""
    thanks = await work.session.get_one(Thanks, thanks_id, with_for_update=True)
    if thanks.status != ThanksStatus.OFFERING:
        return False
    thanks.coupon, thanks.error = CouponStatus.REFUSED, why[:500]
    await _say(work, thanks)
    return True


def code_of(request_id: UUID) -> str:
    """The code of a request's coupon: the same each time, and not to be guessed by others."""
    digest = int.from_bytes(hashlib.sha256(b"makegood.coupon:" + request_id.bytes).digest(), "big")
    letters = []
    for _ in range(_CODE_LETTERS):
        digest, place = divmod(digest, len(_ALPHABET))
        letters.append(_ALPHABET[place])
    return "THANKS-" + "".join(letters)


async def _rules(work: Work, case: Case) -> Rules:
    return (await policy.policy_of(work, case)).policy.thanks


async def _morning(work: Work, case: Case, days: int) -> datetime:
    country = _country(work, await work.session.get_one(Order, case.order_pk))
    return start_of(country, local_day(country, work.now) + timedelta(days=days)) + _MORNING


def _country(work: Work, order: Order) -> str | None:
    return orders.snapshot_of(order).country or work.settings.stores[order.store].country


async def _decide_coupon(work: Work, thanks: Thanks, order: Order, settled: Sequence[Case]) -> None:
    """Writes the offer down, where the policy has one for this customer."""
    rules = await _rules(work, settled[-1])
    reasons = {line.reason for case in settled for line in case.lines}
    if not rules.offers or not reasons & rules.coupon_reasons:
        return
    if rules.coupon_percent is not None:
        thanks.percent = rules.coupon_percent
    else:
        currency = orders.snapshot_of(order).shop_currency or order.currency
        exponent = currency_exponent(currency)
        amount = rules.coupon_amount.minor(currency, exponent)
        if not amount:
            return
        thanks.amount, thanks.currency, thanks.exponent = amount, currency, exponent
    country = _country(work, order)
    thanks.expires_at = end_of(country, local_day(country, work.now) + timedelta(days=rules.coupon_days))
    thanks.code = code_of(thanks.request_id)
    dry = work.settings.stores[thanks.store].dry_run
    thanks.coupon = CouponStatus.DRY_RUN if dry else CouponStatus.WANTED


def _wish(work: Work, thanks: Thanks, order: Order, case: Case) -> CouponWish:
    return CouponWish(
        code=thanks.code or "",
        title=f"Thanks for {case.reference}",
        starts_at=thanks.created_at,
        ends_at=thanks.expires_at or work.now,
        percent=thanks.percent,
        amount=_amount(thanks),
        email=order.email,
    )


def _amount(thanks: Thanks) -> Money | None:
    if thanks.amount is None or thanks.currency is None or thanks.exponent is None:
        return None
    return Money(thanks.amount, thanks.currency, thanks.exponent)


async def _say(work: Work, thanks: Thanks) -> None:
    request = await work.session.get_one(ReturnRequest, thanks.request_id)
    case = await work.session.get_one(Case, thanks.case_id)
    order = await work.session.get_one(Order, request.order_pk)
    rules = await _rules(work, case)
    token = links.sign(work.settings, LinkPurpose.SURVEY, str(request.id), work.now, days=SURVEY_DAYS)
    survey = links.url(work.settings, f"/returns/{order.store}/survey/{token}")
    facts = replace(
        customer_facts(work, order, request, MessageKind.THANK_YOU),
        case_references=await _references(work, request),
        survey_url=survey if rules.survey else None,
        coupon=_coupon_facts(work, thanks, order),
        suggestions=await suggestions_for(work, order) if rules.suggestions else (),
    )
    key = f"{MessageKind.THANK_YOU}:{request.id}"
    await write(work, facts, Letter(key, request.email or order.email, order.store, request.id))
    _end(thanks, ThanksStatus.SAID)
    thanks.said_at = work.now


async def _references(work: Work, request: ReturnRequest) -> list[str]:
    """Of the cases that were settled."""
    settled = Case.state.in_([str(state) for state in _SETTLED])
    statement = select(Case.reference).where(Case.request_id == request.id, settled).order_by(Case.id)
    return list(await work.session.scalars(statement))


def _coupon_facts(work: Work, thanks: Thanks, order: Order) -> CouponFacts | None:
    if thanks.coupon not in (CouponStatus.MADE, CouponStatus.DRY_RUN) or thanks.expires_at is None:
        return None
    until = local_day(_country(work, order), thanks.expires_at)
    return CouponFacts(thanks.code or "", until, thanks.percent, _amount(thanks))


def _end(thanks: Thanks, status: ThanksStatus) -> None:
    thanks.status, thanks.next_try_at = status, None
