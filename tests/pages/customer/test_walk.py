"""From an order's number to a request, over HTTP: what is offered, what is kept, and what is refused."""

from __future__ import annotations

from sqlalchemy import select

from app.cases.models import Case
from app.requests.models import ReturnRequest
from app.runtime import Runtime
from tests.api.kit import LAMP, keep, order_of
from tests.pages.customer.kit import Browser


async def walk_to_review(customer: Browser, reason: str = "changed_mind", units: str = "1") -> None:
    """One lamp of the order, up to the last page before it is sent."""
    await customer.find("alpha", "1106")
    await customer.send("/lines", {f"units-{LAMP}": units})
    await customer.send("/reasons", {f"reason-{LAMP}": reason})
    await customer.send("/remedy")
    if customer.path.endswith("/evidence"):
        await customer.send("/evidence")


async def test_one_lamp_from_the_order_to_the_request(customer: Browser, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    await customer.find("alpha", " #1106 ", "ANN@example.com ")
    assert customer.path == "/returns/alpha/lines"
    assert customer.data("free") == ["2", "1"]
    await customer.send("/lines", {f"units-{LAMP}": "1"})
    assert customer.path == "/returns/alpha/reasons"
    await customer.send("/reasons", {f"reason-{LAMP}": "changed_mind", f"note-{LAMP}": "too big"})
    assert customer.path == "/returns/alpha/remedy"
    assert (customer.data("brings"), customer.data("fee"), customer.data("way-back")) == (
        ["25.00"],
        ["0.00"],
        ["customer"],
    )
    await customer.send("/remedy")
    assert customer.path == "/returns/alpha/review"
    await customer.send("/review")
    async with runtime.work() as work:
        request = (await work.session.scalars(select(ReturnRequest))).one()
        case = (await work.session.scalars(select(Case))).one()
    assert (request.origin, request.email, request.locale) == ("page", "ANN@example.com", "en")
    assert (case.supplier, case.state, case.lines[0].requested, case.lines[0].note) == (
        "acme", "authorizing", 1, "too big",
    )  # fmt: skip
