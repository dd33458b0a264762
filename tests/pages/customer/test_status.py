"""The status page of a request: where cases stand, and what their customer may do with them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import select

from app import links
from app.cases.models import Case, CaseEventRow, Evidence
from app.links import LinkPurpose
from app.runtime import Runtime
from tests.api.kit import LAMP, act, case_in, keep, lamp, order_of, submit, verdict
from tests.pages.customer.kit import Browser
from tests.pages.customer.pictures import jpeg


def link_of(runtime: Runtime, request_id: str, store: str = "alpha", days: float = 400) -> str:
    """The path of a request's status page."""
    token = links.sign(runtime.settings, LinkPurpose.REQUEST, request_id, runtime.clock.now(), days=days)
    return f"/returns/{store}/r/{token}"


async def events(runtime: Runtime, case: dict[str, Any]) -> list[tuple[str, str]]:
    """Type and actor of everything that happened to the case."""
    async with runtime.work() as work:
        rows = await work.session.scalars(
            select(CaseEventRow).where(CaseEventRow.case_id == UUID(case["id"])).order_by(CaseEventRow.seq)
        )
        return [(row.type, row.actor) for row in rows]


async def state(runtime: Runtime, case: dict[str, Any]) -> str:
    """The case's state."""
    async with runtime.work() as work:
        return (await work.session.get_one(Case, UUID(case["id"]))).state


STATES = [
    "evidence_needed", "under_review", "awaiting_shipment", "in_transit", "inspecting", "claiming", "contested",
    "resolving", "cancelled", "rejected",
]  # fmt: skip
FORMS = {
    "evidence_needed": {"cancel"},
    "under_review": {"cancel"},
    "awaiting_shipment": {"cancel", "tracking"},
    "in_transit": {"tracking"},
    "contested": {"cancel", "tracking"},
    "claiming": {"cancel"},
    "rejected": {"appeal"},
}
LINKS = {"evidence_needed": {"change", "evidence"}, "under_review": {"change", "evidence"}}


@pytest.mark.parametrize("where", STATES)
async def test_each_state_says_where_it_stands_and_offers_what_it_allows(
    client: AsyncClient, runtime: Runtime, customer: Browser, where: str
) -> None:
    case = await case_in(client, runtime, where)
    await customer.open(link_of(runtime, case["request_id"]))
    assert customer.last.status_code == 200
    assert customer.data("state") == [where]
    actions = {one.attributes["action"].rsplit("/", 1)[-1] for one in customer.page.all("form")}
    assert actions == FORMS.get(where, set())
    shown = {one.attributes["href"].rsplit("/", 1)[-1] for one in customer.page.all("a", "href")}
    wanted = LINKS.get(where, {"evidence"} if where not in ("resolving", "cancelled", "rejected") else set())
    assert shown & {"change", "evidence"} == wanted


async def test_the_customer_enters_the_parcel(client: AsyncClient, runtime: Runtime, customer: Browser) -> None:
    case = await case_in(client, runtime, "awaiting_shipment")
    await customer.open(link_of(runtime, case["request_id"]))
    await customer.send("/tracking", {f"number-{case['reference']}": "  "})
    assert (customer.last.status_code, customer.wrong) == (422, [f"number-{case['reference']}"])
    await customer.send(
        "/tracking", {f"number-{case['reference']}": "JD 0146-1", f"carrier-{case['reference']}": "DHL"}
    )
    assert customer.data("done") == ["tracking"]
    assert customer.data("state") == ["in_transit"]
    assert (await events(runtime, case))[-1] == ("tracking_added", "customer")
    async with runtime.work() as work:
        (parcel,) = (await work.session.get_one(Case, UUID(case["id"]))).tracking
    assert parcel == {"tracking_number": "JD 0146-1", "carrier": "DHL"}


async def test_the_guide_has_number_address_and_a_code(
    client: AsyncClient, runtime: Runtime, customer: Browser
) -> None:
    case = await case_in(client, runtime, "awaiting_shipment")
    await act(client, case, "record-rma", rma_number="RMA-7", return_address={"line1": "1 Dock Road", "country": "NL"})
    base = link_of(runtime, case["request_id"])
    await customer.open(f"{base}/guide/{case['reference']}")
    assert customer.data("rma") == ["RMA-7"]
    assert "1 Dock Road" in customer.page.all("address")[0].text()
    assert len(customer.page.all("svg")) == 1
    await client.post(f"/api/v1/cases/{case['id']}/cancel", json={})
    assert (await customer.open(f"{base}/guide/{case['reference']}")) is not None
    assert customer.last.status_code == 404


