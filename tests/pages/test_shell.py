"""Pages for one reader: kept nowhere, forms that nobody else can send, and errors that people understand."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from httpx import ASGITransport, AsyncClient

from app.clock import MovableClock
from app.limits import MOST_BYTES
from app.main import create_app
from app.pages.language import LANGUAGES
from app.runtime import Runtime, build_runtime
from app.settings import Settings
from tests.pages.kit import PATH, add_kit, kit_templates
from tests.pages.reading import read

NOTHING = "postgresql://127.0.0.1:9/nothing"


@pytest.fixture
async def serving(settings: Settings) -> AsyncIterator[Runtime]:
    """The service without a database: these pages need none."""
    built = build_runtime(settings, NOTHING)
    built.clock = MovableClock()
    with kit_templates():
        yield built
    await built.aclose()


@pytest.fixture
async def http(serving: Runtime) -> AsyncIterator[AsyncClient]:
    """A browser's cookies and nothing else of it."""
    async with another(serving) as client:
        yield client


def another(serving: Runtime, base: str = "http://makegood.test") -> AsyncClient:
    transport = ASGITransport(app=add_kit(create_app(serving)), raise_app_exceptions=False)
    return AsyncClient(transport=transport, base_url=base)


def token_in(answer: httpx.Response) -> str:
    [found] = [one for one in read(answer.text).all("input") if one.attributes.get("name") == "csrf"]
    return found.attributes["value"]


async def sent(http: AsyncClient, token: str, **more: Any) -> httpx.Response:
    return await http.post(PATH, data={"csrf": token, "order": "#1106", **more})


