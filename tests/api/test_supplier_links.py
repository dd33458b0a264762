"""Links to a supplier's page: made for any channel, taken back, and noted in the case."""

from __future__ import annotations

from urllib.parse import urlsplit

from httpx import AsyncClient

from app.runtime import Runtime
from tests.api.kit import V1, VIEWER, case_in


async def test_a_link_works_until_it_is_revoked(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "authorizing")
    made = await client.post(f"{V1}/cases/{case['reference']}/supplier-link", json={"action": "renew"})
    told = made.json()
    assert (made.status_code, told["expires_at"][:4].isdigit()) == (200, True)
    first = urlsplit(told["url"])
    assert (first.path.startswith("/supplier/"), first.query) == (True, "lang=en")
    assert (await client.get(first.path)).status_code == 200
    second = (await client.post(f"{V1}/cases/{case['id']}/supplier-link", json={"action": "renew"})).json()["url"]
    assert (await client.get(first.path)).status_code == 200
    gone = await client.post(f"{V1}/cases/{case['id']}/supplier-link", json={"action": "revoke"})
    assert gone.json() == {"url": None, "expires_at": None}
    for url in (told["url"], second):
        assert (await client.get(urlsplit(url).path)).status_code == 404
    third = (await client.post(f"{V1}/cases/{case['id']}/supplier-link", json={"action": "renew"})).json()["url"]
    assert (await client.get(urlsplit(third).path)).status_code == 200
    assert (await client.get(first.path)).status_code == 404
    trail = (await client.get(f"{V1}/cases/{case['id']}/events")).json()["items"]
    words = [row["data"]["text"] for row in trail if row["actor"] == "operator:ops" and row["type"] == "note_added"]
    assert [("revoked" in text) for text in words] == [False, False, True, False]


async def test_a_link_to_all_that_is_open(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "authorizing")
    url = (await client.post(f"{V1}/suppliers/ACME/link", json={"action": "renew"})).json()["url"]
    shown = await client.get(urlsplit(url).path)
    assert case["reference"] in shown.text
    await client.post(f"{V1}/suppliers/acme/link", json={"action": "revoke"})
    assert (await client.get(urlsplit(url).path)).status_code == 404
    # A case's own link is another matter.
    own = (await client.post(f"{V1}/cases/{case['id']}/supplier-link", json={"action": "renew"})).json()["url"]
    assert (await client.get(urlsplit(own).path)).status_code == 200


async def test_it_takes_the_scope_to_operate_a_known_case_and_a_known_action(
    client: AsyncClient, runtime: Runtime
) -> None:
    case = await case_in(client, runtime, "authorizing")
    path = f"{V1}/cases/{case['id']}/supplier-link"
    assert (await client.post(path, json={"action": "renew"}, headers=VIEWER)).status_code == 403
    assert (await client.post(path, json={"action": "show"})).status_code == 422
    unknown = await client.post(f"{V1}/cases/MG-22222222/supplier-link", json={"action": "renew"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    nobody = await client.post(f"{V1}/suppliers/nobody/link", json={"action": "renew"})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown_supplier")
    runtime.settings.suppliers.pop("acme")
    orphan = await client.post(path, json={"action": "renew"})
    assert (orphan.status_code, orphan.json()["code"]) == (404, "unknown_supplier")


async def test_the_same_key_answers_the_same_link(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "authorizing")
    path, headers = f"{V1}/cases/{case['id']}/supplier-link", {"Idempotency-Key": "link-1"}
    answers = [await client.post(path, json={"action": "renew"}, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotency-Replayed"] == "true"
