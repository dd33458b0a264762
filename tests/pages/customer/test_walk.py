"""From an order's number to a request, over HTTP: what is offered, what is kept, and what is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from httpx import AsyncClient
from sqlalchemy import func, select

from app.cases.models import Case, Evidence
from app.clock import MovableClock
from app.messages.models import Message
from app.orders.snapshot import Fulfilment, Line
from app.privacy import retention
from app.privacy.erase import erase_order
from app.requests.models import ReturnDraft, ReturnRequest
from app.runtime import Runtime
from tests.api.kit import CARD, LAMP, MUG, keep, lamp, order_of, submit
from tests.pages.customer.kit import Browser, browsing
from tests.pages.customer.pictures import jpeg

HOSTILE = '"><script>alert(1)</script>\u202e'
EVIDENCE = """
name = "shown"
version = "1"
[[evidence]]
id = "photo_of_damage"
reasons = ["damaged_in_transit"]
[[evidence]]
id = "what_is_wrong"
kind = "answer"
reasons = ["damaged_in_transit"]
[[exception]]
id = "final_sale"
when = 'line.sku == "BH-MUG"'
reasons = ["changed_mind", "wrong_size", "wrong_variant", "other", "late", "lost", "defective",
    "damaged_in_transit", "not_as_described", "wrong_item", "missing_parts"]
