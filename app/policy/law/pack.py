"""The shape of a law pack: a TOML file of figures, each with its article and how well it was checked. Pure.

A pack holds sections, and a section holds figures. A pack that `extends` another one takes its figures and replaces
those that it names itself, whole figure by whole figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.policy.law.model import Cite, Confidence, Cure, Forbidden, Payer, Right, Start

T_co = TypeVar("T_co", covariant=True)
Count = Annotated[int, Field(ge=1, le=3660)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(_Closed, Generic[T_co]):
    """One thing a law says. `pack` and `rule` (where it stands) are filled in by the loader."""

    value: T_co
    article: Annotated[str, Field(min_length=1)]
    confidence: Confidence
    note: str = ""
    pack: str
    rule: str

    @cached_property
    def _cited(self) -> dict[str, Cite]:
        # Replaying a year of cases asks for the same few sources millions of times.
        return {}

    def cite(self, sets: str) -> Cite:
        """This figure as the source of the field `sets` of a `LegalView`."""
        known = self._cited.get(sets)
        if known is None:
            known = Cite(self.pack, self.rule, self.article, self.confidence, written(self.value), sets)
            self._cited[sets] = known
        return known


def cites(sets: str, *figures: Figure[object] | None) -> tuple[Cite, ...]:
    """The figures that are there, as sources of the field `sets`."""
    return tuple(figure.cite(sets) for figure in figures if figure is not None)


class Counting(_Closed):
    """How days are counted. The start day never counts; a last day may roll on over weekends and holidays."""

    start_excluded: Figure[Literal[True]]
    window_rolls: Figure[bool]
    due_rolls: Figure[bool]


class Ground(_Closed):
    """One right under one law. A figure that is absent is one that this law does not have, or nobody has looked up.

    - `no_right`: the law is known to give no such right. `advisory`: what the operator should know beside the figures.
    - `window_days`, `window_months`: the time for declaring, from `window_from`. `document_too`: it also waits for the
      disclosure document. `protected_months`: for protected groups. `uninformed_months`: added when the customer was
      not informed; `informed_days`: from being informed late. `only_uninformed`: the right arises from not informing.
      `sent_in_time`: sending the declaration in time is enough. `late_counts`: a late delivery is as good as none.
    - `reject_days`: rejecting faulty goods for money at once. `repair_months`: added when repair is chosen.
    - `refund_days` or `refund_business_days` from `refund_from`; `ship_days`: shipping time when none was promised.
      `withheld`: the merchant may wait for goods or proof of dispatch; `collecting_lifts`: not when he collects.
    - `refund_all`, `outbound_shipping`, `same_means`, `cash`: what goes back and how.
    - `fee_percent`, `fee_most`: what may be kept, all of them together. `way_back` and, when not informed,
      `way_back_uninformed`. `send_back_days`: time for sending the goods back after declaring.
    - `cures`, and `cures_in_time` while goods can be rejected, `cures_minor` where the failure is not major.
    - `exceptions`: ids of the statutory exceptions.
    """

    no_right: Figure[Literal[True]] | None = None
    advisory: Figure[str] | None = None
    window_days: Figure[Count] | None = None
    window_months: Figure[Count] | None = None
    window_from: Figure[Literal[Start.DELIVERED, Start.ORDERED]] | None = None
    document_too: Figure[Literal[True]] | None = None
    protected_months: Figure[Count] | None = None
    uninformed_months: Figure[Count] | None = None
    informed_days: Figure[Count] | None = None
    only_uninformed: Figure[Literal[True]] | None = None
    sent_in_time: Figure[Literal[True]] | None = None
    late_counts: Figure[Literal[True]] | None = None
    reject_days: Figure[Count] | None = None
    repair_months: Figure[Count] | None = None
    refund_days: Figure[Count] | None = None
    refund_business_days: Figure[Count] | None = None
    refund_from: Figure[Literal[Start.DECLARED, Start.GOODS_BACK, Start.AGREED, Start.PROMISED]] | None = None
    ship_days: Figure[Count] | None = None
    withheld: Figure[Literal[True]] | None = None
    collecting_lifts: Figure[Literal[True]] | None = None
    refund_all: Figure[bool] | None = None
    outbound_shipping: Figure[bool] | None = None
    same_means: Figure[bool] | None = None
    cash: Figure[bool] | None = None
    fee_percent: Figure[Annotated[Decimal, Field(ge=0, le=100)]] | None = None
    fee_most: Figure[dict[str, str]] | None = None
    way_back: Figure[Payer] | None = None
    way_back_uninformed: Figure[Payer] | None = None
    send_back_days: Figure[Count] | None = None
    cures: Figure[list[list[Cure]]] | None = None
    cures_in_time: Figure[list[list[Cure]]] | None = None
    cures_minor: Figure[list[list[Cure]]] | None = None
    exceptions: Figure[list[str]] | None = None

    @property
    def known(self) -> bool:
        """There is more here than an advisory: somebody looked what this law says about the right."""
        return any(getattr(self, name) is not None for name in type(self).model_fields if name != "advisory")

    @model_validator(mode="after")
    def _figures_belong_together(self) -> Ground:
        """A time needs its start, a start of a refund needs its time."""
        if (self.window_days or self.window_months or self.reject_days) and self.window_from is None:
            raise ValueError("window_from is needed beside window_days, window_months and reject_days")
        if (self.refund_from is None) != (self.refund_days is None and self.refund_business_days is None):
            raise ValueError("refund_from and one of refund_days and refund_business_days need each other")
        if self.refund_from is not None and self.refund_from.value is Start.PROMISED and self.ship_days is None:
            raise ValueError("ship_days is needed beside refund_from = promised")
        return self


class Function(_Closed):
    """What the online withdrawal function must do (EU). Data for pages; nothing is computed from it."""

    applies_from: Figure[date] | None = None
    availability: Figure[str] | None = None
    fields: Figure[list[str]] | None = None
    two_steps: Figure[Literal[True]] | None = None
    receipt: Figure[list[str]] | None = None
    told_before: Figure[Literal[True]] | None = None
    guests: Figure[Literal[True]] | None = None
    wording: Figure[str] | None = None
    fine: Figure[str] | None = None
    language: Figure[str] | None = None


class Band(_Closed):
    """A refund at most `until` days late (no `until`: later) costs `percent`, or interest at the legal rate."""

    until: Count | None = None
    percent: Annotated[int, Field(ge=0, le=100)] = 0
    legal_rate: bool = False


class Scales(_Closed):
    """What a late refund costs. `monthly`: points for each new month after the last band, up to `ceiling` percent."""

    withdrawal: Figure[list[Band]] | None = None
    withdrawal_monthly: Figure[Annotated[int, Field(ge=1, le=100)]] | None = None
    withdrawal_ceiling: Figure[Annotated[int, Field(ge=1, le=100)]] | None = None
    withdrawal_after: Figure[Literal["legal_rate"]] | None = None
    non_delivery: Figure[list[Band]] | None = None

    @model_validator(mode="after")
    def _no_day_is_without_a_band(self) -> Scales:
        """Bands rise and only the last is open; where the last is not, points by the month and their end follow."""
        for scale in (self.withdrawal, self.non_delivery):
            ends = [band.until for band in scale.value] if scale else [None]
            closed = [end for end in ends[:-1] if end is not None]
            if not ends or len(closed) != len(ends) - 1 or closed != sorted(set(closed)):
                raise ValueError("bands have to rise, and only the last may be without until")
        if self.non_delivery and self.non_delivery.value[-1].until is not None:
            raise ValueError("the last band of non_delivery has to be without until")
        if (
            self.withdrawal
            and self.withdrawal.value[-1].until
            and not (self.withdrawal_monthly and self.withdrawal_ceiling)
        ):
            raise ValueError("withdrawal_monthly and withdrawal_ceiling are needed after the last band of withdrawal")
        return self


class Applies(_Closed):
    """Where the law holds: the customer's country, and the states of it (none: all).

    `home`: whose days are counted when the customer's country is not known.
    """

    countries: Annotated[list[str], Field(min_length=1)]
    regions: list[str] = []
    home: str | None = None


class Pack(_Closed):
    """A law as it holds, its own figures on top of those it extends."""

    id: str
    name: str
    version: str
    as_of: date
    status: Literal["draft, needs counsel"]
    extends: str | None = None
    applies: Applies
    counting: Counting
    withdrawal: Ground | None = None
    withdrawal_forbids: dict[Forbidden, Figure[Literal[True]]] = {}
    non_conformity: Ground | None = None
    non_conformity_forbids: dict[Forbidden, Figure[Literal[True]]] = {}
    non_delivery: Ground | None = None
    non_delivery_forbids: dict[Forbidden, Figure[Literal[True]]] = {}
    function: Function | None = None
    label_withdraw: dict[str, Figure[str]] = {}
    label_confirm: dict[str, Figure[str]] = {}
    surcharge: Scales | None = None

    def ground(self, right: Right) -> Ground | None:
        """What this law says about `right`, None when nobody has looked."""
        return {
            Right.WITHDRAWAL: self.withdrawal,
            Right.NON_CONFORMITY: self.non_conformity,
            Right.NON_DELIVERY: self.non_delivery,
        }[right]

    def forbidden(self, right: Right) -> Mapping[Forbidden, Figure[Literal[True]]]:
        """What this law forbids towards a customer who uses `right`."""
        return {
            Right.WITHDRAWAL: self.withdrawal_forbids,
            Right.NON_CONFORMITY: self.non_conformity_forbids,
            Right.NON_DELIVERY: self.non_delivery_forbids,
        }[right]


def written(value: object) -> str:
    """A figure's value as text: the same for the same value, lists in their order."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Band):
        until = f"up to {value.until} days late" if value.until else "later"
        return f"{until}: {'legal rate' if value.legal_rate else f'+{value.percent} %'}"
    if isinstance(value, list):
        inside = "; " if value and isinstance(value[0], (list, Band)) else ", "
        return inside.join(" or ".join(map(str, one)) if isinstance(one, list) else written(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{amount} {currency}" for currency, amount in sorted(value.items()))
    return str(value)
