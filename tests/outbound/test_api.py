"""Events over the API: found, shown with every try, sent again, and receivers without their secrets."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient
from sqlalchemy import event, text

from app.outbound import receivers as health
from app.outbound.payloads import DATA
from app.outbound.tasks import sweep
from app.sandbox.faults import Fault, FaultKind
from app.worker import run_until_idle
from tests.api.kit import VIEWER
from tests.outbound.conftest import with_events
from tests.outbound.kit import SECRET, Office, ids, two_cases

EVENTS = "/api/v1/events"
DOWN = Fault(FaultKind.STATUS_BEFORE, 503)


async def listed(http: AsyncClient, **params: Any) -> list[dict[str, Any]]:
    answer = await http.get(EVENTS, params=params, headers=VIEWER)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_events_are_found_by_everything_that_is_known_of_them(office: Office, http: AsyncClient) -> None:
    office.crm.faults.stand("POST", DOWN, about="store.uninstalled")
    first, _ = await two_cases(http, office.runtime)
    await office.tell()
    await office.send()
    office.clock.move(timedelta(days=1))
    await office.tell("beta")
    everything = await listed(http)
    assert [one["sequence"] for one in everything] == sorted((one["sequence"] for one in everything), reverse=True)
    of_case = await listed(http, case=first["reference"])
    assert {one["case_id"] for one in of_case} == {first["id"]}
    assert len(of_case) == sum(one["case_id"] == first["id"] for one in everything) > 1
    assert {one["type"] for one in await listed(http, type="case.created")} == {"case.created"}
    assert len(await listed(http, type="case.created")) == 2
    since = (office.clock.now() - timedelta(hours=1)).isoformat()
    assert [one["store"] for one in await listed(http, since=since)] == ["beta"]
    assert [one["store"] for one in await listed(http, status="pending")] == ["beta", "alpha"]
    assert [one["store"] for one in await listed(http, status="pending", receiver="CRM", since=since)] == ["beta"]
    assert [one["store"] for one in await listed(http, status="pending", receiver="erp")] == ["beta"]
    assert await listed(http, status="pending", type="case.created") == []
    delivered = await listed(http, status="delivered", receiver="crm")
    assert {one["type"] for one in delivered} >= {"case.created"}
    assert "store.uninstalled" not in {one["type"] for one in delivered}
    assert await listed(http, receiver="nobody") == await listed(http, case="MG-NOBODYXY") == []


@pytest.mark.parametrize("status", [None, "pending"])
async def test_pages_hold_every_event_once(office: Office, http: AsyncClient, status: str | None) -> None:
    for _ in range(5):
        await office.tell()
    found, cursor = [], None
    while True:
        params: dict[str, str | int] = {
            "limit": 2,
            **({"cursor": cursor} if cursor else {}),
            **({"status": status} if status else {}),
        }
        page = (await http.get(EVENTS, params=params)).json()
        found += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 5


async def test_an_event_is_shown_with_every_try(office: Office, http: AsyncClient) -> None:
    office.crm.faults.add("POST", Fault(FaultKind.STATUS_BEFORE, 500, text="out of order"))
    await office.tell()
    await office.send()
    await office.later(seconds=10)
    (told,) = await listed(http)
    shown = (await http.get(f"{EVENTS}/{told['id']}")).json()
    assert {name: shown[name] for name in told} == told
    tries = [(one["receiver"], one["number"], one["http_status"], one["body"]) for one in shown["attempts"]]
    assert sorted(tries) == [("crm", 1, 500, "out of order"), ("crm", 2, 200, "taken"), ("erp", 1, 200, "taken")]
    assert [(one["receiver"], one["status"], one["tries"]) for one in shown["sendings"]] == [
        ("crm", "delivered", 2), ("erp", "delivered", 1),
    ]  # fmt: skip
    taken = office.crm.taken[0].body
    assert (taken["id"], taken["type"], taken["sequence"]) == (told["id"], told["type"], told["sequence"])
    assert taken["data"] == told["data"]


async def test_one_event_is_sent_again_under_its_id(office: Office, http: AsyncClient) -> None:
    await office.tell()
    await office.send()
    (told,) = await listed(http)
    again = await http.post(f"{EVENTS}/{told['id']}/replay", json={"receiver": "ERP"})
    assert again.status_code == 202, again.text
    assert [(one["receiver"], one["status"]) for one in again.json()["sendings"]] == [
        ("crm", "delivered"), ("erp", "pending"),
    ]  # fmt: skip
    await office.send()
    assert (len(office.crm.taken), len(office.erp.taken)) == (1, 2)
    await http.post(f"{EVENTS}/{told['id']}/replay")
    await office.send()
    assert set(ids(office.crm)) == set(ids(office.erp)) == {ids(office.crm)[0]}
    assert (len(office.crm.taken), len(office.erp.taken)) == (2, 3)


async def test_a_repeated_request_to_replay_sends_once(office: Office, http: AsyncClient) -> None:
    await office.tell()
    await office.send()
    (told,) = await listed(http)
    for _ in range(2):
        await http.post(f"{EVENTS}/{told['id']}/replay", headers={"Idempotency-Key": "again-1"})
        await office.send()
    assert len(office.crm.taken) == 2


async def test_a_stretch_is_sent_again_in_sequence_to_a_receiver_that_was_added_later(
    office: Office, http: AsyncClient, receivers: tuple[str, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.outbound.replays.STEP", 2)
    crm = office.runtime.settings.events.pop("crm")
    begun = office.clock.now()
    await two_cases(http, office.runtime)
    await office.tell()
    await office.send()
    assert office.crm.taken == []
    office.runtime.settings.events["crm"] = crm
    body = {"since": begun.isoformat(), "receiver": "crm", "types": ["case"]}
    asked = await http.post(f"{EVENTS}/replay", json=body)
    assert asked.status_code == 202, asked.text
    assert asked.json()["receiver"] == "crm"
    before = len(office.erp.taken)
    await run_until_idle(office.runtime)
    assert len(office.erp.taken) == before
    of_cases = [one.id for one in office.erp.taken if one.type.startswith("case.")]
    assert sorted(one.id for one in office.crm.taken) == sorted(of_cases)
    for case in {one.body["data"]["case"]["id"] for one in office.crm.taken}:
        came = [one.body["sequence"] for one in office.crm.taken if one.body["data"]["case"]["id"] == case]
        assert came == sorted(came)


async def test_only_what_was_given_up_is_sent_again_when_that_is_asked(office: Office, http: AsyncClient) -> None:
    begun = office.clock.now()
    office.crm.faults.add("POST", Fault(FaultKind.STATUS_BEFORE, 410))
    await office.tell()
    await office.send()
    await http.post(f"{EVENTS}/receivers/crm/test")
    await office.tell()
    await office.send()
    # Both are due and about no case: they are sent side by side.
    assert sorted(one.type for one in office.crm.taken) == ["makegood.test", "store.uninstalled"]
    await http.post(f"{EVENTS}/replay", json={"since": begun.isoformat(), "failed_only": True})
    await run_until_idle(office.runtime)
    assert (len(office.crm.taken), len(office.erp.taken)) == (3, 2)


async def test_what_cannot_be_sent_again_is_refused(office: Office, http: AsyncClient) -> None:
    await office.tell()
    (told,) = await listed(http)
    now = office.clock.now()
    wrong: list[tuple[str, dict[str, Any], int, str]] = [
        (f"{EVENTS}/{uuid4()}/replay", {}, 404, "not_found"),
        (f"{EVENTS}/{told['id']}/replay", {"receiver": "nobody"}, 404, "unknown_receiver"),
        (f"{EVENTS}/receivers/nobody/test", {}, 404, "unknown_receiver"),
        (f"{EVENTS}/replay", {"since": (now + timedelta(days=1)).isoformat()}, 422, "stretch_refused"),
        (f"{EVENTS}/replay", {"since": (now - timedelta(days=32)).isoformat()}, 422, "stretch_refused"),
        (f"{EVENTS}/replay", {"since": (now - timedelta(days=1)).isoformat(), "types": ["x"]}, 422, "invalid_request"),
    ]
    for path, body, status, code in wrong:
        answer = await http.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
        assert (await http.post(path, json=body, headers=VIEWER)).status_code == 403
    office.runtime.settings.events.clear()
    answer = await http.post(f"{EVENTS}/{told['id']}/replay")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_receiver")


async def test_receivers_are_shown_without_what_is_secret(office: Office, http: AsyncClient) -> None:
    office.crm.faults.stand("POST", DOWN)
    for _ in range(3):
        await office.tell()
    await office.send()
    answer = await http.get(f"{EVENTS}/receivers", headers=VIEWER)
    crm, erp = answer.json()["items"]
    assert (crm["key"], crm["state"], crm["failures"], crm["last_error"], crm["waiting"]) == (
        "crm", "failing", 3, "HTTP 503", 3,
    )  # fmt: skip
    assert crm["failing_since"]
    assert crm["oldest_waiting_at"]
    assert (erp["state"], erp["waiting"], erp["last_error"]) == ("ok", 0, None)
    assert "the-token-of-the-crm" not in answer.text
    assert SECRET not in answer.text
    (page,) = (await http.get(f"{EVENTS}/receivers?limit=1&cursor=crm")).json()["items"]
    assert page["key"] == "erp"


async def test_the_doctor_is_told_of_a_receiver_that_needs_a_person(office: Office) -> None:
    async def found() -> list[tuple[str, bool, bool]]:
        async with office.runtime.work() as work:
            return [(one.subject, one.ok, bool(one.mend)) for one in await health.check(work)]

    assert await found() == [("events to crm", True, True), ("events to erp", True, True)]
    office.crm.faults.stand("POST", DOWN)
    for _ in range(3):
        await office.tell()
    await office.send()
    assert await found() == [("events to crm", True, True), ("events to erp", True, False)]
    await office.later(hours=2)
    assert await found() == [("events to crm", False, True), ("events to erp", True, False)]
    office.crm.faults.clear()
    await office.later(days=1)
    assert await found() == [("events to crm", True, False), ("events to erp", True, False)]
    office.crm.faults.stand("POST", Fault(FaultKind.STATUS_BEFORE, 410))
    await office.tell()
    await office.send()
    assert await found() == [("events to crm", False, True), ("events to erp", True, False)]


async def test_a_receiver_hears_of_its_stores_only(office: Office, receivers: tuple[str, Any, Any]) -> None:
    office.runtime.settings.events["crm"] = with_events(receivers[0], stores=["beta"]).events["crm"]
    await office.tell("alpha")
    await office.tell("beta")
    await office.send()
    assert [one.body["data"]["store"]["key"] for one in office.crm.taken] == ["beta"]
    assert len(office.erp.taken) == 2


async def test_every_list_and_every_look_for_due_events_probes_an_index(office: Office, http: AsyncClient) -> None:
    first, _ = await two_cases(http, office.runtime)
    async with office.runtime.work() as work:
        await work.session.execute(
            text(
                "INSERT INTO outbound_events (id, type, store, case_id, data, created_at) "
                "SELECT gen_random_uuid(), (ARRAY['case.created', 'case.state_changed'])[1 + n % 2], 'alpha', "
                "(SELECT id FROM cases ORDER BY id OFFSET n % 2 LIMIT 1), '{}', now() - n * interval '1 s' "
                "FROM generate_series(1, 20000) AS n"
            )
        )
        await work.session.execute(
            text(
                "INSERT INTO outbound_sendings (event_id, receiver, seq, case_id, status, queued_at, next_try_at, "
                "created_at) SELECT id, 'crm', seq, NULL, CASE WHEN seq % 50 = 0 THEN 'pending' WHEN seq % 51 = 0 "
                "THEN 'failed' ELSE 'delivered' END, created_at, now() + interval '1 h', created_at "
                "FROM outbound_events ON CONFLICT DO NOTHING"
            )
        )
        await work.session.execute(text("ANALYZE outbound_events, outbound_sendings, outbound_attempts"))
    asked: list[tuple[str, Any]] = []
    engine = office.runtime.database.engine.sync_engine

    def heard(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "outbound_" in statement and statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", heard)
    since = office.clock.now().isoformat()
    for params in (
        {}, {"type": "case.created"}, {"case": first["id"]}, {"since": since}, {"status": "failed"},
        {"status": "pending", "receiver": "crm"}, {"receiver": "crm"}, {"status": "delivered", "receiver": "crm"},
    ):  # fmt: skip
        items = await listed(http, limit=5, **params)
        if items:
            await http.get(f"{EVENTS}/{items[0]['id']}")
    await http.get(f"{EVENTS}/receivers")
    await office.send()
    await sweep(office.runtime)
    event.remove(engine, "before_cursor_execute", heard)
    assert len(asked) > 20
    async with office.runtime.work() as work:
        connection = await work.session.connection()
        for statement, parameters in asked:
            rows = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            plan = "\n".join(row[0] for row in rows)
            assert "Seq Scan on outbound_events" not in plan, f"{statement}\n{plan}"
            assert "Seq Scan on outbound_sendings" not in plan, f"{statement}\n{plan}"


async def test_the_document_describes_every_event(http: AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    assert list(document["webhooks"]) == [str(one) for one in DATA]
    named = json.dumps(document["webhooks"])
    for model in DATA.values():
        assert f"#/components/schemas/{model.__name__}" in named
        assert document["components"]["schemas"][model.__name__]["description"] == (model.__doc__ or "").strip()
