"""Who may call, and what an error looks like."""

from __future__ import annotations

import pytest
from httpx import ASGITransport, AsyncClient

from app.limits import MOST_BYTES
from app.main import create_app
from app.runtime import build_runtime
from app.settings import Settings
from tests.api.kit import V1, VIEWER, lamp
from tests.conftest import API_KEY

PROBLEM = "application/problem+json"
NOBODY = "0199f5a2-0000-7000-8000-00000000dead"
SUBMIT = {"store": "alpha", "order": "1106", "lines": [lamp()]}


async def test_without_a_token_nothing_is_told(client: AsyncClient) -> None:
    """401 with the header that says how to come in."""
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic b3BzOng="}):
        answer = await client.get(f"{V1}/cases", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json()["code"] == "missing_token"


async def test_a_reader_may_read_and_not_act(client: AsyncClient) -> None:
    """The scope `read` ends before the first POST."""
    assert (await client.get(f"{V1}/cases", headers=VIEWER)).status_code == 200
    for path in ("return-requests", f"cases/{NOBODY}/note", f"refunds/{NOBODY}/settle"):
        answer = await client.post(f"{V1}/{path}", headers=VIEWER, json={"text": "x"})
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


async def test_an_admin_may_do_what_an_operator_may(client: AsyncClient) -> None:
    """Scopes include each other."""
    answer = await client.post(
        f"{V1}/cases/MG-NOSUCH/note", headers={"Authorization": "Bearer test-admin-key-0123456789"}, json={"text": "x"}
    )
    assert answer.status_code == 404


async def test_the_frameworks_errors_are_problems(client: AsyncClient) -> None:
    """Unknown paths and methods, inside and outside the API."""
    for path in (f"{V1}/nothing", f"{V1}/cases/MG-1/explode", "/webhooks/nothing", "/nothing"):
        answer = await client.get(path)
        assert answer.headers["content-type"] == PROBLEM
        assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (404, 404, "not_found")
    answer = await client.delete(f"{V1}/cases")
    assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (405, "method_not_allowed", "GET")
    answer = await client.post(f"{V1}/cases/{NOBODY}/explode", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"text"',
        b'{"store": NaN}',
        b"[" * 100_000,
        b'{"store": ' + b"9" * 6000 + b"}",
        b'{"store": "al\\u0000pha", "order": "1", "lines": []}',
        b'{"store": "\\ud800", "order": "1", "lines": []}',
        b'{"\\ud800": "a name that is no text"}',
        b'{"' + b"x" * 100_000 + b'": "a long name"}',
    ],
)
async def test_a_body_that_cannot_be_read_is_the_callers_mistake(client: AsyncClient, raw: bytes) -> None:
    """Never a 500, whatever the bytes are."""
    answer = await client.post(f"{V1}/return-requests", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"
    assert answer.json()["errors"]
    assert len(answer.content) < 3000


@pytest.mark.parametrize(
    "change",
    [
        {"store": None},
        {"surprise": 1},
        {"order": ""},
        {"order": True},
        {"order": 10**30},
        {"order": "11\x0006"},
        {"email": "not an address"},
        {"remedy": "money"},
        {"lines": []},
        {"lines": [lamp()] * 101},
        {"lines": [lamp(0)]},
        {"lines": [lamp(10**20)]},
        {"lines": [{**lamp(), "quantity": "1"}]},
        {"lines": [{**lamp(), "quantity": True}]},
        {"lines": [{**lamp(), "quantity": 1.5}]},
        {"lines": [{**lamp(), "sku": "LAMP-01"}]},
        {"lines": [{"quantity": 1, "reason": "lost"}]},
        {"lines": [lamp(reason="other")]},
        {"lines": [lamp(reason="other", note="  ")]},
        {"lines": [lamp(reason="because")]},
        {"lines": [lamp(note="a\x00b")]},
    ],
)
async def test_a_request_that_breaks_the_schema_is_refused(client: AsyncClient, change: dict[str, object]) -> None:
    """422 that says where, and repeats nothing of what was sent."""
    answer = await client.post(f"{V1}/return-requests", json={**SUBMIT, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert all(set(one) == {"location", "message"} for one in answer.json()["errors"])
    assert "not an address" not in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("cases/nonsense", 404),
        ("cases/%00", 422),
        ("cases/" + "x" * 500, 422),
        ("refunds/nonsense", 422),
        ("messages/1", 422),
        (f"deliveries/{NOBODY}", 404),
        ("orders/alpha/%00", 422),
        ("orders/nowhere/1", 404),
        ("cases?cursor=%21%21", 422),
        ("cases?cursor=AAAA", 422),
        ("cases?limit=0", 422),
        ("cases?limit=100000000000000000000000", 422),
        ("cases?email=%00", 422),
        ("cases?state=lost_in_space", 422),
        ("cases?updated_since=yesterday", 422),
        ("cases?updated_since=0001-01-01T00:00:00%2B14:00", 422),
        ("cases?updated_since=2026-11-20", 200),
        ("cases?updated_since=2026-11-20T10:00:00+02:00", 200),
        ("cases/MG-NOSUCH/events?cursor=x", 422),
        (f"cases/{NOBODY}/events", 404),
    ],
)
async def test_odd_paths_and_queries(client: AsyncClient, path: str, status: int) -> None:
    """Ids that are none, cursors of nobody, dates out of the calendar."""
    answer = await client.get(f"{V1}/{path}")
    assert answer.status_code == status
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == PROBLEM


async def test_a_huge_body_is_not_read(client: AsyncClient) -> None:
    """Whether it says its size or not."""

    async def endless() -> object:
        for _ in range(MOST_BYTES // 65536 + 2):
            yield b" " * 65536

    headers = {"Content-Type": "application/json"}
    for content in (b" " * (MOST_BYTES + 1), endless()):
        answer = await client.post(f"{V1}/return-requests", content=content, headers=headers)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_database_that_is_away_is_said_so(settings: Settings) -> None:
    """503 with a code of its own, and the process stays up."""
    runtime = build_runtime(settings, "postgresql://nobody@127.0.0.1:9/none", pool_size=1)
    transport = ASGITransport(app=create_app(runtime), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with AsyncClient(transport=transport, base_url="http://makegood.test", headers=headers) as http:
        answer = await http.get(f"{V1}/cases")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert (await http.get("/healthz")).json()["status"] == "ok"
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "not_ready")
        assert "The database does not answer" in ready.json()["problems"][0]
        numbers = await http.get("/metrics")
        assert (numbers.status_code, "makegood_database_up 0.0" in numbers.text) == (200, True)
    await runtime.aclose()


async def test_an_unexpected_fault_tells_nothing(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 without a word of what went wrong."""

    async def broken(*_: object) -> None:
        raise RuntimeError("the secret of Ann")

    monkeypatch.setattr("app.cases.queries.search", broken)
    answer = await client.get(f"{V1}/cases")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "Ann" not in answer.text
