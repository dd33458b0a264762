"""The page of a supplier over HTTP: what it shows, what each form does to the case, and what it never does."""

from __future__ import annotations

from tests.e2e.stage import Stage
from tests.pages.supplier.kit import Supplier, link_of
from tests.suppliers.kit import lamp_case


async def test_from_the_link_to_the_credit(stage: Stage) -> None:
    case = await lamp_case(stage, "changed_mind", units=2)
    async with Supplier(stage, await link_of(stage, case)) as supplier:
        await supplier.open()
        assert supplier.forms() == ["authorise", "refuse", "note"]
        await supplier.send("authorise", rma_number="BH-77", line1="1 Market Street", instructions="No tape.")
        assert "The customer is told" in supplier.text()
        case = await stage.case(case["id"])
        assert (case["state"], case["rma_number"], case["instructions"]) == ("awaiting_shipment", "BH-77", "No tape.")
        assert case["return_address"]["line1"] == "1 Market Street"
        await stage.settle()
        assert (await stage.mails(case["id"]))[-1] == "rma_issued"
        assert supplier.forms() == ["receive", "authorise", "note"]
        await supplier.send("receive", got_1="2", got_state_1="used")
        assert supplier.forms() == ["verdict", "note"]
        assert (await stage.case(case["id"]))["state"] == "inspecting"
        await supplier.send("verdict", accepted_1="2", state_1="defective", finding_1="Switch", credit_amount="19,60",
                            credit_currency="usd", credit_reference="CN-1", credit_on="2030-03-05")  # fmt: skip
        await stage.settle()
        case = await stage.case(case["id"])
        assert case["state"] == "resolved"
        assert case["credit"]["amount"] == {"amount": "19.60", "currency": "USD"}
        assert (case["credit"]["reference"], case["credit"]["expected_at"][:10]) == ("CN-1", "2030-03-05")
        assert case["lines"][0]["condition"] == "defective"
        await supplier.open()
        assert supplier.forms() == ["paid", "note"]
        await supplier.send("paid")
        case = await stage.case(case["id"])
        assert (case["state"], case["credit"]["status"]) == ("closed", "paid")
        assert len(stage.world.shop.money_calls) == 1
        assert supplier.forms() == ["note"]
        assert await stage.events(case["id"]) == [
            "request_submitted", "approved", "supplier_authorized", "goods_received", "supplier_confirmed",
            "refund_succeeded", "remedy_done", "credit_settled",
        ]  # fmt: skip


async def test_a_claim_in_part_with_the_credit_told_later_and_paid_in_parts(stage: Stage) -> None:
    case = await lamp_case(stage, "damaged_in_transit", units=2)
    async with Supplier(stage, await link_of(stage, case)) as supplier:
        await supplier.open()
        assert supplier.forms() == ["verdict", "note"]
        await supplier.send("verdict", accepted_1="1", state_1="damaged")
        await stage.settle()
        case = await stage.case(case["id"])
        assert (case["state"], case["lines"][0]["refunded"], case["credit"]["amount"]) == ("contested", 1, None)
        await supplier.open()
        assert supplier.forms() == ["verdict", "pledge", "paid", "note"]
        assert "not told yet" in supplier.text()
        await supplier.send("pledge", pledge_amount="9.80", pledge_currency="USD")
        assert supplier.forms() == ["verdict", "paid", "note"]
        assert supplier.hidden("paid")["paid_amount"] == "9.80"
        await supplier.send("paid", paid_amount="4.00", paid_reference="CN-1")
        assert supplier.hidden("paid")["paid_amount"] == "5.80"
        assert "You paid a part of the credit." in supplier.text()
        case = await stage.case(case["id"])
        assert (case["credit"]["status"], case["credit"]["paid"]["amount"]) == ("short", "4.00")
        await supplier.send("paid", paid_reference="CN-2")
        case = await stage.case(case["id"])
        assert (case["state"], case["credit"]["status"]) == ("contested", "paid")
        assert supplier.forms() == ["verdict", "note"]
    assert len(stage.world.shop.money_calls) == 1


async def test_a_supplier_that_was_silent_answers_after_all(stage: Stage) -> None:
    case = await lamp_case(stage)
    path = await link_of(stage, case)
    await stage.later(days=6)
    assert (await stage.case(case["id"]))["state"] == "contested"
    async with Supplier(stage, path) as supplier:
        await supplier.open()
        assert supplier.forms() == ["authorise", "note"]
        await supplier.send("authorise")
        case = await stage.case(case["id"])
        assert (case["state"], case["rma_number"]) == ("awaiting_shipment", case["reference"])
        await supplier.send("authorise", rma_number="BH-9", line1="2 New Road")
        case = await stage.case(case["id"])
        assert (case["rma_number"], case["return_address"]["line1"]) == ("BH-9", "2 New Road")
        await stage.settle()
        assert (await stage.mails(case["id"])).count("rma_issued") == 2


async def test_a_promise_without_anything_accepted_is_no_verdict(stage: Stage) -> None:
    case = await lamp_case(stage, "damaged_in_transit")
    async with Supplier(stage, await link_of(stage, case)) as supplier:
        await supplier.open()
        hidden = {name: told for name, told in supplier.hidden("verdict").items() if name in ("csrf", "once")}
        await supplier.post({**hidden, "do": "pledge", "pledge_amount": "1", "pledge_currency": "USD"})
        assert "changed nothing" in supplier.text()
    assert (await stage.case(case["id"]))["state"] == "claiming"


async def test_a_case_that_nobody_has_decided_shows_nothing_to_do(stage: Stage) -> None:
    case = await lamp_case(stage, "damaged_in_transit")
    await stage.act(case, "cancel")
    await stage.act(case, "reopen", reason="A mistake")
    async with Supplier(stage, await link_of(stage, case)) as supplier:
        await supplier.open()
        assert supplier.forms() == []
        assert "We have not decided about this case yet." in supplier.text()