async def test_a_personal_page_is_kept_nowhere_and_tells_nobody(http: AsyncClient) -> None:
    answer = await http.get(PATH)
    told = answer.headers
    assert told["cache-control"] == "no-store"
    assert told["referrer-policy"] == "no-referrer"
    assert told["x-content-type-options"] == "nosniff"
    assert told["cross-origin-opener-policy"] == "same-origin"
    assert "noindex" in told["x-robots-tag"]
    policy = dict(one.strip().split(" ", 1) for one in told["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/=]+'", policy["script-src"])
    assert "unsafe" not in told["content-security-policy"]


async def test_a_form_of_ours_is_taken(http: AsyncClient) -> None:
    page = await http.get(PATH)
    answer = await sent(http, token_in(page), note=" \x00does not light \n")
    assert (answer.status_code, answer.text) == (200, "#1106|does not light|")


async def test_forms_in_several_tabs_and_sent_again_are_taken(http: AsyncClient) -> None:
    first, second = await http.get(PATH), await http.get(PATH)
    for page in (first, second, first):
        assert (await sent(http, token_in(page))).status_code == 200


async def test_files_arrive_with_their_names(http: AsyncClient) -> None:
    token = token_in(await http.get(PATH))
    files = [("photos", (name, b"x", "image/jpeg")) for name in ("a.jpg", '"><script>.jpg')]
    answer = await http.post(PATH, data={"csrf": token, "order": "1"}, files=files)
    assert answer.status_code == 200
    assert answer.text.startswith("1||a.jpg,")


@pytest.mark.parametrize("token", ["", "x", "A" * 90, None])
async def test_a_form_without_our_token_is_refused(http: AsyncClient, token: str | None) -> None:
    await http.get(PATH)
    answer = await http.post(PATH, data={"order": "1"} if token is None else {"order": "1", "csrf": token})
    assert answer.status_code == 403
    assert read(answer.text).all(attribute="data-problem")[0].attributes["data-problem"] == "form_not_ours"


async def test_a_token_of_another_browser_is_refused(serving: Runtime, http: AsyncClient) -> None:
    await http.get(PATH)
    async with another(serving) as attacker:
        stolen = token_in(await attacker.get(PATH))
    assert (await sent(http, stolen)).status_code == 403


async def test_a_browser_that_keeps_no_cookies_is_told(http: AsyncClient) -> None:
    token = token_in(await http.get(PATH))
    http.cookies.clear()
    answer = await sent(http, token)
    assert answer.status_code == 403
    assert "cookies" in answer.text


async def test_a_form_that_was_open_for_too_long_is_refused(serving: Runtime, http: AsyncClient) -> None:
    token = token_in(await http.get(PATH))
    assert isinstance(serving.clock, MovableClock)
    serving.clock.move(timedelta(days=2))
    assert (await sent(http, token)).status_code == 200
    serving.clock.move(timedelta(days=2))
    assert (await sent(http, token)).status_code == 403


async def test_cookies_are_out_of_reach(serving: Runtime, http: AsyncClient) -> None:
    plain = (await http.get(PATH)).headers["set-cookie"].lower()
    assert "httponly" in plain
    assert "samesite=lax" in plain
    serving.settings.public_url = "https://returns.example"
    async with another(serving, "https://returns.example") as secure:
        answer = await secure.get(PATH, params={"lang": "he"})
        cookies = answer.headers.get_list("set-cookie")
        assert len(cookies) == 2
        for cookie in cookies:
            assert cookie.startswith("__Host-makegood_")
            assert "secure" in cookie.lower()
            assert "path=/" in cookie.lower()
            assert "domain" not in cookie.lower()
        assert (await sent(secure, token_in(answer))).status_code == 200


async def test_a_body_that_is_no_form_is_a_page_that_says_so(http: AsyncClient) -> None:
    multipart = {"content-type": "multipart/form-data; boundary=x"}
    for content, headers in ((b"--x\r\nbroken", multipart), (b"{}", {"content-type": "application/json"})):
        answer = await http.post(PATH, content=content, headers=headers)
        assert answer.status_code in {403, 422}
        assert answer.headers["content-type"].startswith("text/html")


async def test_more_files_or_fields_than_a_page_has_are_refused(http: AsyncClient) -> None:
    token = token_in(await http.get(PATH))
    many = [("photos", (f"{n}.jpg", b"x", "image/jpeg")) for n in range(13)]
    assert (await http.post(PATH, data={"csrf": token, "order": "1"}, files=many)).status_code == 422
    long = {"csrf": token, "order": "1", "note": "x" * 70_000}
    assert (await http.post(PATH, data=long, files=many[:1])).status_code == 422


async def test_a_body_that_is_too_large_is_a_page_that_says_so(http: AsyncClient) -> None:
    answer = await sent(http, "x", note="x" * (MOST_BYTES + 1))
    assert answer.status_code == 413
    assert read(answer.text).all("h1")[0].text() == "That is too large"


async def test_what_is_wrong_is_told_beside_its_field_and_nothing_is_lost(http: AsyncClient) -> None:
    token = token_in(await http.get(PATH))
    answer = await http.post(PATH, data={"csrf": token, "order": " ", "note": '"><script>alert(1)</script>'})
    assert answer.status_code == 422
    found = read(answer.text)
    [order] = [one for one in found.all("input") if one.attributes.get("name") == "order"]
    assert order.attributes["aria-invalid"] == "true"
    described = order.attributes["aria-describedby"].split()
    told = {one.attributes["id"]: one.text() for one in found.all(attribute="id")}
    hint, error = (told[name] for name in described)
    assert hint == "On the receipt"
    assert "Please tell us the number" in error
    assert [one.text() for one in found.all("textarea")] == ['"><script>alert(1)</script>']
    assert len(found.all("script")) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/returns/alpha/no/such", 404),
        ("GET", "/returns/nobody/no/such", 404),
        ("GET", "/supplier/x/y/z", 404),
        ("DELETE", PATH, 405),
        ("POST", PATH, 403),
        ("GET", "/policy/alpha?lang=" + "x" * 50, 422),
    ],
)
async def test_an_error_where_people_read_is_a_page(
    http: AsyncClient, method: str, path: str, status: int, language: str
) -> None:
    answer = await http.request(method, path, headers={"Accept-Language": language})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    found = read(answer.text)
    assert found.all("html")[0].attributes["lang"] == language
    assert len(found.all("h1")) == 1
    assert found.all("h1")[0].text()
    assert len(found.all(attribute="data-problem")[0].text()) > 20


async def test_an_error_elsewhere_is_still_a_problem(http: AsyncClient) -> None:
    for path in ("/api/v1/cases", "/returnsx", "/pages/alpha/logo", "/"):
        assert (await http.get(path)).headers["content-type"] == "application/problem+json"


async def test_a_language_that_was_chosen_is_remembered(http: AsyncClient) -> None:
    def spoken(answer: httpx.Response) -> str:
        return read(answer.text).all("html")[0].attributes["lang"]

    assert spoken(await http.get(PATH)) == "fr"
    assert spoken(await http.get(PATH, headers={"Accept-Language": "en"})) == "en"
    assert spoken(await http.get(PATH, params={"lang": "he"}, headers={"Accept-Language": "en"})) == "he"
    assert spoken(await http.get(PATH, headers={"Accept-Language": "en"})) == "he"
    assert spoken(await http.get(PATH, params={"lang": "xx"})) == "he"
    assert spoken(await http.get(PATH, params={"lang": "fr"})) == "fr"
    assert spoken(await http.get(PATH)) == "fr"
