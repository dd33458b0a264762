"""Sends a message through a mail server, once, and says what became of it.

A mail is accepted when the server answers 250 to the end of DATA. Before DATA nothing can have been sent; from DATA on,
a lost connection proves nothing, and sending again might send twice.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib

from app.errors import ConfigError
from app.outcomes import Ok, Rejected, Unknown

SendOutcome = Ok[None] | Rejected | Unknown

# Seconds for each step. A server may scan the content for a while before it accepts it (RFC 5321 speaks of minutes).
_STEP = 30.0
_CONTENT = 120.0
_FAREWELL = 5.0

# What mail servers accept without SMTPUTF8; quoted local parts and address literals have no use here.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}", re.ASCII)
_LONGEST_ADDRESS = 254
_ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b", re.ASCII)

# Seven bits throughout: no server on the way has to convert (and so break) anything.
_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class _Server:
    host: str
    port: int
    implicit_tls: bool
    on_loopback: bool
    username: str | None
    password: str | None = field(repr=False)


class SmtpSender:
    """Sends through the server of `url` from `mail_from`.

    `smtp://user:password@host:587` upgrades with STARTTLS when the server offers it, and insists on it before it shows
    credentials to anything but loopback; `smtps://` is TLS from the start. Credentials are percent-decoded.
    `mail_from` is an address or `Name <address>`. Raises `ConfigError` when one of the two cannot be read.
    """

    def __init__(self, url: str, mail_from: str) -> None:
        self._server = _read_url(url)
        name, address = parseaddr(mail_from)
        sender = _address(address)
        if sender is None or not mail_from.isprintable():
            raise ConfigError("MAKEGOOD_MAIL_FROM must be an address, such as Returns <returns@example.com>")
        self._sender = sender
        self.mail_from = formataddr((name, sender))

    async def send(
        self, to: str, subject: str, text: str, html: str, message_id: str, reply_to: str | None = None
    ) -> SendOutcome:
        """Sends one mail. `message_id` (`<id@host>`) is the same on every try, so that a reader sees a repeat as one.

        Never raises for anything the server, the network or the addressee's address does.
        """
        recipient = _address(to)
        answer_to = _address(reply_to) if reply_to else self._sender
        if recipient is None or answer_to is None:
            return Rejected("bad_address", "An address of this mail cannot be written to")
        message = EmailMessage(policy=_POLICY)
        try:
            message["To"] = recipient
            message["Reply-To"] = answer_to
            message["Message-ID"] = message_id
            message["Date"] = format_datetime(datetime.now(UTC))
            # RFC 3834: keeps holiday notices and other robots from answering.
            message["Auto-Submitted"] = "auto-generated"
            message.set_content(text)
            message.add_alternative(html, subtype="html")
            content = _head(self.mail_from, subject) + message.as_bytes()
        except ValueError:
            return Rejected("bad_message", "A header or text of this mail has characters that no mail can carry")
        return await self._deliver(recipient, content)

    async def greet(self) -> Rejected | None:
        """Connects, upgrades to TLS and logs in as a mail would, and sends none; None when all of it went well."""
        smtp = self._connection()
        try:
            return await _carefully(smtp.connect())
        finally:
            smtp.close()

    async def _deliver(self, recipient: str, content: bytes) -> SendOutcome:
        smtp = self._connection()
        try:
            refusal = await self._introduce(smtp, recipient)
            return refusal or await _hand_over(smtp, content)
        finally:
            smtp.close()

    def _connection(self) -> aiosmtplib.SMTP:
        server = self._server
        must_upgrade = bool(server.username) and not server.on_loopback
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            timeout=_STEP,
            use_tls=server.implicit_tls,
            start_tls=False if server.implicit_tls else must_upgrade or None,
            # A relay on this machine rarely has a certificate for "localhost", and nothing leaves the machine.
            validate_certs=not server.on_loopback,
        )

    async def _introduce(self, smtp: aiosmtplib.SMTP, recipient: str) -> Rejected | None:
        async def steps() -> None:
            await smtp.connect()
            await smtp.mail(self._sender)
            await smtp.rcpt(recipient)

        return await _carefully(steps())


async def _carefully(steps: Awaitable[object]) -> Rejected | None:
    """Takes steps that come before any content; a refusal proves that no mail was sent."""
    try:
        await steps
    except aiosmtplib.SMTPAuthenticationError as error:
        return _refusal("mail_login_refused", error)
    except aiosmtplib.SMTPRecipientRefused as error:
        return _refusal("recipient_refused", error)
    except aiosmtplib.SMTPResponseException as error:
        return _refusal("mail_refused", error)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        # The library's own words name host, port or what the server lacks; other errors may quote credentials.
        reason = error.message if isinstance(error, aiosmtplib.SMTPException) else type(error).__name__
        return Rejected("mail_server_unreachable", f"No mail was sent: {reason[:160]}", retryable=True)
    return None


def _head(sender: str, subject: str) -> bytes:
    """The two headers that people's words are in.

    The standard library's own folding loses a space where it cuts a subject that is not ASCII into encoded words (seen
    in Python 3.11 with a Hebrew one); its older `Header` keeps spaces inside them. Raises `ValueError`.
    """
    if any(char in "\r\n\x00" for char in subject + sender):
        raise ValueError("A header has one line")
    words = Header(subject, None if subject.isascii() else "utf-8", maxlinelen=76, header_name="Subject")
    return f"From: {sender}\r\nSubject: {words.encode(linesep=_POLICY.linesep)}\r\n".encode("ascii")


async def _hand_over(smtp: aiosmtplib.SMTP, content: bytes) -> SendOutcome:
    try:
        await smtp.data(content, timeout=_CONTENT)
    except aiosmtplib.SMTPResponseException as error:
        if error.code // 100 in (4, 5):
            return _refusal("mail_refused", error)
        return Unknown("mail_unknown", f"The mail server answered {error.code} to the content")
    except (aiosmtplib.SMTPException, OSError) as error:
        return Unknown("mail_unknown", f"The mail server was lost while it took the content: {type(error).__name__}")
    # The mail is accepted; how the server takes leave changes nothing.
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await smtp.quit(timeout=_FAREWELL)
    return Ok(None)


def _refusal(code: str, error: aiosmtplib.SMTPResponseException) -> Rejected:
    # Only the codes are kept: servers repeat the addressee's address in their texts.
    enhanced = _ENHANCED_CODE.match(str(error.message))
    detail = f"The mail server answered {error.code}{' ' + enhanced[0] if enhanced else ''}"
    return Rejected(code, detail, retryable=error.code // 100 != 5)


def _address(text: str) -> str | None:
    local, at, domain = text.strip().rpartition("@")
    try:
        address = f"{local}{at}{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return None
    return address if len(address) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(address) else None


def _read_url(url: str) -> _Server:
    problem = ConfigError("MAKEGOOD_SMTP_URL must look like smtp://user:password@host:587 or smtps://…")
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise problem from None
    host = parts.hostname
    if parts.scheme not in ("smtp", "smtps") or not host or parts.path.strip("/") or parts.query:
        raise problem
    return _Server(
        host=host,
        port=port or (465 if parts.scheme == "smtps" else 587),
        implicit_tls=parts.scheme == "smtps",
        on_loopback=_is_loopback(host),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
