"""How every page is made and sent: one base, one stylesheet, one strict policy for what a browser may load."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.links import path
from app.pages.catalogue import FOLDER, translations
from app.pages.colour import readable
from app.pages.language import LANGUAGES, Reader
from app.pages.writing import FILTERS
from app.settings import Settings

ACCENT = "#2f6f62"
# The grounds on which the accent is seen; `style.css` has them as --page and --card.
LIGHT, DARK = ("#ffffff", "#f5f6f8"), ("#14171b", "#1e2329")
# A browser may show a public page without asking for so many seconds; after that it asks by the page's tag.
FRESH_SECONDS = 300
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class Brand:
    """Whose page it is: the store's key and name, its colour (or None), the path of its logo (or None), its front."""

    key: str
    name: str
    colour: str | None
    logo: str | None
    front: str


def brand_of(settings: Settings, key: str) -> Brand:
    """The brand of a configured store; `key` in lower case."""
    store = settings.stores[key]
    logo = path(settings, f"/pages/{key}/logo") if store.logo else None
    return Brand(key, store.name or key, store.colour, logo, store.front)


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
    made.filters.update(FILTERS)
    words = translations(language)
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    return made


@lru_cache(maxsize=64)
def stylesheet(accent: str) -> tuple[Markup, str]:
    """The stylesheet with a store's colour, and the source expression that lets a browser use it.

    The colour is mended so that it can be read on the light and on the dark ground.
    """
    css = _small((FOLDER / "style.css").read_text("utf-8"))
    css = css.replace("ACCENT-DARK", readable(accent, *DARK)).replace("ACCENT", readable(accent, *LIGHT))
    return Markup(css), _source(css)  # noqa: S704


@lru_cache(maxsize=1)
def script() -> tuple[Markup, str]:
    """The few lines that make pages a little more comfortable, and their source expression."""
    text = (FOLDER / "script.js").read_text("utf-8").strip()
    return Markup(text), _source(text)  # noqa: S704


def page(
    template: str, reader: Reader, *, brand: Brand | None = None, scripted: bool = False, **values: Any
) -> tuple[str, str]:
    """A page's text, and its content security policy.

    `values` must hold what the template names beside the base's own. `kept` may be among them: the rest of the query
    that a change of language keeps. `scripted`: with the few lines of `script.js`.
    """
    style, style_source = stylesheet((brand.colour if brand else None) or ACCENT)
    code, code_source = script() if scripted else (None, None)
    given = {"kept": {}, "reader": reader, "languages": LANGUAGES, "style": style, "script": code, "brand": brand}
    text = environment(reader.language).get_template(template).render({**given, **values})
    allowed = f"script-src {code_source}; " if code_source else ""
    policy = (
        f"default-src 'none'; style-src {style_source}; {allowed}img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return text, policy


def public_answer(request: Request, reader: Reader, text: str, policy: str) -> Response:
    """A page that is the same for every reader of a language."""
    headers = {
        "Content-Security-Policy": policy,
        "Content-Language": reader.language,
        "Vary": "Accept-Language",
    }
    return _tagged(request, text.encode(), "text/html; charset=utf-8", headers)


def picture_answer(request: Request, content: bytes, media_type: str) -> Response:
    """A picture for everybody, which a browser shows and never runs."""
    return _tagged(request, content, media_type, {"Content-Security-Policy": "default-src 'none'; sandbox"})


def _tagged(request: Request, content: bytes, media_type: str, own: Mapping[str, str]) -> Response:
    """Kept by browsers for minutes, and asked for by its tag after that."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
    headers = {**_HEADERS, **own, "Cache-Control": f"public, max-age={FRESH_SECONDS}", "ETag": tag}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def personal_answer(reader: Reader, text: str, policy: str, status: int = 200) -> Response:
    """A page for one reader: kept by nobody, found by no search engine."""
    headers = {
        **_HEADERS,
        "Content-Security-Policy": policy,
        "Content-Language": reader.language,
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex, nofollow",
    }
    return HTMLResponse(text, status, headers=headers)


def _small(css: str) -> str:
    return re.sub(r"\s+", " ", css)


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
