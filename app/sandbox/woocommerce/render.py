"""Orders, refunds and notes as REST v3 and webhooks write them (key for key as captured from WooCommerce 11.0.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_symbol

from app.sandbox.woocommerce.model import FEE, LINE, SHIPPING, CouponLine, Item, Note, Order, Refund, TaxLine
from app.sandbox.woocommerce.php import ZERO, decimal_text, php_number

VERSION = "11.0.1"
WORDPRESS_VERSION = "7.0.4"

Json = dict[str, Any]


def meta(meta_id: int, key: str, value: Any) -> Json:
    """A piece of meta data of an item: there it has display texts too."""
    return {"id": meta_id, "key": key, "value": value, "display_key": key, "display_value": value}


@dataclass(slots=True)
class Writer:
    """Writes the site's things. `url` is the site's address without a slash at the end; `zone` is the site's clock.

    `decimals` is the site's setting; an answer's `dp` overrides it and changes nothing but the writing.
    """

    url: str
    zone: ZoneInfo
    decimals: int

    def times(self, **moments: datetime | None) -> Json:
        """Each moment (UTC) twice: `date_x` in the site's zone and `date_x_gmt`, both without a mark of their zone."""
        fields: Json = {}
        for name, moment in moments.items():
            fields[f"date_{name}"] = f"{moment.astimezone(self.zone):%Y-%m-%dT%H:%M:%S}" if moment else None
            fields[f"date_{name}_gmt"] = f"{moment:%Y-%m-%dT%H:%M:%S}" if moment else None
        return fields

    def api(self, path: str) -> str:
        """The full address of a REST resource."""
        return f"{self.url}/wp-json/wc/v3/{path}"

    def order(self, order: Order, refunds: Sequence[Refund], dp: int | None = None) -> Json:
        """The order with the totals of its refunds. `total` is never reduced by them."""
        digits = self.decimals if dp is None else dp
        return {
            **self._order_head(order, digits),
            **self._order_people(order),
            **self._order_payment(order),
            "number": order.number,
            "meta_data": order.meta,
            "line_items": [_line(item, digits) for item in order.of_kind(LINE)],
            "tax_lines": [_tax_line(line, order.items, digits) for line in order.tax_lines],
            "shipping_lines": [_shipping_line(item, digits) for item in order.of_kind(SHIPPING)],
            "fee_lines": [_fee_line(item, digits) for item in order.of_kind(FEE)],
            "coupon_lines": [_coupon_line(order.coupon, digits)] if order.coupon else [],
            "refunds": [_refund_in_order(refund, digits) for refund in refunds],
            **self._order_tail(order),
        }

    def _order_head(self, order: Order, digits: int) -> Json:
        dates = self.times(created=order.created_at, modified=order.modified_at)
        return {
            "id": order.order_id,
            "parent_id": 0,
            "status": order.status,
            "currency": order.currency,
            "version": VERSION,
            "prices_include_tax": order.prices_include_tax,
            "date_created": dates["date_created"],
            "date_modified": dates["date_modified"],
            "discount_total": decimal_text(order.discount_total, digits),
            "discount_tax": decimal_text(order.discount_tax, digits),
            "shipping_total": decimal_text(order.net(SHIPPING), digits),
            "shipping_tax": decimal_text(order.tax(SHIPPING), digits),
            "cart_tax": decimal_text(order.tax(LINE, FEE), digits),
            "total": decimal_text(order.total, digits),
            "total_tax": decimal_text(order.tax(LINE, SHIPPING, FEE), digits),
            "customer_id": order.customer.customer_id,
            "order_key": order.order_key,
        }

    def _order_people(self, order: Order) -> Json:
        customer = order.customer
        address = {
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "company": "",
            "address_1": customer.address,
            "address_2": "",
            "city": customer.city,
            "state": "",
            "postcode": customer.postcode,
            "country": customer.country,
        }
        return {
            "billing": {**address, "email": customer.email, "phone": customer.phone},
            "shipping": {**address, "phone": ""},
        }

    def _order_payment(self, order: Order) -> Json:
        dates = self.times(completed=order.completed_at, paid=order.paid_at)
        return {
            "payment_method": order.gateway_id,
            "payment_method_title": order.gateway_title,
            "transaction_id": order.transaction_id,
            "customer_ip_address": "",
            "customer_user_agent": "",
            "created_via": order.created_via,
            "customer_note": order.customer_note,
            "date_completed": dates["date_completed"],
            "date_paid": dates["date_paid"],
            "cart_hash": "",
        }

    def _order_tail(self, order: Order) -> Json:
        dates = self.times(
            created=order.created_at, modified=order.modified_at, completed=order.completed_at, paid=order.paid_at
        )
        own = self.api(f"orders/{order.order_id}")
        pay = f"{self.url}/checkout/order-pay/{order.order_id}/?pay_for_order=true&key={order.order_key}"
        return {
            "payment_url": pay,
            "is_editable": order.status in {"pending", "on-hold", "auto-draft"},
            "needs_payment": order.status in {"pending", "failed"},
            "needs_processing": order.status == "processing",
            **{name: value for name, value in dates.items() if name.endswith("_gmt")},
            "currency_symbol": get_currency_symbol(order.currency, locale="en"),
            "_links": {
                "self": [{"href": own, "targetHints": {"allow": ["GET", "POST", "PUT", "PATCH", "DELETE"]}}],
                "collection": [{"href": self.api("orders")}],
                "email_templates": [{"embeddable": True, "href": f"{own}/actions/email_templates"}],
            },
        }

    def refund(self, refund: Refund, dp: int | None = None) -> Json:
        """The refund as its own resource: `amount` is positive (`""` for none), its lines are negative."""
        digits = self.decimals if dp is None else dp
        collection = self.api(f"orders/{refund.order_id}/refunds")
        by_kind = {kind: [item for item in refund.items if item.kind == kind] for kind in (LINE, SHIPPING, FEE)}
        return {
            "id": refund.refund_id,
            **self.times(created=refund.created_at),
            "amount": "" if refund.amount is None else decimal_text(refund.amount, digits),
            "reason": refund.reason,
            "refunded_by": 1,
            "refunded_payment": refund.refunded_payment,
            "meta_data": refund.meta,
            "line_items": [_line(item, digits) for item in by_kind[LINE]],
            "shipping_lines": [_shipping_line(item, digits) for item in by_kind[SHIPPING]],
            "tax_lines": [_tax_line(line, refund.items, digits) for line in refund.tax_lines],
            "fee_lines": [_fee_line(item, digits) for item in by_kind[FEE]],
            "_links": {
                "self": [
                    {"href": f"{collection}/{refund.refund_id}", "targetHints": {"allow": ["GET", "DELETE"]}},
                ],
                "collection": [{"href": collection}],
                "up": [{"href": self.api(f"orders/{refund.order_id}")}],
            },
        }

    def note(self, note: Note) -> Json:
        """A note on an order."""
        collection = self.api(f"orders/{note.order_id}/notes")
        return {
            "id": note.note_id,
            "author": "Sandbox",
            **self.times(created=note.created_at),
            "note": note.text,
            "customer_note": note.customer_note,
            "_links": {
                "self": [{"href": f"{collection}/{note.note_id}"}],
                "collection": [{"href": collection}],
                "up": [{"href": self.api(f"orders/{note.order_id}")}],
            },
        }