statutory = "bespoke"
outcome = "reject"
say = { en = "Made to your wishes.", fr = "Fait sur mesure." }
"""


async def to_review(customer: Browser, reason: str = "changed_mind", units: str = "1", note: str = "") -> None:
    """Lamps of the order, up to the last page before the request is sent."""
    await customer.find("alpha", "1106")
    await customer.send("/lines", {f"units-{LAMP}": units})
    await customer.send("/reasons", {f"reason-{LAMP}": reason, f"note-{LAMP}": note})
    await customer.send("/remedy")
    if customer.path.endswith("/evidence"):
        await customer.send("/evidence", {"do": "go"})
    assert customer.path == "/returns/alpha/review"


async def counted(runtime: Runtime, *tables: type) -> list[int]:
    """How many rows there are."""
    async with runtime.work() as work:
        return [await work.session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


@pytest.fixture
def shown(runtime: Runtime, tmp_path: Path) -> None:
    """A policy that wants a photo and an answer for damage, and takes no mugs back."""
    file = tmp_path / "shown.toml"
    file.write_text(EVIDENCE, encoding="utf-8")
    runtime.settings.stores["alpha"].policy = str(file)


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
        ["25.00"], ["0.00"], ["customer"],
    )  # fmt: skip
    await customer.send("/remedy")
    assert customer.path == "/returns/alpha/review"
    await customer.send("/review")
    assert customer.path.endswith("/receipt")
    async with runtime.work() as work:
        request = (await work.session.scalars(select(ReturnRequest))).one()
        case = (await work.session.scalars(select(Case))).one()
        mail = (await work.session.scalars(select(Message).where(Message.kind == "receipt"))).one()
    assert (request.origin, request.email, request.locale) == ("page", "ANN@example.com", "en")
    assert (case.supplier, case.state, case.lines[0].requested, case.lines[0].note) == (
        "acme", "authorizing", 1, "too big",
    )  # fmt: skip
    assert mail.recipient == "ANN@example.com"
    assert customer.data("received") == [request.created_at.astimezone(UTC).isoformat()]


async def test_what_is_shown_until_when_and_why_not_the_rest(customer: Browser, runtime: Runtime, shown: None) -> None:
    """Dates of the policy and the law, gift cards, final sale, and units that are used up."""
    order = replace(order_of(), country="FR")
    card = Line(CARD, "Card", 1, 1000, gift_card=True)
    delivered = datetime(2026, 11, 1, 12, tzinfo=UTC)
    parcel = Fulfilment("1", "success", delivered, delivered)
    await keep(runtime, replace(order, lines=(*order.lines, card), fulfilments=(parcel,)))
    await customer.find("alpha", "1106")
    assert dict(zip(customer.data("line"), customer.data("why-not"), strict=True)) == {
        LAMP: "", MUG: "", CARD: "gift_card",
    }  # fmt: skip
    # No second thoughts about what was made to order; rights that the law gives for faulty goods stay.
    assert "Made to your wishes." in customer.page.text()
    assert customer.data("outcome").count("reject") == 1
    terms = [one.attributes for one in customer.page.all("li", "data-reason")]
    found = {one["data-reason"]: one["data-until"] for one in terms if one["data-outcome"] != "reject"}
    # The default policy gives 30 days; the law's two years for faulty goods are longer.
    assert found["changed_mind"] == "2026-12-01"
    assert found["defective"][:4] == "2028"


async def test_units_of_another_return_are_not_offered_again(
    client: AsyncClient, customer: Browser, runtime: Runtime
) -> None:
    await keep(runtime, order_of())
    told = await submit(client, lamp(1), {"line_id": MUG, "quantity": 1, "reason": "changed_mind"})
    await customer.find("alpha", "1106")
    assert customer.data("free") == ["1", "0"]
    assert customer.data("why-not") == ["", "used_up"]
    before = [one.attributes["href"] for one in customer.page.all("a", "href") if "/r/" in one.attributes["href"]]
    assert len(before) == 1
    await customer.send("/lines", {f"units-{LAMP}": "2"})
    assert customer.wrong == [f"units-{LAMP}"]
    await customer.open(before[0])
    assert sorted(customer.data("case")) == sorted(case["reference"] for case in told["cases"])


async def test_evidence_is_asked_before_and_decided_with_at_once(
    customer: Browser, runtime: Runtime, shown: None
) -> None:
    """No mail asks for what was shown before; the photo's name and the answer are text and nothing else."""
    await keep(runtime, order_of())
    await customer.find("alpha", "1106")
    await customer.send("/lines", {f"units-{LAMP}": "1"})
    await customer.send("/reasons", {f"reason-{LAMP}": "damaged_in_transit"})
    assert customer.data("outcome") == ["evidence"]
    await customer.send("/remedy")
    assert (customer.path, customer.data("wanted")) == ("/returns/alpha/evidence", ["1"])
    await customer.send("/evidence", {"do": "add"}, files=[("photos-0", (f"{HOSTILE}.jpg", jpeg(), "image/jpeg"))])
    assert len(customer.page.all("img")) == 1
    assert (await customer.http.get(customer.page.all("img")[0].attributes["src"])).status_code == 200
    assert customer.data("wanted") == []
    first = customer.page.all("button", "value")[0].attributes["value"]
    await customer.send("/evidence", {"remove": first})
    assert customer.page.all("img") == []
    await customer.send(
        "/evidence",
        {"answer-0-what_is_wrong": HOSTILE, "do": "go"},
        files=[("photos-0", ("a.png", jpeg("blue"), "image/png"))],
    )
    assert customer.path == "/returns/alpha/review"
    assert "<script>alert" not in customer.last.text
    await customer.send("/review")
    async with runtime.work() as work:
        case = (await work.session.scalars(select(Case))).one()
        shown_things = {(one.kind, one.text) for one in await work.session.scalars(select(Evidence))}
        mails = set(await work.session.scalars(select(Message.kind)))
    assert (case.state, case.route) == ("claiming", "claim")
    assert shown_things == {("photo", None), ("answer", HOSTILE)}
    assert "evidence_wanted" not in mails


async def test_files_that_are_no_photos_are_refused_and_nothing_is_lost(
    customer: Browser, runtime: Runtime, shown: None
) -> None:
    await keep(runtime, order_of())
    await to_review(customer, "damaged_in_transit")
    for content in (b"<svg onload=alert(1)>", b"GIF89a" + bytes(40), b"\xff\xd8\xff" + bytes(100), b""):
        await customer.open("/returns/alpha/evidence")
        await customer.send(
            "/evidence",
            {"answer-0-what_is_wrong": "bent", "do": "go"},
            files=[("photos-0", ("x.jpg", content, "image/jpeg"))],
        )
        assert (customer.last.status_code, customer.wrong) == (422, ["photos-0"])
        assert customer.form("/evidence")["answer-0-what_is_wrong"] == "bent"
    many = [("photos-0", (f"{number}.jpg", jpeg(f"#0000{number:02x}"), "image/jpeg")) for number in range(11)]
    await customer.send("/evidence", {"do": "go"}, files=many)
    assert (customer.last.status_code, customer.wrong) == (422, ["photos-0"])


