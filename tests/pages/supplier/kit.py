"""A supplier at its page: over HTTP with cookies, as a browser without scripts would do it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from app.http import tls_context
from app.suppliers import links
from app.suppliers.links import Reach
from tests.e2e.stage import Stage
from tests.pages.reading import Element, read

_STATES = re.compile(r"\s+")


async def link_of(stage: Stage, case: dict[str, Any]) -> str:
    """A link to a case, as a mail has it: the path."""
    return await path_to(stage, Reach(case_id=UUID(case["id"])))


async def path_to(stage: Stage, reach: Reach) -> str:
    """A link of any reach: the path."""
    async with stage.runtime.work() as work:
        made = await links.make(work, reach)
    assert made is not None
    return urlsplit(made.url).path


class Supplier:
    """Somebody with a link and a browser without scripts. `page` is what it shows."""

    def __init__(self, stage: Stage, path: str, language: str = "en") -> None:
        self.path = path
        self.http = httpx.AsyncClient(
            base_url=str(stage.http.base_url),
            headers={"Accept-Language": language},
            timeout=20,
            verify=tls_context(),
        )
        self.answer: httpx.Response
        self.page: Element

    async def __aenter__(self) -> Supplier:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def open(self, status: int = 200, path: str | None = None) -> Element:
        """Looks at the page."""
        return self._seen(await self.http.get(path or self.path), status)

    def forms(self) -> list[str]:
        """What can be done on the page, in its order."""
        return [field.attributes["value"] for field in self.page.all("input", "name") if _is(field, "do")]

    def hidden(self, do: str) -> dict[str, str]:
        """What a form carries with it, and what its fields hold already."""
        [form] = [one for one in self.page.all("form") if any(_is(f, "do", do) for f in one.all("input"))]
        told = {
            field.attributes["name"]: field.attributes.get("value", "")
            for field in form.all("input", "name")
            if field.attributes.get("type") != "file"
        }
        told |= {area.attributes["name"]: "".join(area.words) for area in form.all("textarea")}
        for field in form.all("select"):
            chosen = [one.attributes["value"] for one in field.all("option") if "selected" in one.attributes]
            told[field.attributes["name"]] = chosen[0] if chosen else ""
        return told

    async def send(self, do: str, status: int = 303, files: Any = None, **fields: str) -> httpx.Response:
        """Sends a form as it is with `fields` filled in, and follows to the page that comes."""
        return await self.post({**self.hidden(do), **fields}, status, files)

    async def post(self, told: dict[str, str], status: int = 303, files: Any = None) -> httpx.Response:
        """Sends any form."""
        answer = await self.http.post(self.path, data=told, files=files)
        assert answer.status_code == status, (answer.status_code, answer.text[:2000])
        if status == 303:
            self._seen(await self.http.get(answer.headers["location"]), 200)
        else:
            self._seen(answer, status)
        return answer

    def text(self) -> str:
        """What is written in the main part of the page."""
        return _STATES.sub(" ", self.page.all("main")[0].text())

    def _seen(self, answer: httpx.Response, status: int) -> Element:
        assert answer.status_code == status, (answer.status_code, answer.text[:2000])
        self.answer, self.page = answer, read(answer.text)
        return self.page


def _is(field: Element, name: str, value: str | None = None) -> bool:
    told = field.attributes
    return told.get("name") == name and (value is None or told.get("value") == value)
