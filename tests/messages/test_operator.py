"""The operator hears what needs a person, once a day all of it, and what mails did not arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from pydantic import SecretStr
from sqlalchemy import select, text

from app.cases import service as cases
from app.clock import MovableClock
from app.messages.digest import send_digest
from app.messages.models import Message, MessageStatus
from app.messages.smtp import SmtpSender
from app.runtime import Runtime
from app.worker import run_until_idle
from tests.api.kit import V1, VIEWER, FakeStore, FakeStores, act, case_in, keep, lamp, order_of, submit, verdict
from tests.messages.test_smtp import Mailbox, mail_server

OPERATOR = "ops@alpha.example"


class At:
    """A clock that stands."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


async def kinds(runtime: Runtime, recipient: str = OPERATOR) -> list[str]:
    async with runtime.work() as work:
        statement = select(Message.kind).where(Message.recipient == recipient).order_by(Message.id)
        return list(await work.session.scalars(statement))


async def test_a_case_that_needs_a_person_calls_the_operator_once_for_each_piece_of_news(
    client: AsyncClient, runtime: Runtime
) -> None:
    runtime.settings.operator_email = OPERATOR
    case = await case_in(client, runtime, "awaiting_shipment")
    before = await kinds(runtime)
    case = await act(client, case, "record-verdict", **verdict(0))
    assert case["state"] == "contested"
    assert (await kinds(runtime)).count("needs_attention") == before.count("needs_attention") + 1
    await act(client, case, "note", text="I look at it")
    assert (await kinds(runtime)).count("needs_attention") == before.count("needs_attention") + 1
    found = [
        one
        for one in (await client.get(f"{V1}/messages?case={case['id']}")).json()["items"]
        if one["kind"] == "needs_attention"
    ]
    assert "the supplier refused" in found[0]["text"]
    assert "/returns/" not in found[0]["text"]


async def test_without_an_address_the_list_of_cases_is_enough(client: AsyncClient, runtime: Runtime) -> None:
    await case_in(client, runtime, "contested")
    async with runtime.work() as work:
        assert (await work.session.scalars(select(Message).where(Message.kind == "needs_attention"))).all() == []


async def test_the_digest_comes_at_its_hour_once_a_day_where_the_operator_is(
    client: AsyncClient, runtime: Runtime
) -> None:
    settings = runtime.settings
    settings.operator_email, settings.operator_country, settings.operator_locale = OPERATOR, "FR", "fr"
    case = await case_in(client, runtime, "contested")
    morning = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)

    async def at(moment: datetime) -> int:
        runtime.clock = At(moment)
        async with runtime.work() as work:
            await send_digest(work)
        return (await kinds(runtime)).count("digest")

    # Seven in Paris is six in UTC.
    assert await at(morning - timedelta(minutes=1)) == 0
    assert await at(morning) == 1
    assert await at(morning + timedelta(hours=9)) == 1
    assert await at(morning + timedelta(days=1)) == 2
    settings.digest_hour = -1
    assert await at(morning + timedelta(days=2)) == 2
    found = (await client.get(f"{V1}/messages")).json()["items"]
    first = [one for one in found if one["kind"] == "digest"][-1]
    assert first["request_id"] is None
    assert first["language"] == "fr"
    assert "Un dossier a besoin" in first["subject"]
    assert case["reference"] in first["text"]


async def test_the_digest_tells_the_money_of_the_day(client: AsyncClient, runtime: Runtime) -> None:
    store = FakeStore("alpha", order_of())
    runtime.stores = FakeStores(store)
    case = await case_in(client, runtime, "resolving")
    await run_until_idle(runtime)
    assert len(store.sent) == 1
    # From now on, and at any hour: nothing of the above may lie behind the digest's own moment.
    runtime.settings.operator_email, runtime.settings.digest_hour = OPERATOR, 0
    runtime.clock = At(datetime.now(UTC))
    async with runtime.work() as work:
        await send_digest(work)
        told = (await work.session.scalars(select(Message).where(Message.kind == "digest"))).one()
    assert "one refund made: €5" in told.text
    assert "one case opened, one resolved" in told.text
    assert case["state"] == "resolving"


@pytest.fixture
async def bouncing(runtime: Runtime) -> AsyncIterator[Mailbox]:
    """A mail server that knows nobody."""
    mailbox = Mailbox(rcpt="550 5.1.1 no such user")
    async with mail_server(mailbox) as port:
        runtime.settings.smtp_url = SecretStr(f"smtp://127.0.0.1:{port}")
        runtime.settings.mail_from = "returns@shop.example"
        runtime.mail = SmtpSender(f"smtp://127.0.0.1:{port}", "returns@shop.example")
        yield mailbox