async def test_a_form_that_is_sent_twice_at_once_opens_one_request(customer: Browser, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    await to_review(customer)
    form = customer.form("/review")
    headers = {"Accept-Language": "en"}
    answers = await asyncio.gather(
        *(customer.http.post("/returns/alpha/review", data=form, headers=headers) for _ in range(4))
    )
    assert {answer.status_code for answer in answers} == {303}
    assert await counted(runtime, ReturnRequest, Case) == [1, 1]
    await customer.post("/returns/alpha/review", form)
    assert customer.data("state") == ["authorizing"]
    assert await counted(runtime, ReturnRequest, Case) == [1, 1]


async def test_what_another_tab_changed_is_shown_again_before_it_is_sent(customer: Browser, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    await to_review(customer)
    old = customer.form("/review")
    await customer.open("/returns/alpha/lines")
    await customer.send("/lines", {f"units-{LAMP}": "2"})
    await customer.post("/returns/alpha/review", old)
    assert (customer.last.status_code, customer.wrong) == (422, ["review"])
    assert (customer.data("case"), await counted(runtime, ReturnRequest)) == ([], [0])
    await customer.send("/review")
    async with runtime.work() as work:
        case = (await work.session.scalars(select(Case))).one()
    assert case.lines[0].requested == 2


async def test_two_browsers_cannot_return_the_same_unit(customer: Browser, runtime: Runtime) -> None:
    """Whoever comes second is told so, before anything is opened."""
    await keep(runtime, order_of())
    await to_review(customer, units="2")
    async with browsing(runtime) as second:
        await to_review(second, units="1")
        await second.send("/review")
    await customer.send("/review")
    assert (customer.last.status_code, customer.wrong) == (422, ["lines"])
    assert await counted(runtime, ReturnRequest) == [1]


async def test_nobody_gets_ahead_of_a_step(customer: Browser, runtime: Runtime) -> None:
    """Pages that are opened too early, too late or without a look-up lead back to the step that is missing."""
    for step in ("lines", "reasons", "remedy", "evidence", "review"):
        await customer.open(f"/returns/alpha/{step}")
        assert customer.path == "/returns/alpha"
    await keep(runtime, order_of())
    await customer.find("alpha", "1106")
    for step in ("reasons", "remedy", "evidence", "review"):
        await customer.open(f"/returns/alpha/{step}")
        assert customer.path in ("/returns/alpha/lines", "/returns/alpha/reasons")
    await customer.open("/returns/beta/lines")
    assert customer.path == "/returns/beta"


@pytest.mark.parametrize(
    ("step", "values", "wrong"),
    [
        ("lines", {}, f"units-{LAMP}"),
        ("lines", {f"units-{LAMP}": "-1"}, f"units-{LAMP}"),
        ("lines", {f"units-{LAMP}": "9" * 9}, f"units-{LAMP}"),
        ("lines", {f"units-{LAMP}": "²"}, f"units-{LAMP}"),
        ("reasons", {f"reason-{LAMP}": "because"}, f"reason-{LAMP}"),
        ("reasons", {f"reason-{LAMP}": "other"}, f"note-{LAMP}"),
        ("remedy", {"remedy": "store_credit"}, "remedy"),
    ],
)
async def test_what_a_step_cannot_take_is_named(
    customer: Browser, runtime: Runtime, step: str, values: dict[str, str], wrong: str
) -> None:
    await keep(runtime, order_of())
    await customer.find("alpha", "1106")
    if step != "lines":
        await customer.send("/lines", {f"units-{LAMP}": "1"})
    if step == "remedy":
        await customer.send("/reasons", {f"reason-{LAMP}": "changed_mind"})
    await customer.send(f"/{step}", values)
    assert (customer.last.status_code, customer.wrong) == (422, [wrong])
    assert await counted(runtime, ReturnRequest) == [0]


async def test_forms_of_others_and_machines_that_open_links_change_nothing(customer: Browser, runtime: Runtime) -> None:
    """Without our own form's token nothing is taken; opening every page of a finished walk changes nothing."""
    await keep(runtime, order_of())
    await to_review(customer)
    form = customer.form("/review")
    for token in ("", "x", form["csrf"][:-2]):
        await customer.post("/returns/alpha/review", {**form, "csrf": token})
        assert customer.last.status_code == 403
    async with browsing(runtime) as stranger:
        await stranger.open("/returns/alpha")
        await stranger.post("/returns/alpha/review", {**form, "csrf": stranger.form("/returns/alpha")["csrf"]})
        assert stranger.path == "/returns/alpha"
    before = await counted(runtime, ReturnRequest, Case, ReturnDraft, Evidence)
    for step in ("lines", "reasons", "remedy", "evidence", "review"):
        await customer.open(f"/returns/alpha/{step}")
        head = await customer.http.head(f"/returns/alpha/{step}")
        assert head.status_code == 405
    assert await counted(runtime, ReturnRequest, Case, ReturnDraft, Evidence) == before
    assert before[0] == 0


async def test_a_forged_or_old_session_is_none(customer: Browser, runtime: Runtime) -> None:
    clock = MovableClock()
    runtime.clock = clock
    await keep(runtime, order_of())
    await to_review(customer)
    name, value = next((one.name, one.value or "") for one in customer.http.cookies.jar if "order" in one.name)
    clock.move(timedelta(hours=5))
    await customer.open("/returns/alpha/review")
    assert customer.path == "/returns/alpha"
    clock.move(timedelta(hours=-5))
    customer.http.cookies.set(name, value[:-3] + "abc", domain="makegood.test", path="/")
    await customer.open("/returns/alpha/review")
    assert customer.path == "/returns/alpha"


async def test_hostile_words_are_words(customer: Browser, runtime: Runtime) -> None:
    """In an article's title, a note and an answer, on every page that shows them."""
    order = order_of()
    lines = (replace(order.lines[0], title=HOSTILE), *order.lines[1:])
    await keep(runtime, replace(order, lines=lines, number="#1106"))
    await to_review(customer, "other", note=HOSTILE)
    pages = ["lines", "reasons", "remedy", "evidence", "review"]
    for page in pages:
        await customer.open(f"/returns/alpha/{page}")
        assert customer.last.status_code == 200
        assert "<script>alert" not in customer.last.text
    await customer.send("/review")
    receipt = customer.path
    for path in (receipt, receipt.removesuffix("/receipt")):
        await customer.open(path)
        assert customer.last.status_code == 200
        assert "<script>alert" not in customer.last.text
        assert customer.last.headers["cache-control"] == "no-store"
        assert customer.last.headers["referrer-policy"] == "no-referrer"


async def test_drafts_are_forgotten_after_a_day_and_with_their_customer(customer: Browser, runtime: Runtime) -> None:
    clock = MovableClock()
    runtime.clock = clock
    order_pk = await keep(runtime, order_of())
    await customer.find("alpha", "1106")
    clock.move(timedelta(hours=23))
    await retention.sweep(runtime)
    assert await counted(runtime, ReturnDraft) == [1]
    clock.move(timedelta(hours=2))
    await retention.sweep(runtime)
    assert await counted(runtime, ReturnDraft) == [0]
    await customer.find("alpha", "1106")
    async with runtime.work() as work:
        await erase_order(work, order_pk, {"reason": "test"})
    assert await counted(runtime, ReturnDraft) == [0]


async def test_a_session_of_a_sent_request_leads_to_it(customer: Browser, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    await to_review(customer)
    await customer.send("/review")
    await customer.open("/returns/alpha/lines")
    assert customer.data("state") == ["authorizing"]


async def test_the_first_page_leads_to_the_rules_and_the_withdrawal_function(customer: Browser) -> None:
    await customer.open("/returns/alpha")
    targets = {one.attributes["href"] for one in customer.page.all("a", "href")}
    assert {"/policy/alpha", "/returns/alpha/withdraw"} <= targets


async def test_mails_speak_the_language_of_the_pages(customer: Browser, runtime: Runtime) -> None:
    """The order's own language is French; whoever walked in Hebrew reads Hebrew."""
    customer.language = "he"
    await keep(runtime, order_of())
    await to_review(customer)
    await customer.send("/review")
    async with runtime.work() as work:
        mail = (await work.session.scalars(select(Message).where(Message.kind == "receipt"))).one()
    assert mail.language == "he"
    assert "/returns/alpha/r/" in mail.text
