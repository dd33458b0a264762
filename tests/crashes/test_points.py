"""Every named crash point: the worker dies there, and another one finds what it left."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from app.crashpoints import Point, hooked, page
from app.sandbox.shopify.book import LineSpec
from tests.crashes.stage import ACME, PAID, CrashStage, keys, new_order, paid
from tests.e2e.stage import SHOP, SITE
from tests.messages.test_smtp import Mailbox, mail_server

OF_EVENTS = {Point.EVENT_TAKEN, Point.EVENT_SENT}
OF_MAILS = {Point.MAIL_TAKEN, Point.MAIL_SENT, Point.MAIL_SETTLED}
OF_STORE_RETURNS = {Point.RETURN_FETCHED, Point.STORE_RETURN_DECIDED, Point.STORE_RETURN_TOLD}
# Deaths at these are in tests/e2e/test_remedies.py.
OF_REPLACEMENTS = {point for point in Point if point.startswith("replacement.")}
_OF_OTHERS = OF_MAILS | OF_EVENTS | OF_STORE_RETURNS | OF_REPLACEMENTS | {Point.REFUND_LOOKED, Point.ORDER_FETCHED}
OF_ANY_RETURN = sorted(set(Point) - _OF_OTHERS)
OF_ROWS = [point for point in OF_ANY_RETURN if point.startswith(("refund.", "supplier."))]


async def lose_jobs(stage: CrashStage) -> None:
    """Every job is gone: the rows alone say what is to do."""
    async with stage.runtime.work() as work:
        await work.session.execute(text("DELETE FROM procrastinate_jobs"))


def end_of(store: str, point: Point) -> str:
    """Only a death between the attempt's commit and the call leaves what nobody can know, and only in WooCommerce."""
    return "needs_review" if (store, point) == (SITE, Point.REFUND_BEGUN) else "resolved"


@pytest.mark.parametrize("store", [SHOP, SITE])
async def test_a_death_at_any_point_of_a_return_pays_once(stage: CrashStage, store: str) -> None:
    for point in OF_ANY_RETURN:
        stage.fate.choose(point=point)
        order, case_id = await stage.play(store)
        assert stage.fate.met, f"nobody came to {point}"
        assert await stage.paid_once(store, order, case_id) == end_of(store, point), point


@pytest.mark.parametrize(("store", "points"), [(SHOP, OF_ROWS), (SITE, [Point.REFUND_BEGUN, Point.REFUND_CALLED])])
async def test_the_rows_alone_say_what_is_to_do_when_the_jobs_are_lost_too(
    stage: CrashStage, store: str, points: list[Point]
) -> None:
    for point in points:
        stage.fate.choose(point=point)
        stage.on_death = lose_jobs
        order, case_id = await stage.play(store)
        assert stage.fate.met, f"nobody came to {point}"
        assert await stage.paid_once(store, order, case_id) == end_of(store, point), point


@pytest.mark.parametrize("store", [SHOP, SITE])
async def test_a_second_death_right_after_the_look_that_followed_the_first(stage: CrashStage, store: str) -> None:
    stage.fate.choose(point=Point.REFUND_CALLED)
    order, case_id = await stage.play(store)
    assert stage.fate.met
    stage.fate.choose(point=Point.REFUND_LOOKED)
    assert await stage.paid_once(store, order, case_id) == "resolved"
    assert stage.fate.met


async def test_shopify_gets_the_same_key_and_request_until_the_refund_is_made(stage: CrashStage) -> None:
    order = new_order(stage.world, SHOP)
    case_id = await stage.file(SHOP, order)
    stage.fate.choose(point=Point.REFUND_BEGUN)
    await stage.confirm(case_id)
    for _ in range(2):
        stage.fate.choose(point=Point.REFUND_BEGUN)
        await stage.later(seconds=200)
        assert stage.fate.met
    await stage.paid_once(SHOP, order, case_id)
    (refund,) = (await stage.case(case_id))["refunds"]
    assert [attempt["outcome"] for attempt in refund["attempts"]] == [None, None, None, "ok"]


