"""Orders, a store without a network, and short ways to bring a case where a test wants it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from httpx import AsyncClient

from app.cases.refunding import plan_refund
from app.money import Money
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import Extra, Fulfilment, Line, OrderSnapshot, Platform, RefundState
from app.outcomes import Ok, Unknown
from app.refunds import service as refunds
from app.refunds.states import RefundStatus
from app.runtime import Runtime
from app.stores.asked import (
    CouponWish,
    NewOrderAnswer,
    NewOrderIntent,
    NewOrderProof,
    PreparedNewOrder,
    PreparedRefund,
    RefundAnswer,
    RefundIntent,
    RefundProof,
    Variant,
)
from app.stores.base import ChangedPage, Feature, Finding, StoreReturn, StoreUnavailable, Subscription, WithdrawalNote
from app.stores.registry import StoreRegistry

V1 = "/api/v1"
LAMP, MUG, CARD = "12695210000533", "12695210000534", "12695210000535"
VIEWER = {"Authorization": "Bearer test-viewer-key-0123456789"}
Json = dict[str, Any]


def order_of(order_id: str = "5196695273621", number: str = "#1106", *, days_ago: int = 5) -> OrderSnapshot:
    """Two lamps of Acme (25.00 each), one mug of By Hand (10.00), shipping 5.00, all captured and delivered."""
    placed = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days_ago)
    return OrderSnapshot(
        platform=Platform.SHOPIFY,
        order_id=order_id,
        number=number,
        currency="EUR",
        exponent=2,
        total=6500,
        captured=6500,
        status="paid",
        placed_at=placed,
        updated_at=placed,
        lines=(
            Line(LAMP, "Lamp", 2, 5000, tax=800, sku="LAMP-01", vendor="Acme"),
            Line(MUG, "Mug", 1, 1000, tax=160, sku="BH-MUG", vendor="By Hand"),
        ),
        extras=(Extra("871", "shipping", "Standard", 500),),
        fulfilments=(Fulfilment("4478", "success", placed, placed),),
        refunds=(),
        taxes_included=True,
        email="Ann@Example.com",
        country="FR",
        locale="fr",
        payment_method="shopify_payments",
    )


class FakeStore:
    """A store in memory. `down` makes every reading fail; refunds succeed and are counted."""

    platform = Platform.SHOPIFY

    def __init__(self, key: str, *known: OrderSnapshot) -> None:
        self.key = key
        self.known = list(known)
        self.down = False
        self.readings = 0
        self.sent: list[PreparedRefund] = []
        self.coupons: list[CouponWish] = []
        self.new_orders: dict[UUID, NewOrderProof] = {}

    async def read_order(self, order_id: str) -> OrderSnapshot | None:
        """The order by its id."""
        self._read()
        return next((one for one in self.known if one.order_id == order_id), None)

    async def find_order(self, number: str) -> OrderSnapshot | None:
        """The order by its number."""
        self._read()
        return next((one for one in self.known if one.number.lstrip("#") == number.lstrip("#")), None)

    def _read(self) -> None:
        self.readings += 1
        if self.down:
            raise StoreUnavailable("The store does not answer.")

    async def changed_orders(self, since: datetime, cursor: str | None) -> ChangedPage:
        """Nothing changed."""
        self._read()
        return ChangedPage((), None)

    async def prepare_refund(self, intent: RefundIntent, order: OrderSnapshot) -> PreparedRefund:
        """As decided."""
        return PreparedRefund(intent.refund_id, order.order_id, intent.amount, {"amount": intent.amount.text})

    def ahead(self, prepared: PreparedRefund | PreparedNewOrder) -> AbstractAsyncContextManager[None]:
        """At once."""
        return nullcontext()

    async def send_refund(self, prepared: PreparedRefund) -> RefundAnswer:
        """Succeeds."""
        self.sent.append(prepared)
        return Ok(RefundProof(f"9000{len(self.sent)}", prepared.amount, RefundState.SUCCEEDED))

    async def prepare_new_order(self, intent: NewOrderIntent) -> PreparedNewOrder:
        """As decided."""
        lines = [{"line_id": line.line_id, "quantity": line.quantity} for line in intent.lines]
        return PreparedNewOrder(intent.operation_id, intent.order_id, {"lines": lines})

    async def send_new_order(self, prepared: PreparedNewOrder, *, again: bool = False) -> NewOrderAnswer:
        """Makes one for each operation."""
        known = self.new_orders.get(prepared.operation_id)
        if again and known is None:
            return Unknown("not_found", "There is no such order.")
        number = len(self.new_orders) + 1
        made = known or NewOrderProof(f"7000{number}", f"#R{number}")
        self.new_orders[prepared.operation_id] = made
        return Ok(made)

    async def find_new_order(self, prepared: PreparedNewOrder) -> NewOrderProof | None:
        """What was made."""
        return self.new_orders.get(prepared.operation_id)

    async def traces(self, prepared: PreparedNewOrder | PreparedRefund) -> str | None:
        """The new order, if one was made."""
        made = self.new_orders.get(prepared.operation_id) if isinstance(prepared, PreparedNewOrder) else None
        return f"the order {made.name}" if made else None

    async def variants(self, order_id: str, line_id: str) -> tuple[Variant, ...]:
        """One other than what was bought."""
        return (Variant(f"{order_id}-{line_id}-blue", "Blue", Money(1999, "EUR", 2), True),)

    async def check(self, wanted: frozenset[Feature] = frozenset()) -> list[Finding]:
        """Nothing to say."""
        return []

    async def list_subscriptions(self) -> list[Subscription]:
        """None."""
        return []

    async def wanted_topics(self) -> tuple[str, ...]:
        """None."""
        return ()

    async def sync_subscriptions(self, callback_url: str) -> list[str]:
        """None."""
        return []

    async def read_return(self, return_id: str) -> StoreReturn | None:
        """None."""
        return None

    async def read_withdrawal(self, order_id: str) -> WithdrawalNote | None:
        """None."""
        return None

    async def approve_return(self, return_id: str) -> None:
        """Nothing to do."""

    async def decline_return(self, return_id: str, note: str) -> None:
        """Nothing to do."""

    async def close_return(self, return_id: str) -> None:
        """Nothing to do."""

    async def create_coupon(self, wish: CouponWish) -> None:
        """Made."""
        self.coupons.append(wish)

    async def aclose(self) -> None:
        """Nothing to close."""


class FakeStores(StoreRegistry):
    """A registry of fakes."""

    def __init__(self, *stores: FakeStore) -> None:
        self._stores = {store.key: store for store in stores}


async def keep(runtime: Runtime, snapshot: OrderSnapshot, store: str = "alpha") -> UUID:
    """Makes the order known, as a webhook would."""
    async with runtime.work() as work:
        order, _ = await orders.keep(work, store, snapshot)
        return order.id


async def change(runtime: Runtime, order_pk: UUID, **changes: Any) -> None:
    """News about an order."""
    async with runtime.work() as work:
        known = orders.snapshot_of(await work.session.get_one(Order, order_pk))
        await orders.keep(work, "alpha", replace(known, updated_at=known.updated_at + timedelta(seconds=1), **changes))


def lamp(quantity: int = 1, reason: str = "changed_mind", **more: Any) -> Json:
    """A line of a request."""
    return {"line_id": LAMP, "quantity": quantity, "reason": reason, **more}


async def submit(client: AsyncClient, *lines: Mapping[str, Any], order: str = "#1106", **more: Any) -> Json:
    """Submits a request and answers it."""
    body = {"store": "alpha", "order": order, "lines": list(lines) or [lamp()], **more}
    answer = await client.post(f"{V1}/return-requests", json=body)
    assert answer.status_code == 201, answer.text
    told: Json = answer.json()
    return told


async def act(client: AsyncClient, case: Json, action: str, **body: Any) -> Json:
    """Carries an action out and answers the case."""
    answer = await client.post(f"{V1}/cases/{case['id']}/{action}", json=body)
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told


def verdict(accepted: int, **more: Any) -> Json:
    """The body of a verdict over the lamps."""
    return {"lines": [{"line_id": LAMP, "accepted_quantity": accepted, "condition": "used"}], **more}


_WAY: dict[str, tuple[str, Json]] = {
    "awaiting_shipment": ("record-rma", {"rma_number": "RMA-1"}),
    "in_transit": ("record-tracking", {"tracking_number": "TN-1"}),
    "inspecting": ("record-receipt", {}),
}


async def case_in(client: AsyncClient, runtime: Runtime, state: str, quantity: int = 2) -> Json:
    """A case of `quantity` lamps in that state."""
    await keep(runtime, order_of(days_ago=5 if state not in ("under_review", "rejected", "evidence_needed") else 90))
    reason = "lost" if state == "claiming" else "changed_mind"
    case: Json = (await submit(client, lamp(quantity, reason)))["cases"][0]
    for step, (action, body) in _WAY.items():
        if case["state"] in (state, "under_review", "claiming") or state in ("contested", "resolving", "cancelled"):
            break
        case = await act(client, case, action, **body)
        assert case["state"] == step
    ends: dict[str, tuple[str, Json]] = {
        "contested": ("record-verdict", verdict(0)),
        "resolving": ("record-verdict", verdict(quantity)),
        "cancelled": ("cancel", {}),
        "rejected": ("reject", {"reason": "too late"}),
        "evidence_needed": ("request-evidence", {"items": ["a photo"]}),
    }
    if state in ends:
        action, body = ends[state]
        case = await act(client, case, action, **body)
    assert case["state"] == state, case
    return case


async def refund_in(runtime: Runtime, case: Json, status: RefundStatus) -> str:
    """Plans the refund of a resolving case and leaves it in that status; answers its id."""
    async with runtime.work() as work:
        refund = await plan_refund(work, UUID(case["id"]))
        assert refund is not None
        if status is not RefundStatus.PLANNED:
            prepared = PreparedRefund(refund.id, "1", Money(refund.amount, "EUR", 2), {"sent": "as it was"})
            await refunds.begin(work, refund, prepared)
        if status is RefundStatus.UNKNOWN:
            await refunds.doubt(work, refund, "no answer", timedelta(0))
        if status is RefundStatus.NEEDS_REVIEW:
            refunds.hand_over(refund, "no machine can know")
        return str(refund.id)
