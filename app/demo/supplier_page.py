"""A supplier that opens the link in its mail and answers there, as a browser without scripts would send it."""

from __future__ import annotations

from html.parser import HTMLParser
from types import TracebackType

import httpx


class SupplierPage:
    """The page of one case behind `link`. A context manager; cookies are kept as a browser keeps them."""

    def __init__(self, link: str) -> None:
        self._link = link
        self._browser = httpx.AsyncClient(timeout=20, trust_env=False)

    async def __aenter__(self) -> SupplierPage:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._browser.aclose()

    async def send(self, do: str, **filled: str) -> None:
        """Opens the page, fills in the form `do` and sends it.

        Raises `httpx.HTTPStatusError` when the page refuses, and `LookupError` when it has no such form.
        """
        page = (await self._browser.get(self._link)).raise_for_status()
        reader = _Forms()
        reader.feed(page.text)
        form = next((one for one in reader.found if one.get("do") == do), None)
        if form is None:
            raise LookupError(f"the supplier's page has no form to {do}")
        answer = await self._browser.post(page.url.copy_with(query=None), data={**form, **filled})
        if not answer.has_redirect_location:
            raise httpx.HTTPStatusError(f"the page refused to {do}", request=answer.request, response=answer)


class _Forms(HTMLParser):
    """The forms of a page: what their fields hold. Lists and long texts are left empty, as the page proposes none."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append({})
        elif tag == "input" and self.found and told.get("type") != "file" and "name" in told:
            self.found[-1][told["name"]] = told.get("value", "")
