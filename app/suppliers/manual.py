"""The channel for suppliers without any machine to speak to.

One that is written to (`email.py`) answers on its page; any other the operator asks, and records what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.outcomes import Ok
from app.suppliers.base import SupplierAnswer, SupplierOutcome, SupplierStatus


class ManualSupplier:
    """Calls nobody: each answer is "pending" until a person records the real one."""

    has_api = False

    def __init__(self, key: str) -> None:
        self.key = key

    async def open_return(self, body: Mapping[str, Any], idempotency_key: str) -> SupplierOutcome:  # noqa: ARG002
        """Answers that the supplier has not decided."""
        return Ok(SupplierAnswer(SupplierStatus.PENDING))

    async def poll(self, return_id: str) -> SupplierOutcome:  # noqa: ARG002
        """Answers that the supplier has not decided."""
        return Ok(SupplierAnswer(SupplierStatus.PENDING))

    async def cancel(self, return_id: str) -> SupplierOutcome:  # noqa: ARG002
        """Answers that there is nothing to withdraw by machine."""
        return Ok(SupplierAnswer(SupplierStatus.PENDING))

    async def aclose(self) -> None:
        """Holds no connection."""
        return
