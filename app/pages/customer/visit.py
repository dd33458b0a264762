"""What every page of a customer begins with: which store, who reads, and which order or request they may see.

Nothing is known of a browser but what it holds: a signed cookie names the draft of an order that was looked up, a
signed link names one request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from app import links
from app.api import runtime_from
from app.db.work import Work
from app.errors import NotFound
from app.links import LinkExpired, LinkInvalid, LinkPurpose
from app.orders.models import Order
from app.orders.service import snapshot_of
from app.pages import forms
from app.pages.customer.texts import error_text
from app.pages.language import Reader
from app.pages.render import Brand, brand_of
from app.pages.shell import personal_page, reader_for
from app.requests.models import ReturnRequest
from app.requests.status_link import status_token
from app.runtime import Runtime

SESSION_COOKIE = "order"
# Long enough to fetch the goods and take photos; a draft is kept for longer, a new look-up begins a new one.
SESSION_SECONDS = 4 * 3600


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a browser to one store's pages. `key` is the store's key in lower case."""

    request: Request
    runtime: Runtime
    key: str
    brand: Brand
    reader: Reader

    def show(
        self, template: str, *, status: int = 200, errors: Sequence[tuple[str, str]] = (), **values: Any
    ) -> Response:
        """A page of this folder's. `errors` are pairs of a field's name and the code of what is wrong with it."""
        told = [(name, error_text(self.reader.language, code)) for name, code in errors]
        support = self.runtime.settings.stores[self.key].support_email
        given = {"at": self.at(""), "support": support, "errors": told, "wrong": dict(told), **values}
        return personal_page(
            self.request, f"customer/{template}.html", self.reader, brand=self.brand, status=status, **given
        )

    def at(self, local: str) -> str:
        """The path of one of this store's pages, as the browser must ask for it."""
        return links.path(self.runtime.settings, f"/returns/{self.key}{local}")

    def go(self, local: str) -> Response:
        """Sends the browser on after a form, so that loading the page anew sends nothing again."""
        return RedirectResponse(self.at(local), 303, headers={"Cache-Control": "no-store"})

    def of(self, order: Order) -> Visit:
        """The same for a reader whose goods went to the order's country: days are days there."""
        country = snapshot_of(order).country or self.reader.country
        return replace(self, reader=Reader(self.reader.language, country))


def visit_of(request: Request, store: Annotated[str, Path(max_length=100)]) -> Visit:
    """The visit. Raises `NotFound` for a store that is not configured."""
    runtime = runtime_from(request)
    key = store.lower()
    if key not in runtime.settings.stores:
        raise NotFound("There is no such store.")
    reader = reader_for(request, runtime.settings.stores[key].locale)
    return Visit(request, runtime, key, brand_of(runtime.settings, key), reader)


AVisit = Annotated[Visit, Depends(visit_of)]


def remember_draft(visit: Visit, answer: Response, draft_id: UUID) -> None:
    """Has the browser hold the draft."""
    runtime = visit.runtime
    subject = f"{visit.key}:{draft_id}"
    token = links.sign(runtime.settings, LinkPurpose.SESSION, subject, runtime.clock.now(), seconds=SESSION_SECONDS)
    forms.set_cookie(visit.request, answer, SESSION_COOKIE, token)


def draft_held(visit: Visit) -> UUID | None:
    """The draft that the browser holds for this store; None when it holds none that is valid."""
    token = forms.cookie_of(visit.request, SESSION_COOKIE) or ""
    try:
        subject = links.read(visit.runtime.settings, LinkPurpose.SESSION, token, visit.runtime.clock.now())
    except (LinkInvalid, LinkExpired):
        return None
    store, _, draft = subject.partition(":")
    return UUID(draft) if store == visit.key else None


def request_token(visit: Visit, request_id: UUID) -> str:
    """The signed part of a request's link."""
    return status_token(visit.runtime.settings, request_id, visit.runtime.clock.now())


async def request_of(visit: Visit, work: Work, token: str) -> ReturnRequest:
    """The request that a link names. Raises `LinkInvalid` (also at another store's pages) or `LinkExpired`."""
    subject = links.read(visit.runtime.settings, LinkPurpose.REQUEST, token, work.now)
    found = await work.session.get(ReturnRequest, UUID(subject))
    if found is None or found.store != visit.key:
        raise LinkInvalid("This link leads to no request of this store.")
    return found
