"""Sending mails: once for each event, tried again when the server says later, never again when in doubt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from app.clock import MovableClock
from app.db.base import new_id
from app.messages.models import Message, MessageStatus
from app.messages.smtp import SmtpSender
from app.orders import service as orders
from app.orders.snapshot import Line, OrderSnapshot, Platform
from app.requests.models import ReturnRequest
from app.runtime import Runtime
from app.worker import run_until_idle
from tests.messages.test_smtp import Mailbox, mail_server


async def queued(runtime: Runtime) -> UUID:
    """One mail that waits to be sent."""
    async with runtime.work() as work:
        news = OrderSnapshot(
            platform=Platform.SHOPIFY, order_id="1", number="#1", currency="EUR", exponent=2, total=1, captured=1,
            status="paid", placed_at=work.now, updated_at=work.now, lines=(Line("1", "Lamp", 1, 1),),
        )  # fmt: skip
        order, _ = await orders.keep(work, "alpha", news)
        request = ReturnRequest(
            id=new_id(), store="alpha", order_pk=order.id, origin="api", remedy="refund", lines=[], created_at=work.now
        )
        work.session.add(request)
        await work.session.flush()
        message = Message(
            id=new_id(), dedupe_key="k", request_id=request.id, kind="receipt", recipient="ana@example.com",
            language="en", subject="Hello", text="Hello\n", html="<p>Hello</p>", status=MessageStatus.QUEUED,
            next_try_at=work.now, created_at=work.now,
        )  # fmt: skip
        work.session.add(message)
    return message.id


async def outcome(runtime: Runtime, mailbox: Mailbox, waits: int = 0) -> dict[str, Any]:
    clock = MovableClock()
    runtime.clock = clock
    message_id = await queued(runtime)
    async with mail_server(mailbox) as port:
        runtime.mail = SmtpSender(f"smtp://127.0.0.1:{port}", "Shop <returns@shop.example>")
        await run_until_idle(runtime)
        for _ in range(waits):
            clock.move(timedelta(hours=10))
            await run_until_idle(runtime)
    async with runtime.work() as work:
        message = await work.session.get_one(Message, message_id)
    return {"status": message.status, "attempts": message.attempts, "error": message.error, "sent": message.sent_at}


async def test_a_mail_is_sent_once(runtime: Runtime) -> None:
    mailbox = Mailbox()
    told = await outcome(runtime, mailbox, waits=2)
    assert (told["status"], told["attempts"]) == ("sent", 1)
    assert told["sent"] is not None
    received = mailbox.only_message()
    assert received["To"] == "ana@example.com"
    assert received["Message-ID"].endswith("@shop.example>")


async def test_a_busy_server_gets_it_later(runtime: Runtime) -> None:
    mailbox = Mailbox(rcpt="451 later")
    told = await outcome(runtime, mailbox, waits=2)
    assert (told["status"], told["attempts"]) == ("queued", 3)
    assert mailbox.received == []


async def test_a_refused_mail_is_given_up_and_says_why(runtime: Runtime) -> None:
    told = await outcome(runtime, Mailbox(rcpt="550 no such user"), waits=1)
    assert (told["status"], told["attempts"]) == ("bounced", 1)
    assert told["error"]


async def test_a_mail_in_doubt_is_not_sent_again(runtime: Runtime) -> None:
    mailbox = Mailbox(data=Mailbox.DROP)
    told = await outcome(runtime, mailbox, waits=2)
    assert (told["status"], told["attempts"]) == ("uncertain", 1)
    assert len(mailbox.received) == 1


async def test_a_mail_whose_sender_died_is_in_doubt(runtime: Runtime) -> None:
    clock = MovableClock()
    runtime.clock = clock
    message_id = await queued(runtime)
    runtime.mail = SmtpSender("smtp://127.0.0.1:9", "returns@shop.example")
    async with runtime.work() as work:
        message = await work.session.get_one(Message, message_id)
        message.status = MessageStatus.SENDING
    clock.move(timedelta(minutes=6))
    await run_until_idle(runtime)
    async with runtime.work() as work:
        assert (await work.session.get_one(Message, message_id)).status == "uncertain"
