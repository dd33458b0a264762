"""What must never happen on a supplier's page: a look that changes something, a form sent by others or taken twice,
somebody else's case, a customer's data, a script that runs."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from app.links import LinkPurpose, sign
from app.suppliers import links
from app.suppliers.links import Reach
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_stories import lamp, shopify_order
from tests.pages.supplier.kit import Supplier, link_of, path_to
from tests.suppliers.kit import lamp_case

SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e'
ADDRESS = {"line1": "1 Market Street", "city": "Leeds", "country": "GB"}


async def trail(stage: Stage, case: dict[str, Any]) -> list[str]:
    rows = await stage.get(f"/cases/{case['id']}/events", limit=200)
    return [row["type"] for row in rows["items"]]


def picture(colour: str = "red") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(written, "PNG")
    return written.getvalue()


async def test_looking_changes_nothing_whoever_looks(stage: Stage) -> None:
    case = await lamp_case(stage)
    path = await link_of(stage, case)
    before = (await trail(stage, case), await stage.case(case["id"]))
    async with Supplier(stage, path) as scanner:
        for query in ("", "?done=authorise", "?do=authorise&line1=x&city=x&country=x&once=0123456789abcdef"):
            await scanner.open(path=path + query)
        assert (await scanner.http.head(path)).status_code == 405
        await scanner.http.options(path)
    assert (await trail(stage, case), await stage.case(case["id"])) == before


async def test_only_whole_fresh_links_for_suppliers_work(stage: Stage) -> None:
    case = await lamp_case(stage)
    path = await link_of(stage, case)
    settings, now = stage.runtime.settings, stage.clock.now()
    subject = f"case:{UUID(case['id']).hex}:0"
    old = sign(settings, LinkPurpose.SUPPLIER, subject, now - timedelta(days=91), days=90)
    foreign = sign(settings, LinkPurpose.REQUEST, subject, now, days=90)
    serial = sign(settings, LinkPurpose.SUPPLIER, f"case:{UUID(case['id']).hex}:1", now, days=90)
    nobody = sign(settings, LinkPurpose.SUPPLIER, "supplier:nobody:0", now, days=90)
    async with Supplier(stage, path) as supplier:
        await supplier.open()
        form = {**supplier.hidden("authorise"), **ADDRESS}
        for token, status in [
            (path.rpartition("/")[2][:-2], 404), (path.rpartition("/")[2] + "AA", 404), ("x", 404), ("a.b", 404),
            (foreign, 404), (serial, 404), (nobody, 404), (old, 410),
        ]:  # fmt: skip
            supplier.path = f"/supplier/{token}"
            await supplier.open(status)
            await supplier.post(form, status)
            assert case["reference"] not in supplier.answer.text
    assert "supplier_authorized" not in await trail(stage, case)


async def test_a_link_is_over_after_ninety_days_and_when_it_is_revoked(stage: Stage) -> None:
    case = await lamp_case(stage)
    path = await link_of(stage, case)
    async with Supplier(stage, path) as supplier:
        await supplier.open()
        form = supplier.hidden("refuse")
        async with stage.runtime.work() as work:
            await links.revoke(work, Reach(case_id=UUID(case["id"])))
        await supplier.open(404)
        await supplier.post({**form, "refuse_reason": "no"}, 404)
        async with stage.runtime.work() as work:
            await links.renew(work, Reach(case_id=UUID(case["id"])))
        supplier.path = await link_of(stage, case)
        await supplier.open()
        stage.clock.move(timedelta(days=91))
        await supplier.open(410)
    assert "supplier_refused" not in await trail(stage, case)


async def test_a_link_to_one_case_leads_to_no_other_and_one_to_all_to_ones_own(stage: Stage) -> None:
    mine, other = await lamp_case(stage), await lamp_case(stage)
    order_id, _ = await shopify_order(stage, [lamp(vendor="Mute")])
    (foreign,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    assert foreign["supplier"] == "mute"
    path = await link_of(stage, mine)
    async with Supplier(stage, path) as supplier:
        await supplier.open()
        assert other["reference"] not in supplier.answer.text
        for reference in (other["reference"], mine["reference"]):
            await supplier.open(404, f"{path}/{reference}")
        everything = await path_to(stage, Reach(supplier="byhand"))
        await supplier.open(path=everything)
        assert "2 cases are open." in supplier.text()
        assert {mine["reference"], other["reference"]} <= set(supplier.text().split())
        assert foreign["reference"] not in supplier.answer.text
        await supplier.open(404, f"{everything}/{foreign['reference']}")
        await supplier.open(404, f"{everything}/MG-22222222")
        supplier.path = f"{everything}/{other['reference'].lower()}"
        await supplier.open()
        await supplier.send("refuse", refuse_reason="Too late")
        assert "We have your refusal" in supplier.text()
    assert "supplier_refused" in await trail(stage, other)
    assert "supplier_refused" not in await trail(stage, mine)


async def test_a_form_that_others_send_is_refused(stage: Stage) -> None:
    case = await lamp_case(stage)
    path = await link_of(stage, case)
    async with Supplier(stage, path) as supplier, Supplier(stage, path) as other:
        await supplier.open()
        await other.open()
        form = {**supplier.hidden("refuse"), "refuse_reason": "no"}
        await other.post(form, 403)
        await supplier.post({**form, "csrf": ""}, 403)
        await supplier.post({name: told for name, told in form.items() if name != "csrf"}, 403)
        await supplier.post({**form, "once": "short"}, 422)
        await supplier.post({**form, "do": "approve"}, 422)
        supplier.http.cookies.clear()
        await supplier.post(form, 403)
    assert "supplier_refused" not in await trail(stage, case)


async def test_a_form_sent_again_is_taken_once(stage: Stage) -> None:
    case = await lamp_case(stage, "damaged_in_transit", units=2)
    async with Supplier(stage, await link_of(stage, case)) as supplier:
        await supplier.open()
        form = {**supplier.hidden("verdict"), "accepted_1": "1", "credit_amount": "9.80", "credit_currency": "USD"}
        for _ in range(3):
            await supplier.post(form)
            assert "Your verdict is recorded" in supplier.text()
        await supplier.post({**form, "accepted_1": "2"}, 409)
        await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], case["lines"][0]["accepted"]) == ("contested", 1)
    assert (await trail(stage, case)).count("supplier_confirmed") == 1
    assert len(stage.world.shop.money_calls) == 1


async def test_what_comes_too_late_is_kept_and_changes_nothing(stage: Stage) -> None:
    case = await lamp_case(stage, "damaged_in_transit")
    async with Supplier(stage, await link_of(stage, case)) as supplier:
        await supplier.open()
        form = {**supplier.hidden("verdict"), "accepted_1": "1"}
        await stage.act(case, "cancel")
        await supplier.post(form)
        assert "changed nothing" in supplier.text()
        assert supplier.forms() == ["note"]
    assert (await stage.case(case["id"]))["state"] == "cancelled"
    assert (await trail(stage, case))[-1] == "note_added"
    assert stage.world.shop.money_calls == []


async def test_nothing_of_the_customer_and_no_price_is_shown(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(vendor="By Hand", price="4321.09")], email="jane.roe@example.org")
    wish = {"sku": "LAMP-01", "quantity": 1, "reason": "defective", "note": "does not light"}
    (case,) = await stage.ask(SHOP, order_id, [wish])
    case = await stage.act(case, "approve") if case["state"] == "under_review" else case
    async with Supplier(stage, await link_of(stage, case)) as supplier:
        await supplier.open()
        page = supplier.answer.text
        assert "does not light" in page
        for private in ("jane.roe", "example.org", "4321", "4,321"):
            assert private not in page
        headers = supplier.answer.headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "noindex" in headers["x-robots-tag"]
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_scripts_in_every_field_stay_words(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(vendor="By Hand", title=SCRIPT)])
    wish = {"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind", "note": SCRIPT}
    (case,) = await stage.ask(SHOP, order_id, [wish])
    async with Supplier(stage, await link_of(stage, case)) as supplier:
        await supplier.open()
        named = "rma_number name line1 line2 city region postal_code country instructions"
        fields = dict.fromkeys(named.split(), SCRIPT)
        await supplier.post({**supplier.hidden("authorise"), **fields})
        _harmless(supplier)
        await stage.act(case, "record-tracking", tracking_number=SCRIPT[:60], carrier=SCRIPT)
        await supplier.open()
        _harmless(supplier)
        await supplier.send("receive", got_state_1=SCRIPT)
        await supplier.send("note", note=SCRIPT, files={"note_photos": (SCRIPT + ".png", picture(), "image/png")})
        _harmless(supplier)
        bad = {"accepted_1": SCRIPT, "credit_amount": SCRIPT, "credit_currency": SCRIPT, "credit_on": SCRIPT}
        await supplier.send("verdict", 422, finding_1=SCRIPT, **bad)
        _harmless(supplier)
        assert SCRIPT.split("\u202e")[0] in "".join(supplier.page.all("textarea")[0].words)
        await supplier.open(path=f"{supplier.path}?done={'%3Cscript%3E'}&lang=%3Cscript%3E")
        _harmless(supplier)


def _harmless(supplier: Supplier) -> None:
    """The only script is our own, and no attribute can run anything."""
    policy = supplier.answer.headers["content-security-policy"]
    assert "script-src 'sha256-" in policy
    assert len(supplier.page.all("script")) == 1
    assert "alert" not in supplier.page.all("script")[0].text()
    for one in supplier.page.everything():
        assert not [name for name in one.attributes if name.startswith("on")]


async def test_photos_are_added_and_disguised_files_are_not(stage: Stage) -> None:
    case = await lamp_case(stage, "damaged_in_transit", units=1)
    answer = await stage.http.post(
        f"/api/v1/cases/{case['id']}/evidence", files=[("photos", ("a.png", picture("blue"), "image/png"))]
    )
    assert answer.status_code == 201
    async with Supplier(stage, await link_of(stage, case)) as supplier:
        await supplier.open()
        [shown] = [one.attributes["src"] for one in supplier.page.all("img") if "photos/" in one.attributes["src"]]
        assert (await supplier.http.get(shown)).headers["content-type"] == "image/jpeg"
        files = [
            ("note_photos", ("page.png", b"<html><script>alert(1)</script>", "image/png")),
            ("note_photos", ("ok.png", picture(), "image/png")),
        ]
        await supplier.send("note", 422, files=files, note="See the photos")
        assert "not a photo that can be read" in supplier.text()
        assert len((await stage.get(f"/cases/{case['id']}/evidence"))["items"]) == 1
        await supplier.send("note", files=files[1:], note="See the photo")
        assert "A person here reads your note" in supplier.text()
    found = (await stage.get(f"/cases/{case['id']}/evidence"))["items"]
    assert {one["added_by"] for one in found} == {"operator:ops", "supplier:byhand"}
    case = await stage.case(case["id"])
    assert "problem:supplier_note" in case["attention"]
    assert any("read it in the events" in why for why in case["attention_why"])


async def test_a_machine_that_fills_in_forms_is_stopped(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.pages.supplier.endpoints._MOST_FORMS", 3)
    case = await lamp_case(stage)
    async with Supplier(stage, await link_of(stage, case)) as supplier:
        await supplier.open()
        form = supplier.hidden("refuse")
        for _ in range(3):
            await supplier.post(form, 422)
        await supplier.post({**form, "refuse_reason": "no"}, 429)
    assert "supplier_refused" not in await trail(stage, case)


async def test_a_supplier_that_is_no_more_has_no_page(stage: Stage) -> None:
    case = await lamp_case(stage)
    path, everything = await link_of(stage, case), await path_to(stage, Reach(supplier="byhand"))
    async with Supplier(stage, path) as supplier:
        for there in (path, everything):
            await supplier.open(200, there)
            assert case["reference"] in supplier.page.text()
        stage.runtime.settings.suppliers.pop("byhand")
        for gone in (path, everything):
            await supplier.open(404, gone)
            assert case["reference"] not in supplier.page.text()
