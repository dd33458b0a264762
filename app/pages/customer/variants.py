"""The step in which a customer chooses what goods are exchanged for. The store is asked outside any transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastapi import APIRouter
from starlette.responses import Response

from app.cases.vocabulary import Remedy
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import OrderSnapshot
from app.pages.customer.visit import AVisit, Visit, draft_held
from app.pages.customer.walk import Desk, Errors, at_desk, to_evidence
from app.pages.forms import CheckedForm, field
from app.pages.rate import allow
from app.remedies.exchanges import exchangeable
from app.requests import drafts
from app.requests.drafts import DraftGone
from app.stores.asked import Variant
from app.stores.base import StoreRefused, StoreUnavailable

router = APIRouter(include_in_schema=False)

# The store is asked once for each line, whenever the page is shown or sent.
_LOOKS, _PER_SECONDS = 40, 3600
Found = Mapping[str, tuple[Variant, ...]]


@dataclass(frozen=True, slots=True)
class _Goods:
    """The order of a draft, and the lines that are to be exchanged."""

    order: OrderSnapshot
    lines: tuple[str, ...]


@router.get("/returns/{store}/variants")
async def variants(visit: AVisit) -> Response:
    """What can be had for each line."""
    found = await _on_offer(visit)
    if found is None:
        return visit.go("?again=1")

    async def shown(desk: Desk) -> Response:
        return _page(desk, found, [])

    return await at_desk(visit, shown, change=False)


@router.post("/returns/{store}/variants")
async def choose_variants(visit: AVisit, form: CheckedForm) -> Response:
    """Keeps what each line is exchanged for."""
    found = await _on_offer(visit)
    if found is None:
        return visit.go("?again=1")

    async def chosen(desk: Desk) -> Response:
        if not desk.wish.explained or desk.wish.remedy is not Remedy.EXCHANGE:
            return visit.go("/remedy")
        wanted: dict[str, tuple[str, str]] = {}
        for one in desk.wish.lines:
            told = field(form, f"variant-{one.line_id}", 120)
            match = next((variant for variant in found.get(one.line_id, ()) if variant.variant_id == told), None)
            if match is not None:
                wanted[one.line_id] = (match.variant_id, match.title)
        missing = [one.line_id for one in desk.wish.lines if one.line_id not in wanted]
        wish = replace(desk.wish, variants=wanted)
        if missing:
            return _page(replace(desk, wish=wish), found, [(f"variant-{one}", "variant_missing") for one in missing])
        desk.keep(wish)
        return to_evidence(replace(desk, wish=wish), Remedy.EXCHANGE)

    return await at_desk(visit, chosen, change=True)


async def _on_offer(visit: Visit) -> Found | None:
    """What the store has for each line of the browser's draft; None without a draft.

    A store that does not answer has nothing on offer now: the page says so, and the customer may choose another remedy.
    """
    goods = await _goods(visit)
    if goods is None:
        return None
    store = visit.runtime.stores.get(visit.key)
    found: dict[str, tuple[Variant, ...]] = {}
    for line_id in goods.lines:
        try:
            offered = await store.variants(goods.order.order_id, line_id)
        except (StoreUnavailable, StoreRefused):
            offered = ()
        found[line_id] = exchangeable(goods.order, line_id, offered)
    return found


async def _goods(visit: Visit) -> _Goods | None:
    held = draft_held(visit)
    if held is None:
        return None
    async with visit.runtime.work() as work:
        await allow(work, "variants", str(held), _LOOKS, _PER_SECONDS)
    async with visit.runtime.work() as work:
        try:
            draft = await drafts.get(work, visit.key, held)
        except DraftGone:
            return None
        order = orders.snapshot_of(await work.session.get_one(Order, draft.order_pk))
        return _Goods(order, tuple(one.line_id for one in drafts.wish_of(draft).lines))


def _page(desk: Desk, found: Found, errors: Errors) -> Response:
    if not desk.wish.explained or desk.wish.remedy is not Remedy.EXCHANGE:
        return desk.visit.go("/remedy")
    goods = [(one.line_id, desk.title(one.line_id), found.get(one.line_id, ())) for one in desk.wish.lines]
    chosen = {line_id: variant_id for line_id, (variant_id, _) in desk.wish.variants.items()}
    return desk.show("variants", errors, goods=goods, chosen=chosen)
