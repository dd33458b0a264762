"""Signed links to photos: the only way in which a browser or a supplier sees one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from app import links
from app.errors import NotFound
from app.links import LinkPurpose
from app.settings import Settings

# On a page or in an answer of the API: until it is looked at again.
SHOWN_DAYS = 7
# To a supplier, which may file it with its own papers; longer than any claim takes.
SUPPLIER_DAYS = 180
_SMALL = "small:"


def photo_url(settings: Settings, photo_id: UUID, now: datetime, *, days: int = SHOWN_DAYS) -> str:
    """Where the photo is seen, until the end of the day `days` from now: all day the same link, so that it is cached.

    Raises `ConfigError` without a secret key.
    """
    return _url(settings, str(photo_id), now, days)


def thumbnail_url(settings: Settings, photo_id: UUID, now: datetime, *, days: int = SHOWN_DAYS) -> str:
    """The same for the thumbnail."""
    return _url(settings, f"{_SMALL}{photo_id}", now, days)


def _url(settings: Settings, subject: str, now: datetime, days: int) -> str:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return links.url(settings, f"/photos/{links.sign(settings, LinkPurpose.PHOTO, subject, midnight, days=days)}")


def photo_of(settings: Settings, token: str, now: datetime) -> tuple[UUID, bool]:
    """The photo of a link, and whether its thumbnail is meant. Raises `LinkInvalid`, `LinkExpired` or `NotFound`."""
    subject = links.read(settings, LinkPurpose.PHOTO, token, now)
    try:
        return UUID(subject.removeprefix(_SMALL)), subject.startswith(_SMALL)
    except ValueError:
        raise NotFound("There is no such photo.") from None
