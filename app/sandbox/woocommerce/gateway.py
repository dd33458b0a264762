"""The payment gateways of the sandbox's WooCommerce site, and what they really paid."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class GatewayKind(StrEnum):
    """What a gateway does when it is asked for a refund."""

    REFUNDS = "refunds"
    NO_REFUNDS = "no_refunds"
    REFUSES = "refuses"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway. `seconds` is how long it takes to answer; `message` is what it says when it refuses."""

    gateway_id: str
    title: str
    kind: GatewayKind = GatewayKind.REFUNDS
    seconds: float = 0.0
    message: str = "La carte du client a expiré."

    def as_json(self) -> dict[str, Any]:
        """The gateway as REST shows it; `method_supports` says whether it can refund."""
        supports = ["products"] if self.kind is GatewayKind.NO_REFUNDS else ["products", "refunds"]
        return {
            "id": self.gateway_id,
            "title": self.title,
            "description": "",
            "order": "",
            "enabled": True,
            "method_title": self.title,
            "method_description": "",
            "method_supports": supports,
            "settings": {},
            "needs_setup": False,
        }


DEFAULT_GATEWAYS = (
    Gateway("stripe", "Card"),
    Gateway("bacs", "Bank", GatewayKind.NO_REFUNDS),
    Gateway("refuser", "Card that is refused", GatewayKind.REFUSES),
    Gateway("slow", "Slow card", seconds=20.0),
)
"""One of each kind. The slow one takes longer than the `woocommerce` package waits by default (5 s)."""
