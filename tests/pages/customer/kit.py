"""A browser without a screen: keeps cookies, reads forms off pages and sends them as a browser does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from httpx import ASGITransport, AsyncClient, Response

from app.main import create_app
from app.runtime import Runtime
from tests.pages.reading import Element, read

EMAIL = "ann@example.com"
Files = list[tuple[str, tuple[str, bytes, str]]]


class Browser:
    """One visitor. `page` is what is seen now; `text` its visible words."""

    def __init__(self, http: AsyncClient, language: str = "en") -> None:
        self.http = http
        self.language = language
        self.answer: Response | None = None

    @property
    def page(self) -> Element:
        """What is shown now."""
        return read(self.last.text)

    @property
    def last(self) -> Response:
        """The newest answer."""
        assert self.answer is not None
        return self.answer

    @property
    def path(self) -> str:
        """Where the browser is."""
        return self.last.url.path

    async def open(self, path: str) -> Element:
        """A GET, as from the address line."""
        self.answer = await self.http.get(path, headers={"Accept-Language": self.language}, follow_redirects=True)
        return self.page

    def form(self, action: str) -> dict[str, str]:
        """What the form that goes to a path ending so holds, as it was loaded."""
        found = [one for one in self.page.all("form") if one.attributes.get("action", "").endswith(action)]
        assert len(found) == 1, [one.attributes.get("action") for one in self.page.all("form")]
        values = {
            one.attributes["name"]: one.attributes.get("value", "")
            for one in found[0].all("input")
            if one.attributes.get("type") not in ("radio", "checkbox", "file", "submit") or "checked" in one.attributes
        }
        for one in found[0].all("textarea"):
            values[one.attributes["name"]] = "".join(one.words).strip()
        for one in found[0].all("select"):
            chosen = [option for option in one.all("option") if "selected" in option.attributes]
            values[one.attributes["name"]] = chosen[0].attributes["value"] if chosen else ""
        return values

    async def send(
        self, action: str, values: Mapping[str, Any] | None = None, *, files: Files | None = None
    ) -> Element:
        """Sends the form whose action ends so, with these values changed, and follows where it leads."""
        path = next(
            one.attributes["action"]
            for one in self.page.all("form")
            if one.attributes.get("action", "").endswith(action)
        )
        return await self.post(path, {**self.form(action), **(values or {})}, files=files)

    async def post(self, path: str, values: Mapping[str, Any], *, files: Files | None = None) -> Element:
        """A POST, as from a form."""
        headers = {"Accept-Language": self.language}
        self.answer = await self.http.post(path, data=dict(values), files=files, headers=headers, follow_redirects=True)
        return self.page

    async def find(self, store: str, number: str, email: str = EMAIL) -> Element:
        """Looks an order up."""
        await self.open(f"/returns/{store}")
        return await self.send(f"/returns/{store}", {"number": number, "email": email})

    def data(self, name: str) -> list[str]:
        """The values of an attribute `data-<name>` on the page."""
        return [one.attributes[f"data-{name}"] for one in self.page.all(attribute=f"data-{name}")]

    @property
    def wrong(self) -> list[str]:
        """The ids of the fields that the page complains about."""
        alerts = [one for one in self.page.all("div") if one.attributes.get("role") == "alert"]
        return [link.attributes["href"].lstrip("#") for alert in alerts for link in alert.all("a")]


@asynccontextmanager
async def browsing(runtime: Runtime, language: str = "en") -> AsyncIterator[Browser]:
    """A visitor of the service's pages."""
    transport = ASGITransport(app=create_app(runtime), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://makegood.test") as http:
        yield Browser(http, language)
