"""The HTTP face of the sandbox's Shopify shop: OAuth and GraphQL, with Shopify's headers, answers and faults."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox.faults import Fault, FaultKind, FaultPlan
from app.sandbox.shopify import mishaps
from app.sandbox.shopify.graphql import Answer, Prepared, prepare, run, throttled
from app.sandbox.shopify.idempotency import MoneyCall, MoneyOutcome
from app.sandbox.shopify.resolvers import Call, ShopParts
from app.sandbox.shopify.tokens import TokenRefused, Tokens

_VERSION = re.compile(r"\d{4}-(01|04|07|10)", re.ASCII)
_OLDEST, _NEWEST = "2026-04", "2026-10"
_BAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a GraphQL request said."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None


class ShopHttp:
    """Serves one shop."""

    def __init__(self, parts: ShopParts, tokens: Tokens, faults: FaultPlan, granted_scopes: tuple[str, ...]) -> None:
        self._parts = parts
        self._tokens = tokens
        self._faults = faults
        self._granted = granted_scopes
        self.calls: list[str] = []

    def routes(self) -> list[Route]:
        """The routes, relative to where the shop is mounted."""
        return [
            Route("/admin/oauth/access_token", self.access_token, methods=["POST"]),
            Route("/admin/api/{version}/graphql.json", self.graphql, methods=["POST"]),
        ]

    async def access_token(self, request: Request) -> Response:
        """The client-credentials grant. TOKEN_EXPIRED gives a token that is dead already, REFUSE says no."""
        fault = self._faults.take("access_token")
        early = await mishaps.before(fault, request)
        if early is not None:
            return early
        body = await request.body()
        try:
            if fault is not None and fault.kind is FaultKind.REFUSE:
                raise TokenRefused(fault.text or "invalid_client")
            with self._parts.lock:
                token, life = self._tokens.grant(body, request.headers.get("content-type", ""))
                if fault is not None and fault.kind is FaultKind.TOKEN_EXPIRED:
                    self._tokens.expire(token)
        except TokenRefused as refused:
            return JSONResponse({"error": refused.code}, status_code=400)
        answer = {"access_token": token, "scope": ",".join(self._granted), "expires_in": life}
        return await mishaps.after(fault, answer, {})

    async def graphql(self, request: Request) -> Response:
        """One GraphQL call; its faults are planned by the name of its first root field."""
        version = _served_version(request.path_params["version"])
        if version is None:
            return JSONResponse({"errors": "Not Found"}, status_code=404)
        headers = {"X-Shopify-API-Version": version, "X-Request-Id": str(uuid4())}
        token = request.headers.get("x-shopify-access-token")
        with self._parts.lock:
            known = self._tokens.valid(token)
        if not known:
            return JSONResponse({"errors": _BAD_TOKEN}, status_code=401, headers=headers)
        asked = _read(await request.body())
        if asked is None:
            wrong = {"errors": {"query": "Required parameter missing or invalid"}}
            return JSONResponse(wrong, status_code=400, headers=headers)
        prepared = prepare(asked.query, asked.variables, asked.operation_name)
        with self._parts.lock:
            self.calls.append(prepared.operation)
        fault = self._faults.take(prepared.operation, _order_in(asked.variables))
        call = Call(self._parts, fault, self._note(prepared, fault))
        early = await mishaps.before(fault, request) or self._refused_early(fault, token, headers)
        if early is not None:
            return early
        try:
            answer = run(prepared, asked.variables, asked.operation_name, call)
            return await mishaps.after(fault, _spoilt(fault, prepared, answer), headers)
        finally:
            self._done(call)

    def _note(self, prepared: Prepared, fault: Fault | None) -> dict[str, MoneyCall]:
        with self._parts.lock:
            return {item.alias: self._parts.money.received(item.key, item.variables, fault) for item in prepared.money}

    def _refused_early(self, fault: Fault | None, token: str | None, headers: dict[str, str]) -> Response | None:
        if fault is not None and fault.kind is FaultKind.THROTTLE:
            return JSONResponse(throttled(fault.seconds), headers=headers)
        if fault is not None and fault.kind is FaultKind.TOKEN_EXPIRED:
            with self._parts.lock:
                self._tokens.expire(token)
            return JSONResponse({"errors": _BAD_TOKEN}, status_code=401, headers=headers)
        return None

    def _done(self, call: Call) -> None:
        """The answer is out or lost: the keys are free, and money that was to fail later fails now."""
        with self._parts.lock:
            for item in call.money.values():
                self._parts.money.release(item)
                if call.fault is None or call.fault.kind is not FaultKind.FAIL_LATER:
                    continue
                if item.outcome is MoneyOutcome.CREATED and item.refund_id is not None:
                    self._parts.money.settle(item.refund_id, ok=False)


def _served_version(asked: str) -> str | None:
    """The version that answers: a retired one falls forward to the oldest served; an unknown one is not there."""
    if not _VERSION.fullmatch(asked) or asked > _NEWEST:
        return None
    return max(asked, _OLDEST)


def _read(body: bytes) -> _Asked | None:
    try:
        asked = json.loads(body)
    except ValueError:
        return None
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        return None
    variables = asked.get("variables")
    return _Asked(asked["query"], variables if isinstance(variables, dict) else {}, asked.get("operationName"))


def _order_in(variables: dict[str, Any]) -> str | None:
    """The id of the order that a call is about, if its variables name one."""
    asked = variables.get("input")
    for fields in (variables, asked if isinstance(asked, dict) else {}):
        for name in ("orderId", "id"):
            kind, _, number = str(fields.get(name)).rpartition("/")
            if kind.endswith("/Order"):
                return number
    return None


def _spoilt(fault: Fault | None, prepared: Prepared, answer: Answer) -> Answer:
    """ERRORS_WITH_DATA: it ran, and a part of the answer was refused."""
    if fault is None or fault.kind is not FaultKind.ERRORS_WITH_DATA:
        return answer
    refused = {
        "message": f"Access denied for a field of {prepared.operation}.",
        "path": [prepared.operation],
        "extensions": {"code": "ACCESS_DENIED"},
    }
    return {**answer, "errors": [*answer.get("errors", []), refused]}
