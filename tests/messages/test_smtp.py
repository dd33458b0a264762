from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from app.errors import ConfigError
from app.messages import smtp as smtp_module
from app.messages.smtp import SmtpSender
from app.outcomes import Ok, Rejected, Unknown

MESSAGE_ID = "<0199-message@lamp.example>"
SUBJECT = "קיבלנו את בקשת ההחזרה שלכם להזמנה \u2066#1106\u2069"
TEXT = "שלום,\n\n.a line that starts with a point\n" + "long " * 400 + "\n"
HTML = '<p dir="rtl">שלום</p>'


class Mailbox:
    """An SMTP handler that keeps what arrives and answers as told; `DROP` cuts the connection instead."""

    DROP = "DROP"

    def __init__(self, *, mail: str = "250 OK", rcpt: str = "250 OK", data: str = "250 OK") -> None:
        self.answers = {"mail": mail, "rcpt": rcpt, "data": data}
        self.received: list[bytes] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.over_tls: list[bool] = []

    def _answer(self, server: Any, step: str) -> str:
        if self.answers[step] == self.DROP:
            server.transport.abort()
        return self.answers[step]

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        envelope.mail_from = address
        return self._answer(server, "mail")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        envelope.rcpt_tos.append(address)
        return self._answer(server, "rcpt")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.received.append(envelope.content)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        self.over_tls.append(session.ssl is not None)
        return self._answer(server, "data")

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"p@ss:w/rd", handled=False)

    def only_message(self) -> EmailMessage:
        assert len(self.received) == 1
        return message_from_bytes(self.received[0], policy=policy.default)


@asynccontextmanager
async def mail_server(handler: Any, **options: Any) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname="mail.test", **options), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def sender_for(port: int, credentials: str = "") -> SmtpSender:
    return SmtpSender(f"smtp://{credentials}127.0.0.1:{port}", "Lamp & Cö <returns@lamp.example>")


async def send(sender: SmtpSender, **changed: Any) -> Any:
    fields: dict[str, Any] = {
        "to": "jane@example.com",
        "subject": SUBJECT,
        "text": TEXT,
        "html": HTML,
        "message_id": MESSAGE_ID,
        "reply_to": "help@lamp.example",
    }
    return await sender.send(**(fields | changed))


async def test_a_mail_arrives_whole_in_both_forms() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        assert await send(sender_for(port)) == Ok(None)
    message = mailbox.only_message()
    assert mailbox.envelopes == [("returns@lamp.example", ["jane@example.com"])]
    assert message.get_content_type() == "multipart/alternative"
    assert message["Subject"] == SUBJECT
    assert message["From"] == "Lamp & Cö <returns@lamp.example>"
    assert (message["To"], message["Reply-To"]) == ("jane@example.com", "help@lamp.example")
    assert message["Message-ID"] == MESSAGE_ID
    assert message["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert cast(EmailMessage, plain).get_content().replace("\r\n", "\n") == TEXT
    assert cast(EmailMessage, html).get_content().strip() == HTML


async def test_what_is_sent_has_seven_bits_and_short_lines() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        await send(sender_for(port))
    assert mailbox.received[0].isascii()
    assert max(map(len, mailbox.received[0].splitlines())) <= 998


async def test_without_a_reply_address_answers_go_to_the_sender() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        await send(sender_for(port), reply_to=None)
    assert mailbox.only_message()["Reply-To"] == "returns@lamp.example"


@pytest.mark.parametrize(
    ("mailbox", "code", "retryable"),
    [
        (Mailbox(rcpt="550 5.1.1 <jane@example.com> unknown"), "recipient_refused", False),
        (Mailbox(rcpt="450 4.2.0 greylisted"), "recipient_refused", True),
        (Mailbox(mail="553 5.7.1 not yours"), "mail_refused", False),
        (Mailbox(mail="452 4.3.1 full"), "mail_refused", True),
        (Mailbox(data="554 5.7.1 looks like spam"), "mail_refused", False),
        (Mailbox(data="451 4.3.0 later"), "mail_refused", True),
        (Mailbox(rcpt=Mailbox.DROP), "mail_server_unreachable", True),
    ],
)
async def test_a_refusal_is_told_without_the_address(mailbox: Mailbox, code: str, retryable: bool) -> None:
    async with mail_server(mailbox) as port:
        outcome = await send(sender_for(port))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.retryable) == (code, retryable)
    assert "jane" not in outcome.detail


async def test_the_codes_of_a_refusal_are_kept() -> None:
    async with mail_server(Mailbox(rcpt="550 5.1.1 <jane@example.com> unknown")) as port:
        outcome = await send(sender_for(port))
    assert outcome == Rejected("recipient_refused", "The mail server answered 550 5.1.1")


async def test_a_connection_lost_after_the_content_proves_nothing() -> None:
    mailbox = Mailbox(data=Mailbox.DROP)
    async with mail_server(mailbox) as port:
        outcome = await send(sender_for(port))
    assert isinstance(outcome, Unknown)
    assert len(mailbox.received) == 1


