"""The errors that WooCommerce's REST API answers, with the codes and statuses it really uses."""

from __future__ import annotations

from typing import Any

REFUND_FAILED = "woocommerce_rest_cannot_create_order_refund"


class RestError(Exception):
    """An error answer. `data` is an object with the status in most cases, and a bare integer on the refund route."""

    def __init__(self, status: int, code: str, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, "data": {"status": status} if data is None else data}


def refund_error(code: str, message: str, data: int) -> RestError:
    """The refund route answers its errors with HTTP 500 and a bare integer as `data`, whatever went wrong."""
    return RestError(500, code, message, data)


def refund_failed(message: str) -> RestError:
    """The one code for "not that amount", "the gateway said no" and "it was paid and then something broke"."""
    return refund_error(REFUND_FAILED, message, 500)


def invalid_param(name: str, reason: str, kind: str = "rest_invalid_type") -> RestError:
    """A parameter of a wrong type or value: HTTP 400."""
    details = {name: {"code": kind, "message": reason, "data": {"param": name}}}
    data = {"status": 400, "params": {name: reason}, "details": details}
    return RestError(400, "rest_invalid_param", f"Invalid parameter(s): {name}", data)


def invalid_json() -> RestError:
    """A body that is not JSON: HTTP 400."""
    data = {"status": 400, "json_error_code": 4, "json_error_message": "Syntax error"}
    return RestError(400, "rest_invalid_json", "Invalid JSON body passed.", data)


def no_route() -> RestError:
    """A path that the API does not know."""
    return RestError(404, "rest_no_route", "No route was found matching the URL and request method.")


def invalid_order() -> RestError:
    """Reading an order that does not exist; under webhooks the same body comes signed, as if it were the order."""
    return RestError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")


def invalid_refund() -> RestError:
    """Reading a refund that does not exist."""
    return RestError(404, "woocommerce_rest_shop_order_refund_invalid_id", "Invalid ID.")


def no_trash(thing: str) -> RestError:
    """Deleting without `force` what cannot be put in the bin: HTTP 501."""
    return RestError(501, "woocommerce_rest_trash_not_supported", f"{thing} do not support trashing.")
