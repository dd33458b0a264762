"""The withdrawal function as people meet it: two steps without JavaScript, a receipt, and nothing given away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from httpx import AsyncClient, Response

from app.clock import MovableClock
from app.pages.withdrawal.labels import function_labels
from app.runtime import Runtime
from tests.api.kit import CARD, FakeStore, FakeStores, Json, change, keep, lamp, order_of, submit
from tests.pages.reading import read
from tests.withdrawals.kit import ANN, V1, Visitor, hidden, settle, withdrawals


@pytest.fixture
def shop(runtime: Runtime) -> FakeStore:
    """The store that the service asks."""
    store = FakeStore("alpha")
    runtime.stores = FakeStores(store)
    return store


def content(page: Response) -> str:
    """What the main part of a page says."""
    (main,) = read(page.text).all("main")
    return main.text()


async def mails(client: AsyncClient, kind: str) -> list[Json]:
    found = (await client.get(f"{V1}/messages", params={"limit": 200})).json()["items"]
    return [one for one in found if one["kind"] == kind]


async def test_two_steps_make_a_declaration_with_a_receipt(client: AsyncClient, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    visitor = Visitor(client)
    review = await visitor.review()
    assert await withdrawals(client) == [], "looking at the declaration declares nothing"
    for told in ("Ann Smith", "1106", "ann@example.com", "the whole order"):
        assert told in review.text
    receipt = await visitor.follow(await visitor.send(review, {}, "confirm"))
    assert receipt.status_code == 200
    assert receipt.headers["cache-control"] == "no-store"
    shown = read(receipt.text).text()
    assert "We have received your withdrawal" in shown
    (declared,) = await withdrawals(client)
    assert (declared["name"], declared["order_named"], declared["email"]) == ("Ann Smith", "1106", "ann@example.com")
    (mail,) = await mails(client, "withdrawal_receipt")
    assert mail["id"] == declared["receipt_id"]
    assert mail["recipient"] == "ann@example.com"
    for part in ("Ann Smith", "ann@example.com", "1106", "For the whole order", "UTC"):
        assert part in mail["text"]
    for word in ("approv", "accept", "grant", "review"):
        assert word not in (mail["text"] + shown).lower()


async def test_it_becomes_a_return_of_all_that_is_left(client: AsyncClient, runtime: Runtime) -> None:
    """One request for the whole order, counted from the declaration; what is in a return already stays there."""
    await keep(runtime, order_of())
    await submit(client, lamp(1, "defective"))
    await Visitor(client).declare()
    await settle(runtime)
    (declared,) = await withdrawals(client, status="matched")
    assert declared["order"]["number"] == "#1106"
    request = (await client.get(f"{V1}/return-requests/{declared['request_id']}")).json()
    assert (request["origin"], request["created_at"]) == ("withdrawal", declared["declared_at"])
    assert sorted((line["title"], line["quantity"], line["reason"]) for line in request["lines"]) == [
        ("Lamp", 1, "changed_mind"),
        ("Mug", 1, "changed_mind"),
    ]
    first = (await client.get(f"{V1}/cases/{request['cases'][0]['id']}/events")).json()["items"][0]
    assert (first["actor"], first["data"]["origin"]) == ("customer", "withdrawal")
    assert request["cases"][0]["legal"]["alive"]


async def test_an_order_that_is_not_known_is_read_from_the_store(
    client: AsyncClient, runtime: Runtime, shop: FakeStore
) -> None:
    shop.known = [order_of()]
    await Visitor(client).declare()
    assert shop.readings == 0, "nobody waits for the store"
    await settle(runtime)
    (declared,) = await withdrawals(client)
    assert declared["status"] == "matched"


@pytest.mark.parametrize(
    "values", [{"order": "9999"}, {"email": "eve@example.com"}], ids=["no such order", "another's order"]
)
async def test_what_matches_no_order_is_kept_for_a_person(
    client: AsyncClient, runtime: Runtime, shop: FakeStore, values: dict[str, str]
) -> None:
    """The receipt is the same to the letter, but for what was written; a person is told once and makes the match."""
    await keep(runtime, order_of())
    matching = content(await Visitor(client).declare())
    missing = content(await Visitor(client).declare({**ANN, **values}))
    for name, value in values.items():
        missing = missing.replace(value, ANN[name])
    assert matching == missing
    await settle(runtime)
    (waiting,) = await withdrawals(client, status="unmatched")
    assert waiting["order"] is None
    (task,) = await mails(client, "withdrawal_task")
    assert waiting["detail"] in task["text"]
    assert len(await mails(client, "withdrawal_receipt")) == 2
    path = f"{V1}/withdrawals/{waiting['id']}"
    await change(runtime, await keep(runtime, order_of("777", "#2000")), email=None)
    answer = await client.post(f"{path}/match", json={"order": "#2000"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["settled_by"]) == ("matched", "operator:ops")
    request = (await client.get(f"{V1}/return-requests/{answer.json()['request_id']}")).json()
    assert request["created_at"] == waiting["declared_at"]
    again = await client.post(f"{path}/match", json={"order": "#2000"})
    assert (again.status_code, again.json()["code"]) == (409, "withdrawal_settled")


async def test_days_later_the_right_still_counts_from_the_declaration(client: AsyncClient, runtime: Runtime) -> None:
    clock = MovableClock()
    runtime.clock = clock
    runtime.stores = FakeStores(FakeStore("alpha"))
    await keep(runtime, order_of(days_ago=10))
    await Visitor(client).declare({**ANN, "order": "11O6"})
    await settle(runtime)
    clock.move(timedelta(days=20))
    (waiting,) = await withdrawals(client, status="unmatched")
    answer = await client.post(f"{V1}/withdrawals/{waiting['id']}/match", json={"order": "1106"})
    request = (await client.get(f"{V1}/return-requests/{answer.json()['request_id']}")).json()
    for case in request["cases"]:
        assert case["legal"]["alive"], "declared in time, whenever it was matched"
        assert case["legal"]["due_at"] is None or case["legal"]["due_at"] < request["cases"][0]["updated_at"]


async def test_a_part_of_an_order_is_for_a_person_to_understand(client: AsyncClient, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    await Visitor(client).declare({**ANN, "goods": "One of the lamps,\nnot the mug"})
    await settle(runtime)
    (waiting,) = await withdrawals(client, status="unclear")
    assert (waiting["goods"], waiting["order"]["number"]) == ("One of the lamps,\nnot the mug", "#1106")
    (mail,) = await mails(client, "withdrawal_receipt")
    assert "One of the lamps," in mail["text"]
    path = f"{V1}/withdrawals/{waiting['id']}/match"
    wrong = await client.post(path, json={"order": "1106", "lines": [{"line_id": CARD, "quantity": 1}]})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "unknown_line")
    twice = [{"line_id": lamp()["line_id"], "quantity": 1}] * 2
    assert (await client.post(path, json={"order": "1106", "lines": twice})).json()["code"] == "duplicate_line"
    many = [{"line_id": lamp()["line_id"], "quantity": 9}]
    assert (await client.post(path, json={"order": "1106", "lines": many})).json()["code"] == "quantity_not_available"
    body = {"order": "1106", "lines": [{"line_id": lamp()["line_id"], "quantity": 1}]}
    done = (await client.post(path, json=body)).json()
    request = (await client.get(f"{V1}/return-requests/{done['request_id']}")).json()
    assert [(line["title"], line["quantity"]) for line in request["lines"]] == [("Lamp", 1)]


async def test_nothing_left_is_for_a_person(client: AsyncClient, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    mug = {"line_id": "12695210000534", "quantity": 1, "reason": "changed_mind"}
    await submit(client, lamp(2), mug)
    await Visitor(client).declare()
    await settle(runtime)
    (waiting,) = await withdrawals(client, status="unclear")
    path = f"{V1}/withdrawals/{waiting['id']}"
    assert (await client.post(f"{path}/match", json={"order": "1106"})).json()["code"] == "nothing_to_return"
    closed = await client.post(f"{path}/close", json={"reason": "It is in a return already."})
    assert (closed.json()["status"], closed.json()["detail"]) == ("closed", "It is in a return already.")
    assert (await client.post(f"{path}/close", json={"reason": "again"})).status_code == 409


async def test_a_form_sent_twice_declares_once(client: AsyncClient, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    visitor = Visitor(client)
    review = await visitor.review()
    first, second = await asyncio.gather(*(visitor.send(review, {}, "confirm") for _ in range(2)))
    assert (await visitor.follow(first)).text == (await visitor.follow(second)).text
    await settle(runtime)
    assert len(await withdrawals(client)) == 1
    assert len(await mails(client, "withdrawal_receipt")) == 1


async def test_opening_links_declares_nothing(client: AsyncClient, runtime: Runtime) -> None:
    """What a mail scanner does."""
    visitor = Visitor(client)
    for query in ("", "?order=1106", "?step=confirm&name=A&order=1106&email=a@example.com"):
        answer = await visitor.open(query)
        assert answer.status_code == 200
    assert 'value="1106"' in (await visitor.open("?order=1106")).text
    assert await withdrawals(client) == []


async def test_a_foreign_page_cannot_declare(client: AsyncClient, runtime: Runtime) -> None:
    visitor = Visitor(client)
    answer = await client.post(visitor.path, data={**ANN, "step": "confirm"}, headers=visitor.headers)
    assert (answer.status_code, answer.headers["content-type"].startswith("text/html")) == (403, True)
    assert await withdrawals(client) == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"name": " "}, "Write your name."),
        ({"order": ""}, "Write the number of your order."),
        ({"email": "ann"}, "Write an e-mail address"),
        ({"email": "ann@example.com\r\nBcc: eve@example.com"}, "Write an e-mail address"),
        ({"email": "Ann <ann@example.com>"}, "Write an e-mail address"),
    ],
)
@pytest.mark.parametrize("step", ["review", "confirm"])
async def test_what_is_missing_is_said_and_nothing_is_lost(
    client: AsyncClient, runtime: Runtime, values: dict[str, str], told: str, step: str
) -> None:
    visitor = Visitor(client)
    answer = await visitor.send(await visitor.open(), {**ANN, **values}, step)
    assert answer.status_code == 422
    assert told in answer.text
    kept = {one.attributes.get("value") for one in read(answer.text).all("input")}
    assert kept >= {value for name, value in ANN.items() if name not in values}
    assert await withdrawals(client) == []


async def test_a_reason_is_never_asked_for(client: AsyncClient, runtime: Runtime) -> None:
    """Only name, order and e-mail are required, and there is nothing else but which part is meant."""
    page = read((await Visitor(client).open()).text)
    fields = [one for one in page.everything() if one.tag in ("input", "select", "textarea")]
    asked = {one.attributes["name"] for one in fields if one.attributes.get("type") != "hidden"}
    required = {one.attributes["name"] for one in fields if "required" in one.attributes}
    assert asked == {"name", "order", "email", "goods"}
    assert required == {"name", "order", "email"}


async def test_back_to_the_form_nothing_is_lost(client: AsyncClient, runtime: Runtime) -> None:
    visitor = Visitor(client)
    back = await visitor.send(await visitor.review({**ANN, "goods": "the mug"}), {}, "edit")
    assert back.status_code == 200
    assert {one.attributes.get("value") for one in read(back.text).all("input")} >= set(ANN.values())
    assert "the mug" in back.text


async def test_script_in_every_field_stays_text(client: AsyncClient, runtime: Runtime) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    visitor = Visitor(client)
    values = {"name": evil, "order": evil[:120], "email": "ann@example.com", "goods": evil}
    review = await visitor.review(values)
    receipt = await visitor.follow(await visitor.send(review, {}, "confirm"))
    for page in (review, receipt):
        found = read(page.text)
        assert all("alert" not in " ".join(one.words) for one in found.all("script"))
        assert not [one for one in found.everything() if "onerror" in one.attributes]
        assert "alert(1)" in found.text()
    (mail,) = await mails(client, "withdrawal_receipt")
    assert "<script" not in mail["html"]


async def test_too_many_are_asked_to_wait(client: AsyncClient, runtime: Runtime) -> None:
    """Nobody's letter box is filled by somebody else."""
    visitor = Visitor(client)
    for _ in range(5):
        await visitor.declare()
    answer = await visitor.send(await visitor.review(), {}, "confirm")
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    assert len(await withdrawals(client)) == 5
    assert (await visitor.declare({**ANN, "email": "bob@example.com"})).status_code == 200


