"""The words and amounts of a policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, RootModel

from app.cases.vocabulary import Reason
from app.money import BadAmount, currency_exponent, parse_decimal

# What the customer changes their mind about: the goods are as they should be.
SECOND_THOUGHTS = frozenset({Reason.CHANGED_MIND, Reason.WRONG_SIZE, Reason.WRONG_VARIANT, Reason.OTHER})
EVERY_REASON = frozenset(Reason)
# Goods that came, and came with a flaw.
FLAWED = frozenset(
    {Reason.DEFECTIVE, Reason.DAMAGED_IN_TRANSIT, Reason.NOT_AS_DESCRIBED, Reason.WRONG_ITEM, Reason.MISSING_PARTS}
)


class Outcome(StrEnum):
    """What a decision says."""

    APPROVE = "approve"
    REJECT = "reject"
    EVIDENCE = "evidence"
    OPERATOR = "operator"


class WindowStart(StrEnum):
    """What a window is counted from: the last parcel's delivery (else its dispatch, else the order), or the order."""

    DELIVERED = "delivered"
    PLACED = "placed"


class Late(StrEnum):
    """What becomes of a request after the window. A live legal right always wins over `reject`."""

    OPERATOR = "operator"
    REJECT = "reject"


class Wear(StrEnum):
    """The state that goods should be in; `tried` is as one tries things in a shop."""

    SEALED = "sealed"
    UNUSED = "unused"
    TRIED = "tried"
    ANY = "any"


class Want(StrEnum):
    """How much the original packaging matters."""

    REQUIRED = "required"
    WANTED = "wanted"
    ANY = "any"


class Statutory(StrEnum):
    """Statutory exceptions from the right of withdrawal that a policy may claim (EU: CRD art. 16)."""

    BESPOKE = "bespoke"
    PERISHABLE = "perishable"
    UNSEALED_HYGIENE = "unsealed_hygiene"
    UNSEALED_MEDIA = "unsealed_media"
    MIXED = "mixed"


class EvidenceKind(StrEnum):
    """A picture (or a link to one), or words."""

    PHOTO = "photo"
    ANSWER = "answer"


def _amounts(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError('must be amounts by currency, such as {EUR = "15.00", USD = "16.00"}')
    found = {}
    for currency, amount in value.items():
        try:
            currency_exponent(str(currency))
            found[str(currency)] = parse_decimal(amount)
        except BadAmount as error:
            hint = ' (write amounts as text: "15.00")' if isinstance(amount, float) else ""
            raise ValueError(f"{error.detail}{hint}") from None
        if found[str(currency)] < 0:
            raise ValueError("an amount is less than nothing")
    return found


class Amounts(RootModel[Annotated[dict[str, Decimal], BeforeValidator(_amounts)]]):
    """Amounts of money by currency, in whole currency units. An empty one says nothing about any currency."""

    model_config = ConfigDict(frozen=True)

    def minor(self, currency: str, exponent: int) -> int | None:
        """The amount in minor units of 10^-`exponent`, rounded half up; None for a currency that is not told."""
        amount = self.root.get(currency)
        if amount is None:
            return None
        return int(amount.scaleb(exponent).quantize(Decimal(1), rounding=ROUND_HALF_UP))

    @property
    def currencies(self) -> frozenset[str]:
        """The currencies that are told."""
        return frozenset(self.root)

    def __bool__(self) -> bool:
        return bool(self.root)


NONE = Amounts({})