def _refund_in_order(refund: Refund, digits: int) -> Json:
    amount = "" if refund.amount is None else decimal_text(refund.amount, digits)
    tax = sum((tax for item in refund.items for tax in item.taxes.values()), ZERO)
    return {
        "id": refund.refund_id,
        "reason": refund.reason,
        "total": f"-{amount}",
        "total_tax": decimal_text(tax, digits),
    }


def _total(amount: Decimal | None, digits: int) -> str:
    return "" if amount is None else decimal_text(amount, digits)


def _taxes(item: Item, digits: int, with_subtotal: bool) -> list[Json]:
    return [
        {
            "id": rate_id,
            "total": decimal_text(tax, digits),
            "subtotal": decimal_text(item.subtotal_taxes.get(rate_id, ZERO), digits) if with_subtotal else "",
        }
        for rate_id, tax in item.taxes.items()
    ]


def _line(item: Item, digits: int) -> Json:
    price = (item.total or ZERO) / item.quantity if item.quantity else ZERO
    return {
        "id": item.item_id,
        "name": item.name,
        "product_id": item.product_id,
        "variation_id": item.variation_id,
        "quantity": item.quantity,
        "tax_class": item.tax_class,
        "subtotal": decimal_text(item.subtotal, digits),
        "subtotal_tax": decimal_text(sum(item.subtotal_taxes.values(), ZERO), digits),
        "total": _total(item.total, digits),
        "total_tax": decimal_text(sum(item.taxes.values(), ZERO), digits),
        "taxes": _taxes(item, digits, with_subtotal=True),
        "meta_data": item.meta,
        "sku": item.sku,
        "global_unique_id": "",
        "price": php_number(price),
        "image": {"id": "", "src": ""},
        "parent_name": None,
    }


def _shipping_line(item: Item, digits: int) -> Json:
    return {
        "id": item.item_id,
        "method_title": item.name,
        "method_id": item.method_id,
        "instance_id": "",
        "total": _total(item.total, digits),
        "total_tax": decimal_text(sum(item.taxes.values(), ZERO), digits),
        "taxes": _taxes(item, digits, with_subtotal=False),
        "tax_status": "taxable",
        "meta_data": item.meta,
    }


def _fee_line(item: Item, digits: int) -> Json:
    return {
        "id": item.item_id,
        "name": item.name,
        "tax_class": item.tax_class,
        "tax_status": "taxable",
        "amount": "",
        "total": _total(item.total, digits),
        "total_tax": decimal_text(sum(item.taxes.values(), ZERO), digits),
        "taxes": _taxes(item, digits, with_subtotal=False),
        "meta_data": item.meta,
    }


def _tax_line(line: TaxLine, items: Sequence[Item], digits: int) -> Json:
    by_shipping: Mapping[bool, Decimal] = {
        is_shipping: sum(
            (item.taxes.get(line.rate.rate_id, ZERO) for item in items if (item.kind == SHIPPING) is is_shipping), ZERO
        )
        for is_shipping in (False, True)
    }
    return {
        "id": line.item_id,
        "rate_code": line.rate.code,
        "rate_id": line.rate.rate_id,
        "label": line.rate.label,
        "compound": False,
        "tax_total": decimal_text(by_shipping[False], digits),
        "shipping_tax_total": decimal_text(by_shipping[True], digits),
        "rate_percent": php_number(line.rate.percent),
        "meta_data": [],
    }


def _coupon_line(line: CouponLine, digits: int) -> Json:
    return {
        "id": line.item_id,
        "code": line.coupon.code,
        "discount": decimal_text(line.discount, digits),
        "discount_tax": decimal_text(line.discount_tax, digits),
        "meta_data": line.meta,
        "discount_type": "percent",
        "nominal_amount": line.coupon.percent,
        "free_shipping": False,
    }