async def test_a_server_that_is_not_there_is_tried_later() -> None:
    async with mail_server(Mailbox()) as port:
        sender = sender_for(port)
    outcome = await send(sender)
    assert isinstance(outcome, Rejected)
    assert outcome.retryable


@pytest.mark.parametrize(("greeting", "retryable"), [(b"554 no service\r\n", False), (b"421 busy\r\n", True)])
async def test_a_greeting_may_refuse(greeting: bytes, retryable: bool) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        outcome = await send(sender_for(server.sockets[0].getsockname()[1]))
    assert isinstance(outcome, Rejected)
    assert outcome.retryable is retryable


@pytest.mark.parametrize(
    "address",
    [
        "",
        "jane",
        "jane@",
        "@example.com",
        "a@b@c",
        "jane@example.com, joe@example.com",
        "j\r\nRCPT TO:<x@y>@example.com",
        "<jane@example.com>",
        "jane doe@example.com",
        "é@example.com",
        "jane@exa mple.com",
        f"{'x' * 300}@example.com",
    ],
)
async def test_a_bad_address_is_refused_before_any_connection(address: str) -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        to = await send(sender_for(port), to=address)
        reply = await send(sender_for(port), reply_to=address or "-")
    assert isinstance(to, Rejected)
    assert isinstance(reply, Rejected)
    assert (to.code, to.retryable, reply.code) == ("bad_address", False, "bad_address")
    assert mailbox.received == []


async def test_an_international_domain_is_written_in_ascii() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        assert await send(sender_for(port), to="jane@bücher.example") == Ok(None)
    assert mailbox.envelopes[0][1] == ["jane@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    "changed", [{"subject": "A\r\nBcc: x@example.com"}, {"text": "\ud800"}, {"message_id": "a\nb"}]
)
async def test_a_header_cannot_be_forged(changed: dict[str, str]) -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        outcome = await send(sender_for(port), **changed)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.retryable) == ("bad_message", False)
    assert mailbox.received == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_credentials_are_decoded_and_shown_on_loopback() -> None:
    mailbox = Mailbox()
    async with mail_server(
        mailbox, authenticator=mailbox.authenticate, auth_required=True, auth_require_tls=False
    ) as port:
        assert await send(sender_for(port, "us%40er:p%40ss%3Aw%2Frd@")) == Ok(None)
        refused = await send(sender_for(port, "us%40er:wrong@"))
    assert mailbox.logins[0] == (b"us@er", b"p@ss:w/rd")
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.retryable) == ("mail_login_refused", False)


async def test_credentials_are_not_shown_to_another_machine_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_module, "_is_loopback", lambda _host: False)
    mailbox = Mailbox()
    async with mail_server(mailbox, authenticator=mailbox.authenticate, auth_require_tls=False) as port:
        outcome = await send(sender_for(port, "user:secret@"))
        assert await send(sender_for(port)) == Ok(None)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.retryable) == ("mail_server_unreachable", True)
    assert "STARTTLS" in outcome.detail
    assert mailbox.logins == []
    assert len(mailbox.received) == 1


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-days", "2", "-newkey", "rsa:2048", "-nodes"]
    subprocess.run([openssl, "req", "-x509", *subject, "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


async def test_starttls_is_used_when_it_is_offered(certificate: ssl.SSLContext) -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox, tls_context=certificate) as port:
        assert await send(sender_for(port)) == Ok(None)
    assert mailbox.over_tls == [True]


async def test_another_machine_must_have_a_good_certificate(
    certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_module, "_is_loopback", lambda _host: False)
    mailbox = Mailbox()
    async with mail_server(mailbox, tls_context=certificate) as port:
        outcome = await send(sender_for(port, "user:secret@"))
    assert isinstance(outcome, Rejected)
    assert "CertVerification" in outcome.detail
    assert mailbox.received == []


@pytest.mark.parametrize(
    "url", ["", "mail.example", "http://mail.example", "smtp://", "smtp://u:s3cret@h:99999", "smtp://h/x"]
)
def test_an_unreadable_url_is_a_setting_to_mend(url: str) -> None:
    with pytest.raises(ConfigError, match="MAKEGOOD_SMTP_URL") as refused:
        SmtpSender(url, "returns@lamp.example")
    assert "s3cret" not in refused.value.detail


@pytest.mark.parametrize("mail_from", ["", "Lamp", "Lamp <>", "Lamp\r\nBcc: x@y.example <a@b.example>"])
def test_an_unreadable_sender_is_a_setting_to_mend(mail_from: str) -> None:
    with pytest.raises(ConfigError, match="MAKEGOOD_MAIL_FROM"):
        SmtpSender("smtp://mail.example", mail_from)


def test_a_password_is_not_in_the_repr() -> None:
    sender = SmtpSender("smtps://user:s3cret@mail.example", "returns@lamp.example")
    assert "s3cret" not in repr(vars(sender))
