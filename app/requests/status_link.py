"""The link to the page that follows one return request; every mail to the customer has it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app import links
from app.links import LinkPurpose
from app.settings import Settings

# A status page is of use while goods, money and rights are: two years of conformity would make the link a password.
STATUS_DAYS = 400


def status_token(settings: Settings, request_id: UUID, now: datetime) -> str:
    """The signed part of the link. Raises `ConfigError` without a secret key."""
    return links.sign(settings, LinkPurpose.REQUEST, str(request_id), now, days=STATUS_DAYS)


def status_path(store: str, token: str) -> str:
    """Where the page is, below `PUBLIC_URL`."""
    return f"/returns/{store}/r/{token}"
