"""The withdrawal function of a store: `/returns/{store}/withdraw`.

A GET changes nothing. The first POST shows what is about to be declared, the second declares it, once however often it
is sent. What a page shows never depends on whether there is such an order.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from app import links
from app.api import InRuntime, client_of
from app.errors import NotFound
from app.links import LinkPurpose
from app.pages.forms import CheckedForm, field
from app.pages.language import Reader
from app.pages.rate import allow
from app.pages.render import brand_of
from app.pages.shell import personal_page, reader_for
from app.pages.withdrawal.form import Filled
from app.pages.withdrawal.labels import function_labels
from app.runtime import Runtime
from app.stores.registry import UnknownStore
from app.withdrawals import service
from app.withdrawals.models import Withdrawal
from app.withdrawals.service import Declaration

router = APIRouter(include_in_schema=False)

# A receipt can be printed for a while; what lasts is the mail.
_RECEIPT_DAYS = 30
# A household declares a few; whoever sends more wants to fill somebody's letter box.
_HOUR = 3600
_MOST_BY_ADDRESS, _MOST_BY_EMAIL = 20, 5

StoreKey = Annotated[str, Path(max_length=200)]


@router.get("/returns/{store}/withdraw")
def show_form(
    request: Request, runtime: InRuntime, store: StoreKey, order: Annotated[str, Query(max_length=120)] = ""
) -> Response:
    """The first step: who, which order, and where the receipt goes. `order` fills the number in."""
    key = _known(runtime, store)
    return _form_page(request, runtime, key, Filled(order=order.strip()))


@router.post("/returns/{store}/withdraw")
async def declare(request: Request, runtime: InRuntime, store: StoreKey, form: CheckedForm) -> Response:
    """Shows the declaration, or makes it. Raises `TooManyAttempts`."""
    key, filled, step = _known(runtime, store), Filled.of(form), field(form, "step", 10)
    reader = _reader(request, runtime, key)
    faults = filled.faults(reader.language)
    if faults or step == "edit":
        return _form_page(request, runtime, key, filled, [] if step == "edit" else faults)
    if step != "confirm":
        return _page(request, runtime, key, "review", filled=filled)
    withdrawal_id = await _declare(request, runtime, key, filled, reader)
    token = links.sign(
        runtime.settings, LinkPurpose.WITHDRAWAL, str(withdrawal_id), runtime.clock.now(), days=_RECEIPT_DAYS
    )
    # Loading the page again must not declare again.
    return RedirectResponse(links.path(runtime.settings, f"/returns/{key}/withdraw/{token}"), 303)


async def _declare(request: Request, runtime: Runtime, key: str, filled: Filled, reader: Reader) -> UUID:
    async with runtime.work() as work:
        await allow(work, "withdraw", client_of(request), _MOST_BY_ADDRESS, _HOUR)
        await allow(work, "withdraw_mail", filled.email.casefold(), _MOST_BY_EMAIL, _HOUR)
    async with runtime.work() as work:
        told = Declaration(
            store=key,
            origin=service.PAGE,
            source=f"page:{filled.key}",
            name=filled.name,
            order_named=filled.order,
            email=filled.email,
            goods=filled.goods or None,
            language=reader.language,
            declared_at=work.now,
        )
        return (await service.declare(work, told)).id


@router.get("/returns/{store}/withdraw/{token}")
async def show_receipt(
    request: Request, runtime: InRuntime, store: StoreKey, token: Annotated[str, Path(max_length=400)]
) -> Response:
    """What was declared, and when. Raises `LinkInvalid`, `LinkExpired` or `NotFound`."""
    key = _known(runtime, store)
    subject = links.read(runtime.settings, LinkPurpose.WITHDRAWAL, token, runtime.clock.now())
    async with runtime.work() as work:
        found = await work.session.get(Withdrawal, UUID(subject))
        if found is None or found.store != key or found.erased_at is not None:
            raise NotFound("There is no such declaration.")
        shown = Filled(found.name, found.order_named, found.email, found.goods or "")
        declared_at = found.declared_at
    return _page(request, runtime, key, "receipt", filled=shown, declared_at=declared_at)


def _form_page(
    request: Request, runtime: Runtime, key: str, filled: Filled, faults: list[tuple[str, str]] | None = None
) -> Response:
    status = 422 if faults else 200
    return _page(request, runtime, key, "form", status=status, filled=filled, errors=faults or [])


def _page(request: Request, runtime: Runtime, key: str, name: str, *, status: int = 200, **values: object) -> Response:
    store = runtime.settings.stores[key]
    reader = _reader(request, runtime, key)
    return personal_page(
        request,
        f"withdrawal/{name}.html",
        reader,
        brand=brand_of(runtime.settings, key),
        status=status,
        labels=function_labels(reader.language, store.country or reader.country),
        here=links.path(runtime.settings, f"/returns/{key}/withdraw"),
        policy_path=links.path(runtime.settings, f"/policy/{key}"),
        support_email=store.support_email,
        **values,
    )


def _reader(request: Request, runtime: Runtime, key: str) -> Reader:
    return reader_for(request, runtime.settings.stores[key].locale)


def _known(runtime: Runtime, store: str) -> str:
    """The store's key as configured. Raises `UnknownStore`."""
    key = store.lower()
    if key not in runtime.settings.stores:
        raise UnknownStore("There is no such store.")
    return key
