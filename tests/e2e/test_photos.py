"""Photos on their way from a customer's phone to the supplier."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from app.evidence.pictures import clean
from app.sandbox.faults import Fault, FaultKind
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_stories import lamp, shopify_order
from tests.evidence.pictures import file_of, scene

ODD = [{"sku": "LAMP-01", "quantity": 1, "reason": "other", "note": "It looks odd"}]


async def show(stage: Stage, case: dict[str, Any], seed: int) -> None:
    files = {"photos": ("a.heic", file_of(scene(seed), "HEIF"), "image/heic")}
    answer = await stage.http.post(f"/api/v1/cases/{case['id']}/evidence", files=files)
    assert answer.status_code == 201, answer.text


def openings(stage: Stage) -> list[dict[str, Any]]:
    """The bodies with which the supplier was asked."""
    calls = stage.world.suppliers["acme"].calls
    return [json.loads(call.body) for call in calls if call.method == "POST" and call.path.endswith("/returns")]


async def test_the_supplier_sees_what_the_customer_showed(stage: Stage) -> None:
    """By links that work for whoever has them, and by a call that says the same to the letter on every try."""
    order_id, _ = await shopify_order(stage, [lamp(1)])
    acme = stage.world.suppliers["acme"]
    acme.faults.add("POST /returns", Fault(FaultKind.DROP_AFTER))
    # So late that a person decides.
    stage.clock.move(timedelta(days=90))
    (case,) = await stage.ask(SHOP, order_id, ODD)
    assert case["state"] == "under_review"
    await show(stage, case, 1)
    case = await stage.act(case, "approve", route="return")
    await show(stage, case, 2)
    await stage.later(minutes=5)
    bodies = openings(stage)
    assert len(bodies) >= 2
    assert all(body == bodies[0] for body in bodies)
    (link,) = bodies[0]["lines"][0]["evidence"]
    seen = await stage.http.get(link, headers={"Authorization": ""})
    assert seen.status_code == 200
    assert clean(seen.content).width == 800
    assert (await stage.case(case["id"]))["state"] == "awaiting_shipment"
