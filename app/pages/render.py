"""How every page is made and sent: one base, one stylesheet, one strict policy for what a browser may load."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.pages.catalogue import FOLDER, translations
from app.pages.language import LANGUAGES, Reader

ACCENT = "#2f6f62"
# A browser may show a public page without asking for so many seconds; after that it asks by the page's tag.
FRESH_SECONDS = 300
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
}


@lru_cache(maxsize=len(LANGUAGES))
def environment(language: str) -> Environment:
    """The templates, speaking that language."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=select_autoescape(["html"]),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["ext.i18n.trimmed"] = True
    words = translations(language)
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    return made


@lru_cache(maxsize=64)
def stylesheet(accent: str) -> tuple[Markup, str]:
    """The stylesheet with a store's colour, and the source expression that lets a browser use it."""
    css = re.sub(r"\s+", " ", (FOLDER / "style.css").read_text("utf-8")).replace("ACCENT", accent)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return Markup(css), f"'sha256-{digest}'"  # noqa: S704


def page(template: str, reader: Reader, *, accent: str | None = None, **values: Any) -> tuple[str, str]:
    """A page's text, and its content security policy.

    `values` must hold what the template names beside the base's own: `store_name` (or None) and `kept`, the rest of
    the query that a change of language keeps.
    """
    style, source = stylesheet(accent or ACCENT)
    text = (
        environment(reader.language)
        .get_template(template)
        .render(reader=reader, languages=LANGUAGES, style=style, **values)
    )
    policy = (
        f"default-src 'none'; style-src {source}; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return text, policy


def public_answer(request: Request, reader: Reader, text: str, policy: str) -> Response:
    """A page that is the same for every reader of a language: kept for minutes, and asked for by its tag after that."""
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'
    headers = {
        **_HEADERS,
        "Content-Security-Policy": policy,
        "Content-Language": reader.language,
        "Cache-Control": f"public, max-age={FRESH_SECONDS}",
        "ETag": tag,
    }
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if tag in known:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(text, headers=headers)


def missing_answer(reader: Reader) -> Response:
    """The page for an address that leads nowhere."""
    text, policy = page("missing.html", reader, store_name=None, kept={})
    headers = {
        **_HEADERS,
        "Content-Security-Policy": policy,
        "Content-Language": reader.language,
        "Cache-Control": "no-store",
    }
    return HTMLResponse(text, 404, headers=headers)
