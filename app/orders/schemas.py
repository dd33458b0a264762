"""An order on the wire."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from app.api import MoneyOut
from app.money import Money
from app.orders.models import ObservedRefund, Order
from app.orders.service import money_of, snapshot_of
from app.orders.snapshot import Extra, Fulfilment, Line, Platform, RefundState


class OrderRef(BaseModel):
    """An order by its store, the store's own id and the printed number."""

    store: str = Field(examples=["alpha"])
    id: str = Field(description="The store's id.", examples=["5196695273621"])
    number: str = Field(description="The printed number.", examples=["#1106"])


class OrderLineOut(BaseModel):
    """One line of goods. `total` is what was really paid for it, tax included."""

    line_id: str = Field(examples=["12695210000533"])
    sku: str | None = Field(examples=["LAMP-01"])
    title: str = Field(examples=["Lamp"])
    vendor: str | None = Field(examples=["Acme"])
    quantity: int = Field(examples=[2])
    refundable_quantity: int = Field(description="Units neither refunded nor reserved.", examples=[1])
    total: MoneyOut
    tax: MoneyOut
    gift_card: bool = Field(examples=[False])


class OrderExtraOut(BaseModel):
    """Shipping or a fee."""

    line_id: str = Field(examples=["871"])
    kind: str = Field(examples=["shipping"])
    title: str = Field(examples=["Standard shipping"])
    total: MoneyOut
    tax: MoneyOut


class ParcelOut(BaseModel):
    """One parcel to the customer: units by line id; empty when the store does not say."""

    id: str = Field(examples=["4478"])
    status: str = Field(examples=["success"])
    created_at: datetime | None
    delivered_at: datetime | None
    carrier: str | None = Field(examples=["DHL"])
    tracking_number: str | None = Field(examples=["JD014600003828"])
    tracking_url: str | None = Field(examples=["https://track.example/JD014600003828"])
    lines: dict[str, int] = Field(examples=[{"12695210000533": 2}])


class ObservedRefundOut(BaseModel):
    """A refund that the store shows. `refund_id` is set when it is one of ours."""

    store_refund_id: str = Field(examples=["998877"])
    refund_id: str | None = Field(examples=["0199f5a2-0000-7000-8000-000000000001"])
    amount: MoneyOut
    state: RefundState = Field(examples=["succeeded"])
    lines: dict[str, int] | None = Field(
        description="Units by line id; null until a reading of the store told them.", examples=[{"12695210000533": 1}]
    )
    made_at: datetime | None
    first_seen_at: datetime
    removed_at: datetime | None = Field(description="When the store stopped showing it.")


class OrderOut(BaseModel):
    """The snapshot of an order, with what is still refundable.

    captured = refunded + reserved + refundable, unless the store shows more refunded than was captured.
    """

    store: str = Field(examples=["alpha"])
    id: str = Field(description="The store's id.", examples=["5196695273621"])
    number: str = Field(examples=["#1106"])
    platform: Platform = Field(examples=["shopify"])
    status: str = Field(description="The store's own word.", examples=["paid"])
    email: str | None = Field(examples=["ann@example.com"])
    country: str | None = Field(examples=["FR"])
    locale: str | None = Field(examples=["fr"])
    payment_method: str | None = Field(examples=["shopify_payments"])
    test: bool = Field(examples=[False])
    disputed: bool = Field(description="A chargeback or an inquiry is open.", examples=[False])
    placed_at: datetime
    cancelled_at: datetime | None
    updated_at: datetime = Field(description="The store's own time of this snapshot.")
    read_at: datetime | None = Field(description="When the order was last read from the store in full.")
    total: MoneyOut
    captured: MoneyOut = Field(description="Money that really came in.")
    refunded: MoneyOut = Field(description="Proven: ours and what others refunded in the store.")
    reserved: MoneyOut = Field(description="In refunds of ours that are planned, under way or in doubt.")
    refundable: MoneyOut
    lines: list[OrderLineOut]
    extras: list[OrderExtraOut]
    parcels: list[ParcelOut]
    refunds: list[ObservedRefundOut]

    @classmethod
    def of(
        cls, order: Order, taken: int, reserved: int, taken_lines: dict[str, int], seen: list[ObservedRefund]
    ) -> OrderOut:
        """The order with `taken` minor units refunded or reserved, `reserved` of them not proven yet."""
        shot = snapshot_of(order)
        zero = Money.zero(order.currency, order.exponent)

        def money(minor: int) -> MoneyOut:
            return MoneyOut.of(zero.with_minor(minor))

        return cls(
            store=order.store,
            id=order.order_id,
            number=order.number,
            platform=shot.platform,
            status=shot.status,
            email=order.email,
            country=shot.country,
            locale=shot.locale,
            payment_method=shot.payment_method,
            test=shot.test,
            disputed=shot.disputed,
            placed_at=order.placed_at,
            cancelled_at=shot.cancelled_at,
            updated_at=order.source_updated_at,
            read_at=order.read_at,
            total=money(shot.total),
            captured=money(order.captured),
            refunded=money(taken - reserved),
            reserved=money(reserved),
            refundable=money(max(0, order.captured - taken)),
            lines=[_line(zero, line, taken_lines.get(line.line_id, 0)) for line in shot.lines],
            extras=[_extra(zero, extra) for extra in shot.extras],
            parcels=[_parcel(parcel) for parcel in shot.fulfilments],
            refunds=[_seen(order, row) for row in seen],
        )


def ref_of(order: Order) -> OrderRef:
    """The order's names."""
    return OrderRef(store=order.store, id=order.order_id, number=order.number)


def _line(zero: Money, line: Line, taken: int) -> OrderLineOut:
    return OrderLineOut(
        line_id=line.line_id,
        sku=line.sku,
        title=line.title,
        vendor=line.vendor,
        quantity=line.quantity,
        refundable_quantity=max(0, line.quantity - taken),
        total=MoneyOut.of(zero.with_minor(line.total)),
        tax=MoneyOut.of(zero.with_minor(line.tax)),
        gift_card=line.gift_card,
    )


def _extra(zero: Money, extra: Extra) -> OrderExtraOut:
    return OrderExtraOut(
        line_id=extra.line_id,
        kind=extra.kind,
        title=extra.title,
        total=MoneyOut.of(zero.with_minor(extra.total)),
        tax=MoneyOut.of(zero.with_minor(extra.tax)),
    )


def _parcel(parcel: Fulfilment) -> ParcelOut:
    return ParcelOut(
        id=parcel.fulfilment_id,
        status=parcel.status,
        created_at=parcel.created_at,
        delivered_at=parcel.delivered_at,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        lines=dict(parcel.lines),
    )


def _seen(order: Order, row: ObservedRefund) -> ObservedRefundOut:
    return ObservedRefundOut(
        store_refund_id=row.store_refund_id,
        refund_id=str(row.operation_id) if row.operation_id else None,
        amount=MoneyOut.of(money_of(order, row.amount)),
        state=RefundState(row.state),
        lines=row.lines,
        made_at=row.made_at,
        first_seen_at=row.first_seen_at,
        removed_at=row.removed_at,
    )
