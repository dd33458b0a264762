"""The public pages, which answer HTML, also when there is nothing; and the stores' logos."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from app.api import runtime_from
from app.errors import NotFound
from app.pages.language import reader_of
from app.pages.logo import LogoFault, read_logo
from app.pages.policy_page import country_of, values_of
from app.pages.render import brand_of, page, picture_answer, public_answer
from app.pages.shell import problem_page
from app.runtime import Runtime

router = APIRouter(include_in_schema=False)

Lang = Annotated[str | None, Query(max_length=40)]


@router.get("/policy/{store}")
def policy(
    request: Request,
    runtime: Annotated[Runtime, Depends(runtime_from)],
    store: Annotated[str, Path(max_length=200)],
    lang: Lang = None,
    country: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """The rules of a store for readers, in their language, as they are in force now.

    Not async: the first reader of a country has the engine asked a few hundred questions, in a thread of its own.
    """
    settings = runtime.settings
    found = settings.stores.get(store.lower())
    reader = reader_of(lang, request.headers.get("accept-language"), found.locale if found else None)
    if found is None:
        return problem_page(request, 404, "not_found")
    where = country_of(country, reader, found)
    values = values_of(settings, store.lower(), reader, where)
    text, policy_header = page("policy.html", reader, brand=brand_of(settings, store.lower()), **values)
    return public_answer(request, reader, text, policy_header)


@router.get("/pages/{store}/logo")
def logo(
    request: Request,
    runtime: Annotated[Runtime, Depends(runtime_from)],
    store: Annotated[str, Path(max_length=200)],
) -> Response:
    """The picture in the head of a store's pages. Not async: it reads a file."""
    found = runtime.settings.stores.get(store.lower())
    if found is None or found.logo is None:
        raise NotFound("There is no logo.")
    try:
        picture = read_logo(found.logo)
    except LogoFault:
        raise NotFound("There is no logo.") from None
    return picture_answer(request, picture.content, picture.media_type)
