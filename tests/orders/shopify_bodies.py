"""Bodies in the shape of Shopify's webhooks and of its GraphQL order, for the normaliser's tests."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

MARKED = "0199aa00-0000-7000-8000-000000000001"


def both(shop: str, customer: str) -> dict[str, Any]:
    """A money set as webhooks spell it: EUR for the shop, USD for the customer."""
    return {
        "shop_money": {"amount": shop, "currency_code": "EUR"},
        "presentment_money": {"amount": customer, "currency_code": "USD"},
    }


def bag(shop: str, customer: str) -> dict[str, Any]:
    """A money set as GraphQL spells it."""
    return {
        "shopMoney": {"amount": shop, "currencyCode": "EUR"},
        "presentmentMoney": {"amount": customer, "currencyCode": "USD"},
    }


_REFUND: dict[str, Any] = {
    "id": 975224602904,
    "order_id": 5196695273621,
    "created_at": "2026-11-20T12:36:31+01:00",
    "note": f"[makegood:{MARKED}] supplier confirmed",
    "order_adjustments": [],
    "refund_shipping_lines": [],
    "refund_line_items": [
        {
            "id": 587955536152,
            "line_item_id": 12695210000533,
            "quantity": 1,
            "restock_type": "no_restock",
            "subtotal_set": both("17.49", "18.96"),
            "total_tax_set": both("3.04", "3.29"),
        }
    ],
    "transactions": [
        {"id": 7314461393176, "kind": "refund", "status": "success", "amount": "18.96", "currency": "USD"}
    ],
}

_ORDER: dict[str, Any] = {
    "id": 5196695273621,
    "name": "#1106",
    "order_number": 1106,
    "email": "ana@example.com",
    "created_at": "2026-11-02T09:14:05+01:00",
    "updated_at": "2026-11-20T10:00:00+01:00",
    "cancelled_at": None,
    "currency": "EUR",
    "presentment_currency": "USD",
    "customer_locale": "fr-FR",
    "financial_status": "paid",
    "taxes_included": True,
    "test": False,
    "total_price": "39.94",
    "total_price_set": both("39.94", "43.29"),
    "payment_gateway_names": ["shopify_payments"],
    "shipping_address": {"country_code": "FR", "name": "Ana"},
    "line_items": [
        {
            "id": 12695210000533,
            "variant_id": 42,
            "product_id": 7,
            "sku": "LAMP-01",
            "title": "Lamp",
            "variant_title": "Red",
            "vendor": "Acme",
            "quantity": 2,
            "gift_card": False,
            "price": "19.99",
            "price_set": both("19.99", "21.66"),
            "total_discount": "99.00",
            "discount_allocations": [{"amount": "5.00", "amount_set": both("5.00", "5.41")}],
            "tax_lines": [{"price": "6.07", "price_set": both("6.07", "6.58")}],
        }
    ],
    "shipping_lines": [{"id": 1, "title": "Standard", "price": "4.96", "price_set": both("4.96", "5.38")}],
    "fulfillments": [
        {
            "id": 8124554117426,
            "order_id": 5196695273621,
            "status": "success",
            "shipment_status": "delivered",
            "tracking_company": "YunExpress",
            "tracking_number": "YT2631",
            "created_at": "2026-11-04T08:00:00+01:00",
            "updated_at": "2026-11-15T16:20:00+01:00",
            "line_items": [{"id": 12695210000533, "quantity": 2}],
        }
    ],
    "refunds": [],
}

_NODE: dict[str, Any] = {
    "id": "gid://shopify/Order/5196695273621",
    "name": "#1106",
    "email": "ana@example.com",
    "customerLocale": "fr-FR",
    "test": False,
    "createdAt": "2026-11-02T08:14:05Z",
    "updatedAt": "2026-11-20T09:00:00Z",
    "cancelledAt": None,
    "currencyCode": "EUR",
    "presentmentCurrencyCode": "USD",
    "taxesIncluded": True,
    "displayFinancialStatus": "PARTIALLY_REFUNDED",
    "paymentGatewayNames": ["shopify_payments", "gift_card"],
    "totalPriceSet": bag("39.94", "43.29"),
    "totalReceivedSet": bag("39.94", "43.29"),
    "shippingAddress": {"countryCodeV2": "FR"},
    "disputes": [],
    "lineItems": {
        "nodes": [
            {
                "id": "gid://shopify/LineItem/12695210000533",
                "title": "Lamp",
                "variantTitle": "Default Title",
                "sku": "LAMP-01",
                "vendor": "Acme",
                "quantity": 2,
                "currentQuantity": 1,
                "isGiftCard": False,
                "product": {"id": "gid://shopify/Product/7"},
                "variant": None,
                "originalUnitPriceSet": bag("19.99", "21.66"),
                "discountedUnitPriceAfterAllDiscountsSet": bag("17.49", "18.955"),
                "discountAllocations": [{"allocatedAmountSet": bag("5.0", "5.41")}],
                "taxLines": [{"priceSet": bag("6.07", "6.58")}],
            }
        ],
        "pageInfo": {"hasNextPage": False, "endCursor": "a"},
    },
    "shippingLines": {
        "nodes": [
            {
                "id": "gid://shopify/ShippingLine/1",
                "title": "Standard",
                "discountedPriceSet": bag("4.96", "5.38"),
                "taxLines": [],
            }
        ]
    },
    "fulfillments": [
        {
            "id": "gid://shopify/Fulfillment/8124554117426",
            "status": "SUCCESS",
            "displayStatus": "DELIVERED",
            "createdAt": "2026-11-04T07:00:00Z",
            "updatedAt": "2026-11-15T15:21:00Z",
            "deliveredAt": "2026-11-15T15:20:00Z",
            "trackingInfo": [{"company": "YunExpress", "number": "YT2631", "url": "https://track.example/YT2631"}],
            "fulfillmentLineItems": {
                "nodes": [{"quantity": 2, "lineItem": {"id": "gid://shopify/LineItem/12695210000533"}}],
                "pageInfo": {"hasNextPage": False},
            },
        }
    ],
    "transactions": [
        {
            "id": "gid://shopify/OrderTransaction/1",
            "kind": "SALE",
            "status": "SUCCESS",
            "amountSet": bag("30", "32.52"),
        },
        {"id": "gid://shopify/OrderTransaction/2", "kind": "SALE", "status": "FAILURE", "amountSet": bag("9", "9.76")},
        {
            "id": "gid://shopify/OrderTransaction/3",
            "kind": "CAPTURE",
            "status": "SUCCESS",
            "amountSet": bag("10", "10.77"),
        },
        {
            "id": "gid://shopify/OrderTransaction/4",
            "kind": "REFUND",
            "status": "SUCCESS",
            "amountSet": bag("17.49", "18.96"),
        },
    ],
    "refunds": [
        {
            "id": "gid://shopify/Refund/975224602904",
            "note": f"[makegood:{MARKED}] supplier confirmed",
            "createdAt": "2026-11-20T11:36:31Z",
            "totalRefundedSet": bag("17.49", "18.96"),
            "refundLineItems": {
                "nodes": [{"quantity": 1, "lineItem": {"id": "gid://shopify/LineItem/12695210000533"}}],
                "pageInfo": {"hasNextPage": False},
            },
            "refundShippingLines": {"nodes": [], "pageInfo": {"hasNextPage": False}},
            "transactions": {
                "nodes": [{"kind": "REFUND", "status": "SUCCESS", "amountSet": bag("17.49", "18.96")}],
                "pageInfo": {"hasNextPage": False},
            },
        }
    ],
}


def order_body(**changes: Any) -> dict[str, Any]:
    """An `orders/*` payload of its own."""
    return {**deepcopy(_ORDER), **changes}


def refund_body(**changes: Any) -> dict[str, Any]:
    """A `refunds/create` payload of its own."""
    return {**deepcopy(_REFUND), **changes}


def order_node(**changes: Any) -> dict[str, Any]:
    """A GraphQL order of its own."""
    return {**deepcopy(_NODE), **changes}
