"""Every action: where it is allowed, what it does, and how it is refused."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from httpx import AsyncClient

from app.cases import service as cases
from app.cases.refunding import lock_both
from app.cases.vocabulary import Event
from app.runtime import Runtime
from tests.api.kit import LAMP, MUG, V1, Json, act, case_in, keep, lamp, order_of, submit, verdict

ADDRESS = {"name": "Acme Returns", "line1": "1 Dock Road", "city": "Rotterdam", "country": "NL"}


@pytest.mark.parametrize(
    ("state", "action", "body", "after"),
    [
        ("under_review", "approve", {}, "authorizing"),
        ("under_review", "approve", {"route": "claim"}, "claiming"),
        ("under_review", "approve", {"route": "returnless", "reason": "cheap"}, "resolving"),
        ("under_review", "approve", {"route": "local"}, "awaiting_shipment"),
        ("evidence_needed", "approve", {"lines": [{"line_id": LAMP, "quantity": 1}]}, "authorizing"),
        ("under_review", "reject", {"reason": "too late"}, "rejected"),
        ("contested", "reject", {"reason": "the supplier is right", "override": True}, "rejected"),
        ("under_review", "request-evidence", {"items": ["a photo of the label"]}, "evidence_needed"),
        ("authorizing", "record-rma", {"rma_number": "R-1", "return_address": ADDRESS}, "awaiting_shipment"),
        ("awaiting_shipment", "record-rma", {"rma_number": "R-2"}, "awaiting_shipment"),
        ("awaiting_shipment", "record-tracking", {"tracking_number": "T"}, "in_transit"),
        ("in_transit", "record-receipt", {}, "inspecting"),
        ("inspecting", "record-verdict", verdict(2), "resolving"),
        ("inspecting", "record-verdict", verdict(1), "contested"),
        ("inspecting", "record-verdict", verdict(0), "contested"),
        ("claiming", "record-verdict", verdict(2), "resolving"),
        ("contested", "absorb", {"reason": "goodwill"}, "resolving"),
        ("contested", "appeal", {"note": "with photos"}, "claiming"),
        ("authorizing", "cancel", {}, "cancelled"),
        ("rejected", "reopen", {"reason": "new photos"}, "under_review"),
        ("authorizing", "hold", {"kind": "fraud", "reason": "odd"}, "authorizing"),
        ("resolving", "note", {"text": "patience"}, "resolving"),
    ],
)
async def test_an_action_moves_the_case(
    client: AsyncClient, runtime: Runtime, state: str, action: str, body: Json, after: str
) -> None:
    """It was offered, it answers the case as it is then, and the trail says who did it."""
    case = await case_in(client, runtime, state)
    assert action in case["allowed_actions"]
    told = await act(client, case, action, **body)
    assert told["state"] == after
    trail = (await client.get(f"{V1}/cases/{case['id']}/events")).json()["items"]
    mine = [one for one in trail if one["actor"] == "operator:ops"][-1]
    for name in ("reason", "note", "text"):
        if name in body:
            assert mine["data"][name] == body[name]


@pytest.mark.parametrize(("units", "told"), [(1, ["problem:right_left_out"]), (2, [])])
async def test_an_approval_that_leaves_a_right_out_asks_for_attention(
    client: AsyncClient, runtime: Runtime, units: int, told: list[str]
) -> None:
    """The customer asked for two in time: one of them is as good as refused."""
    await keep(runtime, order_of())
    (case,) = (await submit(client, lamp(2), remedy="store_credit"))["cases"]
    assert (case["state"], case["legal"]["alive"]) == ("under_review", True)
    case = await act(client, case, "approve", remedy="refund", lines=[{"line_id": LAMP, "quantity": units}])
    assert [why for why in case["attention"] if why.startswith("problem")] == told


@pytest.mark.parametrize(
    ("state", "action", "body"),
    [
        ("authorizing", "approve", {}),
        ("authorizing", "reject", {"reason": "no"}),
        ("authorizing", "request-evidence", {"items": ["a photo"]}),
        ("under_review", "record-rma", {"rma_number": "R-1"}),
        ("authorizing", "record-tracking", {"tracking_number": "T"}),
        ("under_review", "record-receipt", {}),
        ("under_review", "record-verdict", {"lines": [{"line_id": LAMP, "accepted_quantity": 0}]}),
        ("authorizing", "absorb", {}),
        ("authorizing", "appeal", {}),
        ("resolving", "cancel", {}),
        ("authorizing", "reopen", {"reason": "again"}),
        ("authorizing", "lift-hold", {}),
        ("in_transit", "cancel", {}),
    ],
)
async def test_an_action_that_the_state_does_not_allow(
    client: AsyncClient, runtime: Runtime, state: str, action: str, body: Json
) -> None:
    """409 that lists what is allowed, and nothing changes."""
    case = await case_in(client, runtime, state)
    assert action not in case["allowed_actions"]
    answer = await client.post(f"{V1}/cases/{case['reference']}/{action}", json=body)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["code"] in ("transition_not_allowed", "condition_not_met")
    assert told["allowed_actions"] == case["allowed_actions"]
    assert {"hold", "note"} <= set(told["allowed_actions"])
    assert (await client.get(f"{V1}/cases/{case['id']}")).json() == case


@pytest.mark.parametrize(
    ("state", "action", "body", "code"),
    [
        ("under_review", "approve", {"remedy": "exchange", "agreed": True}, "variant_missing"),
        ("under_review", "approve", {"lines": [{"line_id": "9", "quantity": 1}]}, "unknown_line"),
        ("under_review", "approve", {"lines": [{"line_id": LAMP, "quantity": 3}]}, "quantity_too_large"),
        ("under_review", "approve", {"lines": [{"line_id": LAMP, "quantity": 1}] * 2}, "duplicate_line"),
        ("under_review", "approve", {"lines": []}, "invalid_request"),
        ("under_review", "approve", {"route": "by_air"}, "invalid_request"),
        ("under_review", "approve", {"surprise": 1}, "invalid_request"),
        ("under_review", "reject", {}, "invalid_request"),
        ("under_review", "reject", {"reason": "  "}, "invalid_request"),
        ("under_review", "reject", {"reason": "no", "override": "yes"}, "invalid_request"),
        ("under_review", "request-evidence", {"items": []}, "invalid_request"),
        ("authorizing", "record-rma", {}, "invalid_request"),
        ("authorizing", "record-rma", {"rma_number": "R", "return_address": {"street": "1"}}, "invalid_request"),
        ("awaiting_shipment", "record-tracking", {"tracking_number": "a\x00b"}, "invalid_request"),
        ("awaiting_shipment", "record-tracking", {"tracking_number": "T", "tracking_url": "javascript:1"},
         "invalid_request"),
        ("awaiting_shipment", "record-tracking", {"tracking_number": "T", "shipped_at": "2026-13-01"},
         "invalid_request"),
        ("in_transit", "record-receipt", {"lines": [{"line_id": LAMP, "quantity": 3}]}, "quantity_too_large"),
        ("in_transit", "record-receipt", {"lines": [{"line_id": MUG, "quantity": 1}]}, "unknown_line"),
        ("inspecting", "record-verdict", {}, "invalid_request"),
        ("inspecting", "record-verdict", verdict(3), "quantity_too_large"),
        ("inspecting", "record-verdict", verdict(-1), "invalid_request"),
        ("inspecting", "record-verdict", verdict(2, credit={"amount": 9.8, "currency": "USD"}), "invalid_request"),
        ("inspecting", "record-verdict", verdict(2, credit={"amount": "9.805", "currency": "USD"}), "bad_amount"),
        ("inspecting", "record-verdict", verdict(0, credit={"amount": "9.80", "currency": "USD"}),
         "credit_without_acceptance"),
        ("authorizing", "hold", {"kind": "chargeback", "reason": "no"}, "invalid_request"),
        ("authorizing", "hold", {"kind": "fraud"}, "invalid_request"),
        ("rejected", "reopen", {}, "invalid_request"),
        ("authorizing", "note", {}, "invalid_request"),
    ],
)  # fmt: skip
async def test_bodies_that_make_no_sense(
    client: AsyncClient, runtime: Runtime, state: str, action: str, body: Json, code: str
) -> None:
    """422 with a code, and nothing changes."""
    case = await case_in(client, runtime, state)
    answer = await client.post(f"{V1}/cases/{case['id']}/{action}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await client.get(f"{V1}/cases/{case['id']}")).json() == case


@pytest.mark.parametrize("content", [b"", b"null", b"{}"])
async def test_a_body_may_be_empty_where_nothing_is_needed(
    client: AsyncClient, runtime: Runtime, content: bytes
) -> None:
    """No body, null and an empty object mean the same."""
    case = await case_in(client, runtime, "contested")
    headers = {"Content-Type": "application/json"} if content else {}
    answer = await client.post(f"{V1}/cases/{case['id']}/absorb", content=content, headers=headers)
    assert (answer.status_code, answer.json()["gate"]["ground"]) == (200, "operator")


async def test_another_remedy_can_be_overruled(client: AsyncClient, runtime: Runtime) -> None:
    """The customer wants a replacement that the policy does not offer: money is always lawful, and nothing that they
    have not agreed to is while they have a right to money.
    """
    await keep(runtime, order_of())
    case = (await submit(client, remedy="replacement"))["cases"][0]
    assert (case["state"], case["remedy"]) == ("under_review", "replacement")
    answer = await client.post(f"{V1}/cases/{case['id']}/approve", json={"remedy": "store_credit"})
    assert (answer.status_code, answer.json()["code"]) == (409, "remedy_needs_consent")
    assert (await act(client, case, "approve", remedy="refund"))["remedy"] == "refund"
    other = (await submit(client, lamp(), remedy="replacement"))["cases"][0]
    assert (await act(client, other, "approve"))["remedy"] == "replacement"
    third = await act(client, other, "change-remedy", remedy="keep_item", agreed=True)
    assert (third["remedy"], third["route"], third["state"]) == ("keep_item", "returnless", "resolving")


async def test_the_policys_route_is_the_default(client: AsyncClient, runtime: Runtime) -> None:
    """A lost parcel is a claim, also when a person approves it."""
    await keep(runtime, order_of(days_ago=90))
    case = (await submit(client, lamp(reason="lost")))["cases"][0]
    assert case["state"] == "under_review"
    assert (await act(client, case, "approve"))["route"] == "claim"


async def test_what_the_actions_leave_behind(client: AsyncClient, runtime: Runtime) -> None:
    """Numbers, addresses, parcels, counters, conditions and the promise of a credit are shown on the case."""
    case = await case_in(client, runtime, "authorizing")
    case = await act(client, case, "record-rma", rma_number="R-1", return_address=ADDRESS, instructions="Box it.")
    assert (case["rma_number"], case["return_address"], case["instructions"]) == ("R-1", ADDRESS, "Box it.")
    case = await act(client, case, "record-rma", rma_number="R-2", return_address="1 Dock Road, Rotterdam")
    assert (case["rma_number"], case["return_address"]) == ("R-2", {"line1": "1 Dock Road, Rotterdam"})
    repeat = {"rma_number": "R-2"}
    answer = await client.post(f"{V1}/cases/{case['id']}/record-rma", json=repeat)
    assert (answer.status_code, answer.json()["code"]) == (409, "condition_not_met")
    parcel = {"tracking_number": "T-1", "carrier": "DHL", "tracking_url": "https://t.example/1"}
    case = await act(client, case, "record-tracking", **parcel, shipped_at="2026-11-20T12:00:00+02:00")
    assert case["tracking"] == [{**parcel, "shipped_at": "2026-11-20T10:00:00Z"}]
    received = [{"line_id": LAMP, "quantity": 1, "condition": "opened"}]
    case = await act(client, case, "record-receipt", lines=received, received_at="2026-11-22T10:00:00Z")
    assert (case["lines"][0]["received"], case["lines"][0]["condition"]) == (1, "opened")
    case = await act(client, case, "record-verdict", **verdict(1))
    assert (case["lines"][0]["accepted"], case["lines"][0]["condition"]) == (1, "used")
    assert case["credit"]["amount"] is None
    case = await act(client, case, "absorb")
    credit = {"amount": "7.00", "currency": "USD"}
    case = await act(client, case, "record-verdict", **verdict(1, credit=credit))
    assert (case["state"], case["credit"]["amount"]) == ("resolving", credit)
    answer = await client.post(f"{V1}/cases/{case['id']}/record-verdict", json=verdict(1, credit=credit))
    assert answer.status_code == 409


async def test_holds(client: AsyncClient, runtime: Runtime) -> None:
    """Set, shown, in the way of an approval, lifted one by one or together."""
    case = await case_in(client, runtime, "under_review")
    case = await act(client, case, "hold", kind="merchant", reason="wait")
    case = await act(client, case, "hold", kind="data", reason="no address")
    assert case["holds"] == ["data", "merchant"]
    assert case["needs_attention"]
    assert "approve" not in case["allowed_actions"]
    assert "lift-hold" in case["allowed_actions"]
    answer = await client.post(f"{V1}/cases/{case['id']}/approve")
    assert (answer.status_code, answer.json()["allowed_actions"]) == (409, case["allowed_actions"])
    answer = await client.post(f"{V1}/cases/{case['id']}/lift-hold", json={"kind": "fraud"})
    assert (answer.status_code, answer.json()["code"]) == (409, "condition_not_met")
    assert (await act(client, case, "lift-hold", kind="data"))["holds"] == ["merchant"]
    case = await act(client, case, "lift-hold")
    assert case["holds"] == []
    assert (await act(client, case, "approve"))["state"] == "authorizing"


async def test_a_chargebacks_hold_must_be_named(client: AsyncClient, runtime: Runtime) -> None:
    """While the bank may be paying, money is not let go by a word that meant another hold."""
    case = await case_in(client, runtime, "resolving")
    async with runtime.work() as work:
        _, locked = await lock_both(work, UUID(case["id"]))
        await cases.record(work, locked, Event.CHARGEBACK_OPENED, {}, "store:alpha")
    await act(client, case, "hold", kind="merchant", reason="wait")
    assert (await act(client, case, "lift-hold"))["holds"] == ["chargeback"]
    answer = await client.post(f"{V1}/cases/{case['id']}/lift-hold")
    assert answer.status_code == 409
    assert (await act(client, case, "lift-hold", kind="chargeback"))["holds"] == []


async def test_an_action_with_a_key_is_done_once(client: AsyncClient, runtime: Runtime) -> None:
    """Two at once, and once more later, make one event and get one answer."""
    case = await case_in(client, runtime, "authorizing")
    headers = {"Idempotency-Key": "hold-1"}
    body = {"kind": "fraud", "reason": "odd"}
    path = f"{V1}/cases/{case['id']}/hold"
    answers = await asyncio.gather(*(client.post(path, json=body, headers=headers) for _ in range(2)))
    answers.append(await client.post(path, json=body, headers=headers))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    trail = (await client.get(f"{V1}/cases/{case['id']}/events")).json()["items"]
    assert [one["type"] for one in trail].count("hold_set") == 1


async def test_two_people_at_once(client: AsyncClient, runtime: Runtime) -> None:
    """One is heard, the other is told that the case has moved on."""
    case = await case_in(client, runtime, "under_review")
    approve = client.post(f"{V1}/cases/{case['id']}/approve")
    reject = client.post(f"{V1}/cases/{case['id']}/reject", json={"reason": "no"})
    assert sorted(answer.status_code for answer in await asyncio.gather(approve, reject)) == [200, 409]
