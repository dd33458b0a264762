"""A page of ours that shows every part there is, with a form that tells what arrived; only for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI, Request
from jinja2 import ChoiceLoader, FileSystemLoader
from starlette.responses import PlainTextResponse, Response

from app.money import Money
from app.pages.forms import CheckedForm, field
from app.pages.language import LANGUAGES
from app.pages.render import environment
from app.pages.shell import brand_for, personal_page, reader_for

PATH = "/returns/alpha/kit"


@contextmanager
def kit_templates() -> Iterator[None]:
    """The templates of this folder beside the service's own."""
    own = FileSystemLoader(Path(__file__).parent / "templates")
    found = {language: environment(language) for language in LANGUAGES}
    before = {language: made.loader for language, made in found.items()}
    for made in found.values():
        assert made.loader is not None
        made.loader = ChoiceLoader([made.loader, own])
    yield
    for language, made in found.items():
        made.loader = before[language]


def add_kit(app: FastAPI) -> FastAPI:
    """The service with the page at `PATH`: a form without an order number comes back with what is wrong."""

    def shown(request: Request, order: str = "", note: str = "", errors: tuple[tuple[str, str], ...] = ()) -> Response:
        return personal_page(
            request,
            "kit.html",
            reader_for(request, "fr"),
            brand=brand_for(request, "alpha"),
            status=422 if errors else 200,
            said={"order": order, "note": note},
            errors=errors,
            money=Money(1250, "EUR", 2),
            at=datetime(2026, 11, 22, 8, tzinfo=UTC),
        )

    async def get(request: Request) -> Response:
        return shown(request)

    async def post(form: CheckedForm, request: Request) -> Response:
        order, note = field(form, "order", 40), field(form, "note")
        if not order:
            return shown(request, order, note, (("order", "Please tell us the number"),))
        names = [getattr(one, "filename", "") for one in form.getlist("photos")]
        return PlainTextResponse(f"{order}|{note}|{','.join(names)}")

    app.add_api_route(PATH, get, methods=["GET"], include_in_schema=False)
    app.add_api_route(PATH, post, methods=["POST"], include_in_schema=False)
    return app
