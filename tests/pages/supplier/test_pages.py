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
                            credit_currency="usd", credit_reference="CN-1", credit_on="2026-12-20")  # fmt: skip
        await stage.settle()
        case = await stage.case(case["id"])
        assert case["state"] == "resolved"
        assert case["credit"]["amount"] == {"amount": "19.60", "currency": "USD"}
        assert (case["credit"]["reference"], case["credit"]["expected_at"][:10]) == ("CN-1", "2026-12-20")
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