async def test_a_receipt_is_seen_by_its_link_only(client: AsyncClient, runtime: Runtime) -> None:
    visitor = Visitor(client)
    sent = await visitor.send(await visitor.review(), {}, "confirm")
    path = sent.headers["location"]
    assert (await client.get(path + "x")).status_code == 404
    assert (await client.get(path.replace("/alpha/", "/beta/"))).status_code == 404
    assert (await client.get(f"{visitor.path}/{hidden(await visitor.open())['csrf']}")).status_code == 404
    clock = MovableClock()
    clock.move(timedelta(days=31))
    runtime.clock = clock
    assert (await client.get(path)).status_code == 410


async def test_no_store_no_page(client: AsyncClient) -> None:
    answer = await client.get("/returns/nobody/withdraw")
    assert (answer.status_code, "There is no such page" in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("language", "country", "withdraw", "confirm"),
    [
        ("en", "DE", "Withdraw from contract here", "Confirm withdrawal"),
        ("fr", "FR", "Renoncer au contrat ici", "Confirmer la rétractation"),
        ("fr", "BE", "Renoncer au contrat ici", "Confirmer la rétractation"),
        ("en", None, "Withdraw from contract here", "Confirm withdrawal"),
        ("he", "FR", "ביטול העסקה כאן", "אישור הביטול"),
        ("he", "IL", "ביטול העסקה כאן", "אישור הביטול"),
    ],
)
def test_the_labels_are_those_of_the_law(language: str, country: str | None, withdraw: str, confirm: str) -> None:
    found = function_labels(language, country)
    assert (found.withdraw, found.confirm) == (withdraw, confirm)


@pytest.mark.parametrize("language", ["en", "fr", "he"])
async def test_the_function_is_found_from_the_rules(client: AsyncClient, runtime: Runtime, language: str) -> None:
    page = read((await client.get("/policy/alpha?country=FR", headers={"Accept-Language": language})).text)
    (link,) = [one for one in page.all("a") if one.attributes.get("href") == "/returns/alpha/withdraw"]
    assert link.text() == function_labels(language, "FR").withdraw
    review = await Visitor(client, language=language).review()
    buttons = [one.text() for one in read(review.text).all("button")]
    assert function_labels(language, "FR").confirm in buttons


async def test_gift_cards_and_orders_without_an_address_are_no_trap(client: AsyncClient, runtime: Runtime) -> None:
    order = order_of()
    await keep(runtime, replace(order, email=None))
    runtime.stores = FakeStores(FakeStore("alpha"))
    await Visitor(client).declare()
    await settle(runtime)
    assert [one["status"] for one in await withdrawals(client)] == ["unmatched"]