async def test_a_mail_that_bounces_is_shown_on_each_case_of_its_request(
    client: AsyncClient, runtime: Runtime, bouncing: Mailbox
) -> None:
    await keep(runtime, order_of())
    case = (await submit(client))["cases"][0]
    await run_until_idle(runtime)
    shown = (await client.get(f"{V1}/cases/{case['id']}")).json()
    assert any("mail came back" in why for why in shown["attention_why"])
    events = (await client.get(f"{V1}/cases/{case['id']}/events")).json()["items"]
    notes = [one["data"] for one in events if one["data"].get("problem") == "mail_bounced"]
    assert len(notes) == 1
    assert "@" not in str(notes[0])
    (mail, *_) = (await client.get(f"{V1}/messages?status=bounced")).json()["items"]
    assert mail["error"] == "The mail server answered 550 5.1.1"


async def test_the_operators_own_mail_that_bounces_calls_nobody_again(
    client: AsyncClient, runtime: Runtime, bouncing: Mailbox
) -> None:
    runtime.settings.operator_email = OPERATOR
    bouncing.answers["rcpt"] = "250 OK"
    case = await case_in(client, runtime, "contested")
    bouncing.answers["rcpt"] = "550 5.1.1 no such user"
    for _ in range(3):
        await run_until_idle(runtime)
    async with runtime.work() as work:
        statement = select(Message.kind, Message.status).where(Message.case_id == UUID(case["id"]))
        rows = [(kind, status) for kind, status in await work.session.execute(statement)]
    assert ("needs_attention", "bounced") in rows
    # One for the verdict, and one for the customer's bounced mails: never one for its own.
    assert len([row for row in rows if row[0] == "needs_attention"]) <= 3


async def test_somebody_says_that_a_mail_came_back(client: AsyncClient, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    case = (await submit(client, lamp()))["cases"][0]
    (mail, *_) = (await client.get(f"{V1}/messages?case={case['id']}")).json()["items"]
    path = f"{V1}/messages/{mail['id']}/bounced"
    refused = await client.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "mail_not_sent")
    async with runtime.work() as work:
        (await work.session.get_one(Message, UUID(mail["id"]))).status = MessageStatus.SENT
    assert (await client.post(path, headers=VIEWER)).status_code == 403
    for _ in range(2):
        answer = await client.post(path, json={"detail": "mailbox full"})
        assert (answer.status_code, answer.json()["status"], answer.json()["error"]) == (200, "bounced", "mailbox full")
    shown = (await client.get(f"{V1}/cases/{case['id']}")).json()
    assert any("mail came back" in why for why in shown["attention_why"])
    unknown = await client.post(f"{V1}/messages/{case['id']}/bounced")
    assert unknown.status_code == 404


async def test_a_bounced_mail_keeps_no_money_back(client: AsyncClient, runtime: Runtime) -> None:
    """The refund of a case with an unreachable customer goes out, even when its job was lost."""
    store = FakeStore("alpha", order_of())
    runtime.stores = FakeStores(store)
    case = await case_in(client, runtime, "resolving")
    async with runtime.work() as work:
        await cases.add_problem(work, await cases.lock(work, UUID(case["id"])), "mail_bounced", "x")
        await work.session.execute(text("DELETE FROM procrastinate_jobs"))
    clock = MovableClock()
    clock.move(timedelta(minutes=2))
    runtime.clock = clock
    await run_until_idle(runtime)
    assert len(store.sent) == 1


@pytest.mark.parametrize(("locale", "language"), [("he-IL", "he"), ("fr", "fr"), (None, "en")])
async def test_a_preview_shows_a_message_without_writing_it(
    client: AsyncClient, runtime: Runtime, locale: str | None, language: str
) -> None:
    asked: dict[str, Any] = {"kind": "rma_issued", "store": "ALPHA", **({"locale": locale} if locale else {})}
    answer = await client.get(f"{V1}/messages/preview", params=asked, headers=VIEWER)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["language"], told["own_wording"], told["fault"]) == (language, False, None)
    assert "RMA-4711" in told["text"]
    assert "Alpha Lamps" in told["html"]
    assert (await client.get(f"{V1}/messages")).json()["items"] == []
    assert (await client.get(f"{V1}/messages/preview", params={**asked, "store": "gamma"})).status_code == 404
    assert (await client.get(f"{V1}/messages/preview", params={**asked, "kind": "poem"})).status_code == 422


async def test_a_preview_says_why_a_stores_words_cannot_be_used(
    client: AsyncClient, runtime: Runtime, tmp_path: Any
) -> None:
    runtime.settings.wording_dir = tmp_path
    file = tmp_path / "alpha" / "en" / "receipt.txt"
    file.parent.mkdir(parents=True)
    file.write_text("Hi {{ order }}\n\nWe have {{ nothing }}\n", encoding="utf-8")
    asked = {"kind": "receipt", "store": "alpha", "locale": "en"}
    told = (await client.get(f"{V1}/messages/preview", params=asked)).json()
    assert told["own_wording"] is False
    assert told["fault"].endswith("receipt.txt:3: 'nothing' is undefined")
    assert "This message confirms" in told["text"]
    file.write_text("Hi {{ order }}\n\nWe have it\n", encoding="utf-8")
    told = (await client.get(f"{V1}/messages/preview", params=asked)).json()
    assert (told["own_wording"], told["fault"], told["subject"]) == (True, None, "Hi #1106")
