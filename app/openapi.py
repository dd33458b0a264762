"""The OpenAPI document: complete enough to work from without any other page."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app.api import Problem
from app.errors_http import PROBLEM_JSON
from app.outbound.described import webhooks

DESCRIPTION = """Makegood handles the returns of Shopify and WooCommerce stores whose goods are shipped by suppliers.

**Words.** A *return request* is split into one *case* for each supplier. A case moves through states; each change is an
event in its audit trail. A *refund* is one intended movement of money: it is made once, and proven.

**Access.** `Authorization: Bearer <token>` with a token of `MAKEGOOD_API_KEYS__<NAME>`; its scope is `read`, `operate`
or `admin`.

**Money** is `{"amount": "12.50", "currency": "EUR"}`, always a decimal text. **Times** are RFC 3339 in UTC. **Ids** are
UUIDv7. **Lists** take `limit` and `cursor` and answer `{"items": [...], "next_cursor": ...}`.

**Errors** are `application/problem+json` (RFC 9457); `code` is stable. **Repeats** of a POST with the same
`Idempotency-Key` and body get the first answer again.
"""
TAGS = [
    {"name": "return requests", "description": "What customers want to return."},
    {"name": "cases", "description": "One supplier's part of a return request: state, lines, audit trail."},
    {"name": "actions", "description": "What a person does with a case."},
    {"name": "evidence", "description": "What a customer shows or tells."},
    {"name": "supplier links", "description": "Links to the pages on which suppliers without an API answer."},
    {"name": "refunds", "description": "Movements of money, each made once and proven."},
    {"name": "replacements", "description": "Goods sent again by new orders, each made once and proven."},
    {"name": "messages", "description": "Mails, as they were or would be sent."},
    {"name": "feedback", "description": "How satisfied customers are, by product and reason."},
    {"name": "orders", "description": "Snapshots of the stores' orders."},
    {"name": "deliveries", "description": "Webhooks as they came."},
    {"name": "events", "description": "What the merchant's own systems are told, and how they take it."},
    {"name": "privacy", "description": "What is kept of a customer: shown, and erased."},
    {
        "name": "withdrawals",
        "description": "Withdrawals from contracts that consumers declared.",
    },
    {"name": "configuration", "description": "Stores and suppliers, without secrets, and how they fare."},
    {"name": "webhooks", "description": "Where stores and suppliers send their news."},
    {"name": "health", "description": "For load balancers and monitoring."},
]
_METHODS = {"get", "post", "put", "patch", "delete"}
# `errors_of` describes each error as: its title (`its_code`).
_ERROR = re.compile(r"(?:^|; )([^`]+?) \(`([a-z_]+)`\)")


def operation_id(route: APIRoute) -> str:
    """The function's name: short, and the same from version to version."""
    return route.name


def describe(app: FastAPI) -> None:
    """Has the application answer `/openapi.json` with the complete document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            built = get_openapi(
                title="Makegood API", version=app.version, description=DESCRIPTION, routes=app.routes, tags=TAGS
            )
            app.openapi_schema = _completed(built)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    # Our own 422 replaces the framework's, so its schemas describe nothing that is ever sent.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = Problem.model_json_schema()
    for path in document["paths"].values():
        for method, operation in path.items():
            if method in _METHODS:
                _complete(operation, schemas)
    document["webhooks"] = webhooks(schemas)
    return document


def _complete(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    told = operation["responses"]
    framework = told.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if framework.get("$ref", "").endswith("HTTPValidationError"):
        told["422"] = _problem_of("The request is not valid (`invalid_request`)")
    for status, response in told.items():
        content = response.get("content", {})
        if content.get("application/json") == {"schema": {}}:
            # The framework's way to say nothing of a body; those endpoints send none.
            del response["content"]
        elif PROBLEM_JSON in content:
            content[PROBLEM_JSON]["examples"] = _problems(int(status), response["description"])
        elif "application/json" in content:
            _exemplify(content["application/json"], schemas)
    if "401" in told and "security" in operation:
        header = {"description": "Always `Bearer`.", "schema": {"type": "string"}, "example": "Bearer"}
        told["401"]["headers"] = {"WWW-Authenticate": header}
    if "429" in told:
        seconds = {"description": "Seconds to wait.", "schema": {"type": "string"}, "example": "600"}
        told["429"]["headers"] = {"Retry-After": seconds}
    if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ())):
        replayed = {"description": "`true` when this is the first answer again.", "schema": {"type": "string"}}
        for status in {"200", "201", "202"} & set(told):
            told[status]["headers"] = {"Idempotency-Replayed": replayed}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        _exemplify(body, schemas)


def _problem_of(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {PROBLEM_JSON: {"schema": schema}}}


def _problems(status: int, description: str) -> dict[str, Any]:
    return {
        code: {
            "summary": title,
            "value": {"type": "about:blank", "title": title, "status": status, "code": code, "detail": f"{title}."},
        }
        for title, code in _ERROR.findall(description)
    }


def _exemplify(media: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Puts an example together from those of the fields, unless there is one."""
    if "example" not in media and "examples" not in media:
        media["example"] = _example(media.get("schema", {}), schemas)


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    if schema.get("examples"):
        return schema["examples"][0]
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key) and "properties" not in schema:
            return _example(schema[key][0], schemas)
    if "properties" in schema:
        given = {name: part for name, part in schema["properties"].items() if _is_shown(schema, name, part)}
        return {name: _example(part, schemas) for name, part in given.items()}
    if "default" in schema:
        return schema["default"]
    if schema.get("type") == "array":
        return [_example(schema.get("items", {}), schemas)]
    return {"string": "2026-11-20T10:00:00Z" if schema.get("format") == "date-time" else "text", "integer": 1}.get(
        schema.get("type", "")
    )


def _is_shown(schema: dict[str, Any], name: str, part: dict[str, Any]) -> bool:
    """Fields without an example are left out of a body where they need not be sent."""
    return name in schema.get("required", ()) or bool(part.get("examples"))
