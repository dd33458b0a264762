"""What pages for one reader share: language, forms, and errors that can be understood."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api import runtime_from
from app.errors import AppError
from app.pages import forms
from app.pages.language import Reader, language_of, reader_of
from app.pages.render import Brand, brand_of, page, personal_answer

# The first part of the paths below which every error is a page.
_PAGES = frozenset({"returns", "supplier", "policy"})
_LANGUAGE = "language"


def is_page(path: str) -> bool:
    """Whether people read what is at this path."""
    return path.split("/", 2)[1:2] != [] and path.split("/", 2)[1] in _PAGES


def brand_for(request: Request, store: str | None) -> Brand | None:
    """The brand of a store by its key in any case; None when there is no such store."""
    settings = runtime_from(request).settings
    key = (store or "").lower()
    return brand_of(settings, key) if key in settings.stores else None


def reader_for(request: Request, fallback: str | None = None) -> Reader:
    """Who reads: by `?lang=`, else as chosen on a page before, else by the browser, else `fallback`."""
    asked = request.query_params.get("lang", "")[:40]
    chosen = forms.cookie_of(request, _LANGUAGE) or ""
    wanted = asked if language_of(asked) else chosen
    return reader_of(wanted, request.headers.get("accept-language"), fallback)


def personal_page(
    request: Request,
    template: str,
    reader: Reader,
    *,
    brand: Brand | None = None,
    status: int = 200,
    **values: Any,
) -> Response:
    """A page for one reader, with `csrf` for its forms. A language that was asked for is remembered."""
    token = forms.csrf_token(request)
    text, policy = page(template, reader, brand=brand, scripted=True, csrf=token, **values)
    answer = personal_answer(reader, text, policy, status)
    forms.keep_form_cookie(request, answer)
    if language_of(request.query_params.get("lang", "")[:40]):
        forms.set_cookie(request, answer, _LANGUAGE, reader.language, forms.YEAR)
    return answer


def problem_page(
    request: Request, status: int, code: str, *, brand: Brand | None = None, retry_after: int | None = None
) -> Response:
    """An error for people: what happened and what they can do, in their language. `code` chooses the words."""
    parts = request.url.path.split("/")
    if brand is None and parts[1:2] != ["supplier"]:
        brand = brand_for(request, parts[2] if len(parts) > 2 else None)
    settings = runtime_from(request).settings
    reader = reader_for(request, settings.stores[brand.key].locale if brand else None)
    text, policy = page("problem.html", reader, brand=brand, status=status, code=code)
    answer = personal_answer(reader, text, policy, status)
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def error_page(request: Request, error: AppError) -> Response:
    """The page for one of our errors."""
    return problem_page(request, error.status, error.code, retry_after=error.extra.get("retry_after"))