async def test_a_case_is_cancelled_once(client: AsyncClient, runtime: Runtime, customer: Browser) -> None:
    case = await case_in(client, runtime, "awaiting_shipment")
    base = link_of(runtime, case["request_id"])
    await customer.open(base)
    form = customer.form("/cancel")
    await customer.send("/cancel")
    assert customer.data("done") == ["cancel"]
    assert await state(runtime, case) == "cancelled"
    await customer.post(f"{base}/{case['reference']}/cancel", form)
    assert customer.last.status_code == 409
    assert [kind for kind, _ in await events(runtime, case)].count("customer_cancelled") == 1


async def test_a_refusal_is_looked_at_again_once_and_by_a_person(
    client: AsyncClient, runtime: Runtime, customer: Browser
) -> None:
    case = await case_in(client, runtime, "rejected")
    await customer.open(link_of(runtime, case["request_id"]))
    assert "too late" in customer.page.text()
    await customer.send("/appeal", {})
    assert customer.last.status_code == 422
    await customer.send("/appeal", {f"reason-{case['reference']}": "It was on time."})
    assert customer.data("state") == ["under_review"]
    assert (await events(runtime, case))[-1] == ("reopened", "customer")
    await act(client, case, "reject", reason="no", override=True)
    await customer.open(link_of(runtime, case["request_id"]))
    assert not customer.page.all("form")


async def test_a_request_is_corrected_until_it_is_decided(
    client: AsyncClient, runtime: Runtime, customer: Browser
) -> None:
    """Another quantity and reason: decided anew, by the policy, for what is asked now."""
    case = await case_in(client, runtime, "under_review")
    base = f"{link_of(runtime, case['request_id'])}/{case['reference']}/change"
    await customer.open(base)
    await customer.send("/change")
    assert customer.wrong == ["change"]
    await customer.send("/change", {f"units-{LAMP}": "3"})
    assert customer.wrong == [f"units-{LAMP}"]
    await customer.send("/change", {f"units-{LAMP}": "0"})
    assert customer.wrong == [f"units-{LAMP}"]
    await customer.send("/change", {f"units-{LAMP}": "1", f"reason-{LAMP}": "other"})
    assert customer.wrong == [f"note-{LAMP}"]
    await customer.send("/change", {f"units-{LAMP}": "1", f"reason-{LAMP}": "defective", f"note-{LAMP}": "dark"})
    assert customer.data("done") == ["change"]
    shown = (await client.get(f"/api/v1/cases/{case['id']}")).json()
    assert [(one["quantity"], one["reason"], one["note"]) for one in shown["lines"]] == [(1, "defective", "dark")]
    assert ("request_changed", "customer") in await events(runtime, case)
    assert shown["decision"]["lines"][0]["reason"] == "defective"


async def test_photos_and_answers_are_added(client: AsyncClient, runtime: Runtime, customer: Browser) -> None:
    case = await case_in(client, runtime, "evidence_needed")
    await customer.open(f"{link_of(runtime, case['request_id'])}/{case['reference']}/evidence")
    assert "a photo" in customer.page.text()
    await customer.send("/evidence")
    assert (customer.last.status_code, customer.wrong) == (422, ["photos"])
    await customer.send("/evidence", files=[("photos", ("x.jpg", b"<script>alert(1)</script>", "image/jpeg"))])
    assert (customer.last.status_code, customer.wrong) == (422, ["photos"])
    await customer.send(
        "/evidence", {"answer-more": "see there"}, files=[("photos", ('"><script>.jpg', jpeg(), "image/jpeg"))]
    )
    assert customer.data("done") == ["evidence"]
    async with runtime.work() as work:
        rows = (await work.session.scalars(select(Evidence))).all()
    assert sorted((row.kind, row.added_by, row.text) for row in rows) == [
        ("answer", "customer", "see there"), ("photo", "customer", None),
    ]  # fmt: skip
    await customer.open(f"{link_of(runtime, case['request_id'])}/{case['reference']}/evidence")
    assert len(customer.page.all("img")) == 1


