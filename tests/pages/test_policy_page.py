"""The public page on a store's rules, over HTTP: languages, headers, and what a browser is allowed and made to do."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from httpx import ASGITransport, AsyncClient

from app.main import create_app
from app.pages.catalogue import FOLDER
from app.pages.language import LANGUAGES
from app.runtime import build_runtime
from app.settings import Settings
from tests.pages.reading import Element, read

HOSTILE = '"><script>alert(1)</script>\u202e'
MOST_BYTES = 100_000
# Where a page leads back to, on a click.
FRONTS = ("https://alpha.myshopify.com", "http://127.0.0.1:9")


@pytest.fixture
async def pages(settings: Settings) -> AsyncIterator[AsyncClient]:
    """The service without a database: a page needs none."""
    settings.stores["alpha"].support_email = "help@alpha.example"
    settings.stores["beta"].name = HOSTILE
    settings.stores["beta"].colour = "#aa3300"
    settings.stores["beta"].locale = "fr"
    runtime = build_runtime(settings, "postgresql://127.0.0.1:9/nothing")
    transport = ASGITransport(app=create_app(runtime), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://makegood.test") as http:
        yield http
    await runtime.aclose()


async def test_anybody_may_read_it_without_a_token_and_without_a_database(pages: AsyncClient) -> None:
    answer = await pages.get("/policy/alpha")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "Alpha Lamps" in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_speaks_the_language_that_is_asked_for(pages: AsyncClient, language: str) -> None:
    by_query = await pages.get("/policy/alpha", params={"lang": language}, headers={"Accept-Language": "en, fr;q=0.3"})
    by_header = await pages.get("/policy/alpha", headers={"Accept-Language": f"de, {language};q=0.8"})
    for answer in (by_query, by_header):
        html = read(answer.text).all("html")[0]
        assert html.attributes["lang"] == language
        assert html.attributes["dir"] == ("rtl" if language == "he" else "ltr")
        assert answer.headers["content-language"] == language
        assert answer.headers["vary"] == "Accept-Language"
    assert by_query.headers["content-security-policy"] == by_header.headers["content-security-policy"]


async def test_a_store_speaks_its_own_language_to_whoever_does_not_say(pages: AsyncClient) -> None:
    answer = await pages.get("/policy/beta")
    assert answer.headers["content-language"] == "fr"


@pytest.mark.parametrize("path", ["/policy/nobody", "/policy/" + "a" * 150, "/policy/%2e%2e"])
async def test_an_unknown_store_is_a_page_that_says_so(pages: AsyncClient, path: str) -> None:
    answer = await pages.get(path, headers={"Accept-Language": "he"})
    assert answer.status_code == 404
    found = read(answer.text)
    assert found.all("html")[0].attributes["lang"] == "he"
    assert len(found.all("h1")) == 1
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_keys_of_stores_are_not_told_apart_by_case(pages: AsyncClient) -> None:
    assert (await pages.get("/policy/ALPHA")).status_code == 200


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ["/policy/alpha", "/policy/beta?country=IL", "/policy/nobody"])
async def test_a_browser_asks_nobody_else_and_runs_nothing(pages: AsyncClient, path: str, language: str) -> None:
    answer = await pages.get(path, headers={"Accept-Language": language})
    found = read(answer.text)
    assert len(answer.content) < MOST_BYTES
    assert not found.all("script")
    assert not found.all("img")
    assert not [one for one in found.everything() if any(name.startswith("on") for name in one.attributes)]
    assert not found.all(attribute="style")
    for one in found.everything():
        for name in ("href", "src", "action"):
            target = one.attributes.get(name, "#")
            if one.tag == "a" and target in FRONTS:
                continue
            assert target.startswith(("#", "?", "mailto:", "data:,", "/returns/")), target
    [style] = found.all("style")
    digest = base64.b64encode(hashlib.sha256("".join(style.words).encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "url(" not in style.text()
    assert "@import" not in style.text()
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_hostile_name_is_text(pages: AsyncClient) -> None:
    answer = await pages.get("/policy/beta")
    assert "<script" not in answer.text
    heading = read(answer.text).all("h1")[0]
    assert "<script>alert(1)</script>" in heading.all("bdi")[0].text()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_landmarks_headings_and_names_are_in_order(pages: AsyncClient, language: str) -> None:
    found = read((await pages.get("/policy/alpha", params={"lang": language, "country": "FR"})).text)
    assert [len(found.all(tag)) for tag in ("header", "main", "footer", "h1")] == [1, 1, 1, 1]
    levels = [int(one.tag[1]) for one in found.everything() if re.fullmatch(r"h[1-6]", one.tag)]
    assert all(following <= level + 1 for level, following in pairwise(levels))
    ids = [one.attributes["id"] for one in found.all(attribute="id")]
    assert len(ids) == len(set(ids))
    for link in found.all("a", "href"):
        if link.attributes["href"].startswith("#"):
            assert link.attributes["href"][1:] in ids
        assert link.text()
    for section in found.all("section"):
        assert section.attributes["aria-labelledby"] in ids
    assert all(nav.attributes["aria-label"] for nav in found.all("nav"))
    for select in found.all("select"):
        assert select.parent is not None
        assert select.parent.tag == "label"
    assert found.all("title")[0].text()


async def test_languages_can_be_changed_and_keep_the_country(pages: AsyncClient) -> None:
    found = read((await pages.get("/policy/alpha", params={"lang": "fr", "country": "IL"})).text)
    links = {one.attributes["hreflang"]: one for one in found.all("a", "hreflang")}
    assert set(links) == set(LANGUAGES)
    assert links["he"].attributes["href"] == "?country=IL&lang=he"
    assert links["fr"].attributes["aria-current"] == "true"
    followed = await pages.get(f"/policy/alpha{links['he'].attributes['href']}")
    assert chosen(read(followed.text)) == "IL"


def chosen(found: Element) -> str:
    return next((one.attributes["value"] for one in found.all("option", "selected")), "")


@pytest.mark.parametrize(
    ("asked", "accepted", "country"),
    [
        ("il", "fr-FR", "IL"),
        (None, "de, en-AU;q=0.5", "AU"),
        (None, "en", "GB"),
        ("", "fr-FR", ""),
        ("xx", "fr-FR", ""),
    ],
)
async def test_the_country_is_the_readers_word_then_the_browsers_then_the_stores(
    pages: AsyncClient, settings: Settings, asked: str | None, accepted: str, country: str
) -> None:
    settings.stores["alpha"].country = "GB"
    params = {} if asked is None else {"country": asked}
    found = read((await pages.get("/policy/alpha", params=params, headers={"Accept-Language": accepted})).text)
    assert chosen(found) == country


async def test_the_right_of_withdrawal_is_told_where_there_is_one(pages: AsyncClient) -> None:
    there = read((await pages.get("/policy/alpha", params={"lang": "en", "country": "FR"})).text)
    [section] = [one for one in there.all("section") if one.attributes["aria-labelledby"] == "withdrawal"]
    assert "within 14 days without giving a reason" in section.text()
    assert "the cost of the standard delivery" in section.text()
    nowhere = read((await pages.get("/policy/alpha", params={"lang": "en", "country": "US"})).text)
    assert "withdrawal" not in [one.attributes["aria-labelledby"] for one in nowhere.all("section")]


async def test_a_browser_that_has_the_page_gets_no_second_copy(pages: AsyncClient) -> None:
    first = await pages.get("/policy/alpha", params={"lang": "en"})
    assert first.headers["cache-control"] == "public, max-age=300"
    again = await pages.get("/policy/alpha", params={"lang": "en"}, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await pages.get("/policy/alpha", params={"lang": "he"}, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


async def test_a_store_has_its_own_colour(pages: AsyncClient) -> None:
    assert "--accent: #aa3300" in (await pages.get("/policy/beta")).text
    assert "--accent: #aa3300" not in (await pages.get("/policy/alpha")).text


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_text_stands_out_from_what_is_behind_it_in_light_and_dark() -> None:
    css = (FOLDER / "style.css").read_text("utf-8")
    light, dark = (dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", part)) for part in css.split("@media", 2)[:2])
    for colours in (light, dark):
        for behind in ("page", "card"):
            for words in ("text", "quiet", "link", "yes", "no"):
                bright, dim = sorted((luminance(colours[words]), luminance(colours[behind])), reverse=True)
                assert (bright + 0.05) / (dim + 0.05) >= 4.5, f"{words} on {behind}"
