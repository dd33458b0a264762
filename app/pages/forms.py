"""Forms that only our own pages can send, and the cookies that takes.

A browser gets a random name in a cookie, and each form a token that signs this name: a foreign page can have a form
sent here, and neither read the token nor make one (cross-site request forgery). `SameSite=Lax` keeps the cookie at home
on such a request, and lets it come along when somebody follows a link in a mail.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app import links
from app.api import runtime_from
from app.errors import Forbidden, Invalid
from app.links import LinkPurpose

FIELD = "csrf"
YEAR = 365 * 24 * 3600
# A form may stay open over a weekend.
_FORM_DAYS = 3
_FORM_COOKIE = "form"
_MOST_FIELDS, _MOST_FILES, _MOST_FIELD_BYTES = 500, 12, 64 * 1024


class FormNotOurs(Forbidden):
    """The form was not made by our page for this browser, or too long ago."""

    code = "form_not_ours"
    title = "The form cannot be taken"


class FormNotReadable(Invalid):
    """The body is no form, or has more fields, files or text than any page of ours has."""

    code = "form_not_readable"
    title = "The form cannot be read"


def csrf_token(request: Request) -> str:
    """What a form carries in the field `csrf`; an answer made by `personal_page` sees to the cookie."""
    runtime = runtime_from(request)
    name = cookie_of(request, _FORM_COOKIE)
    if name is None:
        name = getattr(request.state, "form_name", None) or secrets.token_urlsafe(16)
        request.state.form_name = name
    return links.sign(runtime.settings, LinkPurpose.FORM, name, runtime.clock.now(), days=_FORM_DAYS)


def keep_form_cookie(request: Request, answer: Response) -> None:
    """Gives a browser that had no name the one that its forms were signed for."""
    name = getattr(request.state, "form_name", None)
    if name is not None:
        set_cookie(request, answer, _FORM_COOKIE, name)


async def checked_form(request: Request) -> AsyncIterator[FormData]:
    """The fields and files of a form that our own page sent; closed after the answer.

    Raises `FormNotReadable` and `FormNotOurs`.
    """
    form = await _form_of(request)
    try:
        _require_ours(request, form)
        yield form
    finally:
        await form.close()


async def _form_of(request: Request) -> FormData:
    try:
        return await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD_BYTES)
    except HTTPException as error:
        if error.status_code != HTTPStatus.BAD_REQUEST:
            raise
        raise FormNotReadable("The form cannot be read.") from None


def _require_ours(request: Request, form: FormData) -> None:
    token, name = field(form, FIELD), cookie_of(request, _FORM_COOKIE)
    runtime = runtime_from(request)
    try:
        signed = links.read(runtime.settings, LinkPurpose.FORM, token, runtime.clock.now())
    except (links.LinkInvalid, links.LinkExpired):
        signed = None
    if name is None or signed is None or not secrets.compare_digest(signed.encode(), name.encode()):
        raise FormNotOurs("This form was not made for you, or too long ago; open the page again.")


CheckedForm = Annotated[FormData, Depends(checked_form)]


def field(form: FormData, name: str, most: int = 2000) -> str:
    """A text field without blanks around it; empty when it is missing or a file. At most so many characters."""
    value = form.get(name)
    return value.replace("\x00", "").strip()[:most] if isinstance(value, str) else ""


def cookie_of(request: Request, name: str) -> str | None:
    """The value of one of our cookies, None when the browser has none."""
    return request.cookies.get(_cookie_name(request, name))


def set_cookie(request: Request, answer: Response, name: str, value: str, seconds: int | None = None) -> None:
    """Has the browser keep a value that scripts cannot read; without `seconds`, until it is closed."""
    answer.set_cookie(
        _cookie_name(request, name), value, max_age=seconds, path="/", secure=_secure(request), httponly=True,
        samesite="lax",
    )  # fmt: skip


def drop_cookie(request: Request, answer: Response, name: str) -> None:
    """Has the browser forget a value."""
    answer.delete_cookie(
        _cookie_name(request, name), path="/", secure=_secure(request), httponly=True, samesite="lax"
    )  # fmt: skip


def _cookie_name(request: Request, name: str) -> str:
    # The prefix has browsers refuse the cookie from any other host and over plain http (RFC 6265bis, 4.1.3.2).
    return f"__Host-makegood_{name}" if _secure(request) else f"makegood_{name}"


def _secure(request: Request) -> bool:
    return runtime_from(request).settings.public_url.startswith("https://")