async def test_two_suppliers_are_two_parts_that_go_their_own_ways(
    client: AsyncClient, runtime: Runtime, customer: Browser
) -> None:
    await keep(runtime, order_of())
    told = await submit(client, lamp(1), {"sku": "BH-MUG", "quantity": 1, "reason": "changed_mind"})
    first = told["cases"][0]
    await act(client, first, "record-rma", rma_number="RMA-1")
    await act(client, first, "record-verdict", **verdict(1))
    await customer.open(link_of(runtime, told["id"]))
    assert len(customer.data("case")) == 2
    assert sorted(customer.data("state")) == ["authorizing", "resolving"]


async def test_a_link_shows_its_own_request_at_its_own_store_in_its_own_time(
    client: AsyncClient, runtime: Runtime, customer: Browser
) -> None:
    """Forged, foreign and old links show nothing, and another request's case cannot be reached through one's own."""
    case = await case_in(client, runtime, "awaiting_shipment", 1)
    await keep(runtime, order_of("77", "#77"))
    other = (await submit(client, lamp(), order="77"))["cases"][0]
    mine = link_of(runtime, case["request_id"])
    await customer.open(mine)
    form = customer.form("/tracking")
    assert customer.data("case") == [case["reference"]]
    for path in (f"{mine}/guide/{other['reference']}", f"{mine}/{other['reference']}/evidence"):
        await customer.open(path)
        assert customer.last.status_code == 404
    told = {"csrf": form["csrf"], f"number-{other['reference']}": "TRACK-1"}
    await customer.post(f"{mine}/{other['reference']}/tracking", told)
    assert customer.last.status_code == 404
    token = mine.rpartition("/")[2]
    forged = [token[:-2] + "AA", token.swapcase(), "x", token + "A", token.partition(".")[0]]
    session = links.sign(runtime.settings, LinkPurpose.SESSION, case["request_id"], runtime.clock.now(), days=1)
    for wrong in (*forged, session):
        await customer.open(f"/returns/alpha/r/{wrong}")
        assert customer.last.status_code == 404, wrong
    await customer.open(link_of(runtime, case["request_id"], store="beta"))
    assert customer.last.status_code == 404
    await customer.open(link_of(runtime, case["request_id"], days=-1))
    assert customer.last.status_code == 410
    assert await state(runtime, other) == "authorizing"


async def test_links_that_machines_open_and_forms_of_others_change_nothing(
    client: AsyncClient, runtime: Runtime, customer: Browser
) -> None:
    case = await case_in(client, runtime, "awaiting_shipment")
    base = link_of(runtime, case["request_id"])
    before = await events(runtime, case)
    for path in ("", "/receipt", f"/guide/{case['reference']}", f"/{case['reference']}/evidence"):
        await customer.open(base + path)
        assert customer.last.status_code == 200
        assert customer.last.headers["cache-control"] == "no-store"
        assert customer.last.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in customer.last.headers["x-robots-tag"]
    for deed in ("cancel", "tracking", "appeal", "change", "evidence"):
        answer = await customer.http.get(f"{base}/{case['reference']}/{deed}")
        assert answer.status_code in (200, 405, 409)
        await customer.post(f"{base}/{case['reference']}/{deed}", {f"number-{case['reference']}": "TRACK-1"})
        assert customer.last.status_code == 403
    assert await events(runtime, case) == before


async def test_what_a_state_does_not_allow_is_refused_also_by_hand(
    client: AsyncClient, runtime: Runtime, customer: Browser
) -> None:
    case = await case_in(client, runtime, "resolving")
    base = link_of(runtime, case["request_id"])
    await customer.open("/returns/alpha")
    token = customer.form("/returns/alpha")["csrf"]
    before = await events(runtime, case)
    for deed in ("cancel", "tracking", "appeal", "change", "evidence"):
        values = {"csrf": token, f"number-{case['reference']}": "TRACK-1", f"reason-{case['reference']}": "please"}
        await customer.post(f"{base}/{case['reference']}/{deed}", values)
        assert customer.last.status_code == 409, deed
    assert await events(runtime, case) == before


async def test_too_many_deeds_with_one_request_end(
    client: AsyncClient, runtime: Runtime, customer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pages.customer.deeds._DEEDS", 2)
    case = await case_in(client, runtime, "awaiting_shipment")
    await customer.open(link_of(runtime, case["request_id"]))
    form = {**customer.form("/tracking"), f"number-{case['reference']}": "TRACK-1"}
    path = f"{customer.path}/{case['reference']}/tracking"
    seen = []
    for _ in range(3):
        await customer.post(path, form)
        seen.append(customer.last.status_code)
    assert seen == [200, 200, 429]
