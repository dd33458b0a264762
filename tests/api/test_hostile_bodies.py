"""Bodies, paths and queries that no client of good will sends: refused as problems, never with a 5xx."""

from __future__ import annotations

import json

import pytest
from httpx import AsyncClient, Response
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.runtime import Runtime
from tests.api.kit import V1, FakeStore, FakeStores, Json, case_in, lamp, order_of
from tests.fuzzing import tries

BODIES = {
    "nothing": b"",
    "nul": b"\x00",
    "no utf-8": b'{"note": "\xff"}',
    "utf-16": '{"note": "x"}'.encode("utf-16"),
    "bom": b"\xef\xbb\xbf{}",
    "deep lists": b"[" * 10**5 + b"]" * 10**5,
    "deep objects": b'{"note":' * 10**5 + b"1" + b"}" * 10**5,
    "deep and cut": b'{"lines":[' * 10**5,
    "long number": b'{"note":' + b"9" * 10**5 + b"}",
    "long exponent": b'{"note":1e' + b"9" * 400 + b"}",
    "NaN": b'{"note":NaN}',
    "infinity": b'{"lines":[{"line_id":-Infinity,"quantity":1e400}]}',
    "nul in a text": b'{"note":"a\\u0000b"}',
    "nul in a name": b'{"a\\u0000b":1}',
    "lone surrogate": b'{"note":"\\ud800","reason":"\\udfff"}',
    "lone surrogate in a name": b'{"\\ud800":1}',
    "many names": json.dumps({f"n{number}": 1 for number in range(10**4)}).encode(),
    "duplicate names": b'{"note":"a","note":{},"note":null}',
}
QUERIES = ("%00", "%ff%fe", "%ED%A0%80", "9" * 400, "1e400", "-1", "NaN", "[]", "a" * 5000, "%25", "%E2%80%AE")
PATHS = ("%00", "a%00b", "%ff", "%ED%A0%80", "..%2f..%2fetc", "9" * 500, "%2e%2e", "MG-%00", "x" * 3000, "'--")


def assert_kept(answer: Response, sent: object) -> None:
    """The word of the contract: an answer of ours, below 500; errors are problems."""
    assert answer.status_code < 500, (sent, answer.text[:300])
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", sent
        assert answer.json()["code"], sent


@pytest.fixture
async def case(client: AsyncClient, runtime: Runtime) -> Json:
    runtime.stores = FakeStores(FakeStore("alpha", order_of()), FakeStore("beta"))
    return await case_in(client, runtime, "inspecting")


ACTIONS = (
    "approve", "reject", "request-evidence", "record-rma", "record-tracking", "record-receipt", "record-verdict",
    "absorb", "appeal", "cancel", "reopen", "hold", "lift-hold", "note", "evidence",
)  # fmt: skip
KINDS = (
    "text/plain", "application/xml", "multipart/form-data", "multipart/form-data; boundary=", "\u00e9", "",
    "application/json; charset=utf-16", "application/json;;;",
)  # fmt: skip


def targets(case: Json) -> list[str]:
    """Every POST with a body."""
    actions = [f"{V1}/cases/{case['reference']}/{action}" for action in ACTIONS]
    return [f"{V1}/return-requests", *actions, f"{V1}/refunds/{case['id']}/settle"]


async def test_bodies_that_are_no_sane_json(client: AsyncClient, case: Json) -> None:
    headers = {"content-type": "application/json"}
    for path in targets(case):
        for name, body in BODIES.items():
            assert_kept(await client.post(path, content=body, headers=headers), (path, name))


async def test_bodies_that_are_called_something_else(client: AsyncClient, case: Json) -> None:
    for path in targets(case):
        for kind in KINDS:
            headers = [(b"content-type", kind.encode("latin-1")), (b"content-encoding", b"gzip")]
            for body in (b'{"nonsense": 1}', b"--\r\n\r\n", b"\xff" * 100):
                assert_kept(await client.post(path, content=body, headers=headers), (path, kind, body))


async def test_queries_and_paths_that_mean_nothing(client: AsyncClient, case: Json) -> None:
    names = (
        "cursor",
        "limit",
        "state",
        "store",
        "supplier",
        "order",
        "email",
        "updated_since",
        "status",
        "topic",
        "case",
    )
    for part in ("cases", "deliveries", "refunds", "messages", f"cases/{case['id']}/events", "stores", "suppliers"):
        for value in QUERIES:
            query = "&".join(f"{name}={value}" for name in names)
            assert_kept(await client.get(f"{V1}/{part}?{query}"), (part, value))
            assert_kept(await client.get(f"{V1}/{part}?{value}&{value}={value}"), (part, value))
    for value in PATHS:
        for path in (
            "cases",
            "deliveries",
            "refunds",
            "messages",
            "return-requests",
            "orders/alpha",
            f"orders/{value}",
        ):
            assert_kept(await client.get(f"{V1}/{path}/{value}"), (path, value))
        assert_kept(await client.post(f"{V1}/cases/{value}/note", json={"text": "x"}), value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(data=st.data())
@settings(
    max_examples=tries(20, 2000), deadline=None, database=None, derandomize=True,
    phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip
async def test_requests_with_any_value_in_any_field(client: AsyncClient, case: Json, data: st.DataObject) -> None:
    good: Json = {
        "store": "alpha",
        "order": "#1106",
        "email": "a@b.example",
        "remedy": "refund",
        "lines": [lamp(note="x")],
    }
    body = {**good, data.draw(st.sampled_from(sorted(good))): data.draw(_JSON)}
    body["lines"] = [
        {**lamp(), data.draw(st.sampled_from(("line_id", "sku", "quantity", "reason", "note"))): data.draw(_JSON)}
    ]
    raw = json.dumps(body).encode()
    assert_kept(
        await client.post(f"{V1}/return-requests", content=raw, headers={"content-type": "application/json"}), body
    )
