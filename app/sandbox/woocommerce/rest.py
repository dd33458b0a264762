"""One REST call to the sandbox's WooCommerce site: faults, keys, errors, and the answer as PHP writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.sandbox.faults import Fault, FaultKind, FaultPlan
from app.sandbox.wire_faults import play_after, play_before
from app.sandbox.woocommerce.auth import KeyRing
from app.sandbox.woocommerce.errors import RestError, invalid_json, invalid_param, no_route
from app.sandbox.woocommerce.model import MoneyCall
from app.sandbox.woocommerce.php import php_json

_PREFIX = "/wp-json/wc/v3"
_JSON = "application/json; charset=UTF-8"
_NO_CACHE = "no-cache, must-revalidate, max-age=0, no-store, private"
_ELSEWHERE = frozenset(
    {
        FaultKind.ERRORS_WITH_DATA, FaultKind.FAIL_LATER, FaultKind.TOKEN_EXPIRED, FaultKind.NO_MONEY,
        FaultKind.KEY_CONCURRENT, FaultKind.KEY_MISMATCH, FaultKind.KEY_PREVIOUS_FAILED,
    }
)  # fmt: skip


@dataclass(slots=True)
class Call:
    """A call as the endpoints see it."""

    request: Request
    raw: bytes
    fault: Fault | None
    money: MoneyCall | None = None

    @property
    def query(self) -> Mapping[str, str]:
        """The query; of a repeated parameter the last counts, as in PHP (the `woocommerce` package sends all twice)."""
        return dict(self.request.query_params.multi_items())

    def number(self, name: str) -> int:
        """An id in the path."""
        return int(self.request.path_params[name])

    def body(self) -> dict[str, Any]:
        """The JSON object that was sent; nothing sent is an empty one. Raises `RestError` 400 for broken JSON."""
        if not self.raw.strip():
            return {}
        try:
            value = json.loads(self.raw)
        except ValueError as error:
            raise invalid_json() from error
        return value if isinstance(value, dict) else {}

    def whole(self, name: str, default: int | None, lowest: int = 1, highest: int | None = None) -> int | None:
        """A whole number in the query. Raises `RestError` 400 when it is none or out of bounds."""
        text = self.query.get(name)
        if text is None:
            return default
        if not text.isdecimal() or int(text) < lowest or (highest is not None and int(text) > highest):
            bounds = f"between {lowest} (inclusive) and {highest} (inclusive)" if highest else f"at least {lowest}"
            raise invalid_param(name, f"{name} must be {bounds}", "rest_out_of_bounds")
        return int(text)


@dataclass(slots=True)
class Answer:
    """What an endpoint answers."""

    payload: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Endpoint = Callable[[Call], Awaitable[Answer]]


def operation_name(method: str, path: str) -> str:
    """What a fault is planned for: the method and the path without ids, such as `POST /orders/refunds`."""
    return f"{method} {re.sub(r'/{[^}]*}', '', path)}"


class RestApi:
    """Turns endpoints into routes. `open_money_call` notes a refund POST before anything else is done with it."""

    def __init__(
        self,
        keys: KeyRing,
        faults: FaultPlan,
        open_money_call: Callable[[int, bytes, Fault | None], MoneyCall],
        calls: list[str],
    ) -> None:
        """`calls` gets the operation of every call that comes, whatever becomes of it."""
        self._keys, self._faults, self._open_money_call, self._calls = keys, faults, open_money_call, calls

    def route(self, method: str, path: str, endpoint: Endpoint) -> Route:
        """A route under `/wp-json/wc/v3`."""
        operation = operation_name(method, path)

        async def serve(request: Request) -> Response:
            return await self._serve(request, operation, endpoint)

        return Route(_PREFIX + path, serve, methods=[method])

    def fallback(self) -> Route:
        """Answers `rest_no_route` for everything else below `/wp-json`."""

        async def unknown(_request: Request) -> Response:
            return _respond(Answer(no_route().body, 404))

        return Route("/wp-json/{rest:path}", unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])

    async def _serve(self, request: Request, operation: str, endpoint: Endpoint) -> Response:
        raw = await request.body()
        self._calls.append(operation)
        order_id = request.path_params.get("order_id")
        call = Call(request, raw, self._faults.take(operation, None if order_id is None else f"{order_id}"))
        if operation == "POST /orders/refunds":
            call.money = self._open_money_call(call.number("order_id"), raw, call.fault)
        if call.fault is not None and call.fault.kind in _ELSEWHERE:
            raise ValueError(f"The sandbox's WooCommerce cannot play the fault {call.fault.kind}")
        early = await play_before(request, call.fault, _failure)
        if early is not None:
            return early
        try:
            url = str(request.url.replace(query=""))
            self._keys.check(request.method, url, call.query, request.headers.get("authorization", ""))
            answer = await endpoint(call)
            if call.fault is not None and call.fault.kind is FaultKind.REFUSE_AFTER:
                # Second-hand (woocommerce/woocommerce#67182): an error although the refund is there.
                thing = "shop_order_refund" if call.money else operation.rsplit("/", 1)[-1].rstrip("s")
                raise RestError(400, f"woocommerce_rest_{thing}_not_created", "Cannot create it.")
        except RestError as error:
            answer = Answer(error.body, error.status)
        if call.money is not None:
            call.money.status = answer.status
            if call.money.outcome == "not_reached":
                call.money.outcome = "refused"
        return await play_after(request, call.fault, _respond(answer), _failure)


def _respond(answer: Answer) -> Response:
    headers = {"Content-Type": _JSON, "Cache-Control": _NO_CACHE, **answer.headers}
    return Response(php_json(answer.payload), answer.status, headers=headers)


def _failure(status: int, text: str) -> Response:
    message = text or "There has been a critical error on this website."
    return _respond(Answer({"code": "internal_server_error", "message": message, "data": {"status": status}}, status))
