"""Discount codes of the sandbox's Shopify shop: each code once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.sandbox.shopify.answers import Refused


@dataclass(frozen=True, slots=True)
class Discount:
    """A discount with one code; `asked` is the input that made it."""

    id: int
    code: str
    asked: dict[str, Any]


class DiscountDesk:
    """The shop's discounts by their code. Not locked: the shop's lock is held by whoever calls."""

    def __init__(self, next_id: Callable[[], int]) -> None:
        self._next_id = next_id
        self.made: dict[str, Discount] = {}

    def find(self, code: str) -> Discount | None:
        """The discount with that code; the shop does not tell small letters from capitals."""
        return self.made.get(code.casefold())

    def create(self, asked: dict[str, Any]) -> Discount:
        """Makes one. Raises `Refused` with BLANK without a code or title, TAKEN where the code is there already."""
        code = str(asked.get("code") or "").strip()
        for name in ("code", "title", "startsAt", "customerGets"):
            if not str(asked.get(name) or "").strip():
                raise Refused(["basicCodeDiscount", name], f"{name} can't be blank", code="BLANK")
        if self.find(code) is not None:
            message = "Code must be unique. Please try a different code."
            raise Refused(["basicCodeDiscount", "code"], message, code="TAKEN")
        self.made[code.casefold()] = Discount(self._next_id(), code, asked)
        return self.made[code.casefold()]