@pytest.mark.parametrize("store", [SHOP, SITE])
async def test_a_process_that_was_frozen_before_the_call_sends_nothing(stage: CrashStage, store: str) -> None:
    order = new_order(stage.world, store)
    case_id = await stage.file(store, order)
    frozen: list[Point] = []

    def freeze(point: Point) -> None:
        if point is Point.REFUND_BEGUN and not frozen:
            frozen.append(point)
            stage.clock.move(timedelta(minutes=2))

    with hooked(freeze):
        await stage.confirm(case_id)
        assert frozen
        assert keys(stage.world, store, order) == []
        assert await stage.paid_once(store, order, case_id) == "resolved"
    (refund,) = (await stage.case(case_id))["refunds"]
    assert [attempt["outcome"] for attempt in refund["attempts"]] == ["not_sent", "ok"]


@pytest.mark.parametrize("point", [Point.SUPPLIER_LEASED, Point.SUPPLIER_CALLED])
async def test_a_return_that_may_have_been_opened_is_withdrawn_when_its_case_is_cancelled(
    stage: CrashStage, point: Point
) -> None:
    stage.fate.choose(point=point)
    (case,) = await stage.ask(
        SHOP, new_order(stage.world, SHOP), [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]
    )
    assert stage.fate.met
    assert case["state"] == "authorizing"
    await stage.act(case, "cancel")
    await stage.later(seconds=200)
    await stage.later(seconds=200)
    known = stage.world.suppliers[ACME].returns
    assert (case["id"] in known) == (point is Point.SUPPLIER_CALLED)
    assert all(there.cancelled for there in known.values())
    case = await stage.case(case["id"])
    assert (case["state"], case["attention"]) == ("cancelled", [])


@pytest.mark.parametrize("point", sorted(OF_STORE_RETURNS))
async def test_a_death_while_the_store_and_its_own_return_are_kept_in_step(stage: CrashStage, point: Point) -> None:
    shop = stage.world.shop
    order = shop.create_order([LineSpec(sku="LAMP-01", title="Lamp", price="20.00", vendor="Acme")])
    shop.fulfil(order.id)
    shop.deliver(order.id)
    await stage.settle()
    stage.fate.choose(point=point)
    shop.request_return(order.id, {order.lines[0].id: 1})
    await stage.settle()
    assert stage.fate.met
    (case,) = (await stage.get("/cases", order=f"{order.id}"))["items"]
    await stage.confirm(case["id"])
    assert (await stage.case(case["id"]))["state"] == "resolved"
    assert paid(stage.world, SHOP, str(order.id)) == PAID[SHOP]
    (there,) = shop.order(order.id).returns
    assert there.status == "CLOSED"


@pytest.mark.parametrize(
    ("point", "status", "sent"),
    [(Point.MAIL_TAKEN, "uncertain", 0), (Point.MAIL_SENT, "uncertain", 1), (Point.MAIL_SETTLED, "sent", 1)],
)
async def test_a_mail_that_may_have_gone_out_is_not_sent_again(
    stage: CrashStage, point: Point, status: str, sent: int
) -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        stage.runtime.settings.smtp_url = SecretStr(f"smtp://127.0.0.1:{port}")
        stage.runtime.settings.mail_from = "returns@shop.example"
        await stage.new_process()
        stage.fate.choose(point=point)
        case_id = await stage.file(SHOP, new_order(stage.world, SHOP))
        assert stage.fate.met
        for _ in range(2):
            await stage.later(minutes=6)
    first, second = (await stage.get("/messages", case=case_id))["items"][::-1]
    assert (first["kind"], first["status"]) == ("receipt", status)
    assert (second["kind"], second["status"]) == ("rma_issued", "sent")
    assert len(mailbox.received) == sent + 1


def test_the_documentation_says_what_follows_at_every_point() -> None:
    shown = (Path(__file__).parents[2] / "docs" / "crashes.md").read_text("utf-8")
    assert shown == page()
    assert all(f"| `{point}` | {point.aftermath} |" in shown for point in Point)
