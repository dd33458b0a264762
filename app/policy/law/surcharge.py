"""What a late refund costs beside the refund, metered day by day (France; nothing is known elsewhere). Pure.

Days are the customer's calendar days after the day on which the refund was due: a refund paid on the n-th day is n
days late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.money import Money
from app.policy.law.calendar import country_code, local_day, months_after
from app.policy.law.library import Law, shipped
from app.policy.law.model import Cite, LegalRateSpan, Right, Surcharge
from app.policy.law.pack import Band, Scales, cites

_SETS = "surcharge"


@dataclass(frozen=True, slots=True)
class _Scale:
    """The bands for one right, then `monthly` points for each month begun up to `ceiling`, then the legal rate."""

    bands: tuple[Band, ...]
    monthly: int
    ceiling: int
    legal_rate_after: bool
    used: tuple[Cite, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """What holds on one day, and on which day the next step begins."""

    percent: int
    legal_rate_since: date | None
    next_day: date | None


def surcharge(
    version: str, right: Right, amount: Money, due_at: datetime, now: datetime, country: str | None = None
) -> Surcharge:
    """What is owed at `now` beside `amount`, a refund that was due at `due_at`.

    `version` is that of the `LegalView` (kept on the case); of several laws the dearest counts, so a customer of an
    unknown country is metered as if in France. `country`: whose days are counted; not known, those where the law is at
    home. The legal rate itself is not known: its days are told, not its amount.

    Raises `UnknownLaw` for a version that is not shipped.
    """
    best: Surcharge | None = None
    for law in shipped().named(version):
        scale = _scale(law, right)
        home = country_code(country) or law.pack.applies.home
        metered = _meter(scale, amount, *_days(home, due_at, now)) if scale else None
        if metered and (best is None or _weight(metered) > _weight(best)):
            best = metered
    if best is not None:
        return best
    due, today = _days(country, due_at, now)
    return Surcharge(max(0, (today - due).days), 0, amount.with_minor(0), None, None, None, ())


def _weight(metered: Surcharge) -> tuple[int, bool]:
    return metered.percent, metered.legal_rate is not None


def _days(country: str | None, due_at: datetime, now: datetime) -> tuple[date, date]:
    return local_day(country, due_at), local_day(country, now)


def _meter(scale: _Scale, amount: Money, due: date, today: date) -> Surcharge:
    step = _step(scale, due, today)
    following = _step(scale, due, step.next_day) if step.next_day else None
    return Surcharge(
        days_late=max(0, (today - due).days),
        percent=step.percent,
        amount=amount.with_minor(-(-amount.minor * step.percent // 100)),
        legal_rate=LegalRateSpan(step.legal_rate_since, today) if step.legal_rate_since else None,
        next_day=step.next_day,
        next_percent=following.percent if following else None,
        cites=scale.used,
    )


def _step(scale: _Scale, due: date, today: date) -> _Step:
    late = (today - due).days
    if late <= 0:
        return _Step(0, None, due + timedelta(days=1))
    for band in scale.bands:
        if band.until is None:
            return _Step(band.percent, due + timedelta(days=1) if band.legal_rate else None, None)
        if late <= band.until:
            since = due + timedelta(days=1) if band.legal_rate else None
            return _Step(band.percent, since, due + timedelta(days=band.until + 1))
    return _monthly(scale, due, today)


def _monthly(scale: _Scale, due: date, today: date) -> _Step:
    """After the last band: points for each month begun, and at the ceiling the legal rate beside it."""
    last = scale.bands[-1]
    base = due + timedelta(days=last.until or 0)
    month = 1
    while months_after(base, month) < today:
        month += 1
    percent = min(last.percent + scale.monthly * month, scale.ceiling)
    if percent < scale.ceiling:
        return _Step(percent, None, months_after(base, month) + timedelta(days=1))
    full = -(-(scale.ceiling - last.percent) // scale.monthly)
    reached = months_after(base, full - 1) + timedelta(days=1)
    return _Step(percent, reached if scale.legal_rate_after else None, None)


def _scale(law: Law, right: Right) -> _Scale | None:
    """What the law scales for `right`, with an open last band or points by the month after it."""
    found: Scales | None = law.pack.surcharge
    if found is None:
        return None
    if right is Right.NON_DELIVERY and found.non_delivery is not None:
        return _Scale(tuple(found.non_delivery.value), 0, 0, False, cites(_SETS, found.non_delivery))
    if right is not Right.WITHDRAWAL or found.withdrawal is None:
        return None
    monthly, ceiling, after = found.withdrawal_monthly, found.withdrawal_ceiling, found.withdrawal_after
    return _Scale(
        tuple(found.withdrawal.value),
        monthly.value if monthly else 0,
        ceiling.value if ceiling else 0,
        after is not None,
        cites(_SETS, found.withdrawal, monthly, ceiling, after),
    )
