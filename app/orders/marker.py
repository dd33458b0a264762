"""The marker that tells our refunds from everybody else's (contract: `[makegood:<refund id>]`). Pure."""

from __future__ import annotations

import re
from uuid import UUID

_MARKER = re.compile(r"\[makegood:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\]", re.IGNORECASE)


def marker_for(refund_id: UUID) -> str:
    """The text that every refund of ours carries in the store."""
    return f"[makegood:{refund_id}]"


def operation_in(text: str | None) -> str | None:
    """The refund id in the first marker of `text`, lower case; None when the refund is not ours."""
    found = _MARKER.search(text or "")
    return found.group(1).lower() if found else None
