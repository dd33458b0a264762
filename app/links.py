"""Links that may be given away: signed, for one purpose and one subject, until a moment.

A token is `<content>.<signature>`, both URL-safe base64: whoever holds it may do what its purpose says, and nobody can
make or change one without `MAKEGOOD_SECRET_KEY`. The expiry is inside and judged by the service's own clock. The first
key of `SECRET_KEY` signs, all are accepted, so that keys can be changed while links are out.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from app.errors import AppError, ConfigError
from app.settings import Settings

# Seconds since 1970 fit into so many bytes for longer than anybody plans.
_EXPIRY_BYTES = 5
# Longer ones are no tokens of ours and not worth a hash.
_LONGEST = 1024


class LinkPurpose(StrEnum):
    """What a token is for. One made for a purpose is worth nothing for another."""

    REQUEST = "request"
    """The status page of one return request."""
    SUPPLIER = "supplier"
    """A supplier's page of one case."""
    PHOTO = "photo"
    """One photo, or its thumbnail."""
    ORDER = "order"
    """From the store into the returns page: one order of one customer."""
    SURVEY = "survey"
    """The question after a return."""
    SESSION = "session"
    """Short: a browser that has looked up an order."""
    WITHDRAWAL = "withdrawal"
    """What a browser shows after a withdrawal was declared in it."""
    FORM = "form"
    """Short: the forms shown to one browser."""


class LinkInvalid(AppError):
    """The token was not made by us for this purpose."""

    status = 404
    code = "link_invalid"
    title = "This link does not work"


class LinkExpired(AppError):
    """The token was ours, and its time is over."""

    status = 410
    code = "link_expired"
    title = "This link is too old"


def sign(
    settings: Settings, purpose: LinkPurpose, subject: str, now: datetime, *, days: float = 0, seconds: float = 0
) -> str:
    """A token for `subject` that is read until `now` plus the time given, to the second.

    Raises `ConfigError` when there is no `SECRET_KEY`.
    """
    expires = int((now + timedelta(days=days, seconds=seconds)).timestamp())
    content = base64_encode(expires.to_bytes(_EXPIRY_BYTES, "big") + subject.encode())
    return _signer(settings, purpose).sign(content).decode()


def read(settings: Settings, purpose: LinkPurpose, token: str, now: datetime) -> str:
    """The subject of a token. Raises `LinkInvalid`, or `LinkExpired` when its time was over at `now`."""
    content = _content(settings, purpose, token)
    if int.from_bytes(content[:_EXPIRY_BYTES], "big") < now.timestamp():
        raise LinkExpired("The time of this link is over; ask for a new one.")
    return content[_EXPIRY_BYTES:].decode()


def path(settings: Settings, local: str) -> str:
    """The path of a page as browsers must ask for it: below the path of `PUBLIC_URL`, if that has one."""
    return f"{urlsplit(settings.public_url).path}{local}"


def url(settings: Settings, local: str) -> str:
    """The whole address of a page for mails and other machines; `local` begins with `/`."""
    return f"{settings.public_url}{local}"


def _content(settings: Settings, purpose: LinkPurpose, token: str) -> bytes:
    invalid = LinkInvalid("This link was not made here, or not for this.")
    if len(token) > _LONGEST or not token.isascii():
        raise invalid
    try:
        signed = _signer(settings, purpose).unsign(token)
        content = base64_decode(signed)
    except BadData:
        raise invalid from None
    # Base64 has several spellings of the same bytes; only ours counts, so that a changed token is never accepted.
    signature = token.rpartition(".")[2].encode()
    if base64_encode(base64_decode(signature)) != signature or base64_encode(content) != signed:
        raise invalid
    return content


def _signer(settings: Settings, purpose: LinkPurpose) -> Signer:
    keys = [key.get_secret_value() for key in settings.secret_key if key.get_secret_value()]
    if not keys:
        raise ConfigError("SECRET_KEY is needed to sign links.")
    # The library signs with the last key.
    return Signer(keys[::-1], salt=f"makegood.{purpose}", key_derivation="hmac", digest_method=hashlib.sha256)
