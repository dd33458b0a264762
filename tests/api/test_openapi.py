"""The document of the API: complete, honest, without the framework's leftovers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import AsyncClient

from app.main import create_app
from app.runtime import build_runtime
from app.settings import Settings

PROBLEM = "application/problem+json"
ACTIONS = {
    "approve", "reject", "request-evidence", "record-rma", "record-tracking", "record-receipt", "record-verdict",
    "absorb", "appeal", "cancel", "reopen", "hold", "lift-hold", "note",
}  # fmt: skip


@pytest.fixture
def document(settings: Settings) -> dict[str, Any]:
    """As the application builds it; no database is needed for that."""
    return create_app(build_runtime(settings, "postgresql://127.0.0.1:9/none")).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with its name."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_every_operation_explains_itself(document: dict[str, Any]) -> None:
    """Summary, description, one tag that is described, and an id of its own."""
    known = {tag["name"] for tag in document["tags"]}
    ids = []
    for name, operation in operations(document):
        assert operation["summary"], name
        assert len(operation["description"]) > 10, name
        assert len(operation["tags"]) == 1, name
        assert operation["tags"][0] in known, name
        ids.append(operation["operationId"])
    assert len(set(ids)) == len(ids) >= 35


def test_every_operation_has_examples(document: dict[str, Any]) -> None:
    """For the body, for the answer, and for each error its code."""
    for name, operation in operations(document):
        for kind, body in operation.get("requestBody", {}).get("content", {}).items():
            assert "example" in body, (name, kind)
        for status, response in operation["responses"].items():
            for kind, body in response.get("content", {}).items():
                if kind == PROBLEM:
                    assert body["examples"], (name, status)
                    assert all(str(one["value"]["status"]) == status for one in body["examples"].values())
                elif kind == "application/json":
                    assert body["example"], (name, status)


def test_errors_are_documented_as_problems(document: dict[str, Any]) -> None:
    """Whatever is not a success, and nothing of the framework's own."""
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400 and name != "get /readyz":
                assert list(response["content"]) == [PROBLEM], (name, status)
                assert response["content"][PROBLEM]["schema"] == {"$ref": "#/components/schemas/Problem"}
        if "/api/v1" in name:
            assert {"401", "403", "422", "500", "503"} <= set(operation["responses"]), name
            assert operation["security"], name
            assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]
    assert "Problem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in json.dumps(document)


def test_every_promised_path_is_there(document: dict[str, Any]) -> None:
    """Those of the contract."""
    v1 = "/api/v1"
    promised = {
        f"post {v1}/return-requests", f"get {v1}/return-requests/{{id}}", f"get {v1}/cases", f"get {v1}/cases/{{case}}",
        f"get {v1}/cases/{{case}}/events", f"post {v1}/cases/{{case}}/evidence", f"get {v1}/cases/{{case}}/evidence",
        f"get {v1}/messages", f"get {v1}/messages/{{id}}", f"get {v1}/refunds", f"get {v1}/refunds/{{id}}",
        f"post {v1}/refunds/{{id}}/settle", f"get {v1}/orders/{{store}}/{{order}}", f"get {v1}/deliveries",
        f"get {v1}/deliveries/{{id}}", f"post {v1}/deliveries/{{id}}/replay", f"get {v1}/stores", f"get {v1}/suppliers",
        "get /healthz", "get /readyz", "get /metrics",
        *(f"post {v1}/cases/{{case}}/{action}" for action in ACTIONS),
        *(f"post /webhooks/{sender}" for sender in ("shopify/{store}", "woocommerce/{store}", "suppliers/{supplier}")),
    }  # fmt: skip
    assert {name for name, _ in operations(document)} >= promised
    assert "servers" not in document


def test_every_post_of_the_api_takes_a_key(document: dict[str, Any]) -> None:
    """So that any of them can be sent again."""
    for name, operation in operations(document):
        if name.startswith("post /api/v1"):
            assert "Idempotency-Key" in [one["name"] for one in operation["parameters"]], name


async def test_the_document_is_served(client: AsyncClient, document: dict[str, Any]) -> None:
    """At its usual place, without a token."""
    answer = await client.get("/openapi.json", headers={"Authorization": ""})
    assert answer.json() == document
