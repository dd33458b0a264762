"""The snapshot of an order, with what is still refundable and what is reserved."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AfterValidator
from sqlalchemy import select

from app.api import InWork, Reader
from app.errors_http import refusals
from app.orders import queries
from app.orders.models import ObservedRefund
from app.orders.queries import OrderNotFound
from app.orders.schemas import OrderOut
from app.refunds import service as refunds
from app.refunds.states import RESERVED, RefundStatus
from app.stores.registry import UnknownStore
from app.wire import storable

router = APIRouter(prefix="/orders", tags=["orders"])


@router.get(
    "/{store}/{order:path}",
    summary="Shows an order",
    description=(
        "The snapshot that Makegood keeps of an order, by the store's id or the printed number (`#` may be left out): "
        "what was captured, what is refunded, what is reserved by refunds that are under way or in doubt, and what is "
        "still refundable, in money and in units. An order that no webhook and no request has named yet is not known."
    ),
    responses=refusals(UnknownStore, OrderNotFound),
)
async def get_order(
    _reader: Reader,
    work: InWork,
    store: Annotated[str, Path(max_length=40, examples=["alpha"]), AfterValidator(storable)],
    order: Annotated[str, Path(max_length=120, examples=["1106"]), AfterValidator(storable)],
) -> OrderOut:
    """The order as it is known here."""
    key = store.lower()
    if key not in work.settings.stores:
        raise UnknownStore(f"No store is configured under the key {key!r}.")
    found = await queries.required(work, key, order)
    taken = await refunds.taken(work, found)
    ours = await refunds.of_order(work, found.id)
    reserved = sum(one.amount for one in ours if one.status in RESERVED - {RefundStatus.SUCCEEDED})
    statement = select(ObservedRefund).where(ObservedRefund.order_pk == found.id).order_by(ObservedRefund.id)
    seen = list(await work.session.scalars(statement))
    units = {line_id: taken.units(line_id) for line_id in {*taken.lines, *taken.otherwise}}
    return OrderOut.of(found, taken.amount, reserved, units, seen)
