"""A stage on which the supplier `byhand` is written to by a real mail server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from pydantic import SecretStr

from app.messages.smtp import SmtpSender
from tests.e2e.conftest import staged
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_stories import lamp, shopify_order
from tests.messages.test_smtp import Mailbox, mail_server

ADDRESS = "returns@byhand.example"
_LINK = re.compile(r"^https?://\S+/supplier/\S+$", re.MULTILINE)


def written_to(stage: Stage, **changes: Any) -> None:
    """Has the supplier `byhand` written to."""
    known = stage.runtime.settings.suppliers
    known["byhand"] = known["byhand"].model_copy(update={"channel": "email", "email": ADDRESS, **changes})


@asynccontextmanager
async def mailing(database_url: str, **changes: Any) -> AsyncIterator[tuple[Stage, Mailbox]]:
    """The stage with a mail server; `changes` are terms of the supplier."""
    mailbox = Mailbox()
    async with staged(database_url) as stage, mail_server(mailbox) as port:
        url = f"smtp://127.0.0.1:{port}"
        stage.runtime.settings.smtp_url = SecretStr(url)
        stage.runtime.mail = SmtpSender(url, "Alpha Lamps <returns@alpha.example>")
        written_to(stage, **changes)
        yield stage, mailbox


def letters(mailbox: Mailbox) -> list[EmailMessage]:
    """What the supplier has received, oldest first."""
    return [
        message_from_bytes(raw, policy=policy.default)
        for raw, (_, to) in zip(mailbox.received, mailbox.envelopes, strict=True)
        if to == [ADDRESS]
    ]


def text_of(letter: EmailMessage) -> str:
    """The plain part of a mail."""
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def links_in(text: str) -> list[str]:
    """The links to the supplier's pages, each alone on its line."""
    return _LINK.findall(text)


async def lamp_case(stage: Stage, reason: str = "changed_mind", units: int = 1, **more: Any) -> dict[str, Any]:
    """A case of lamps of By Hand that have just been delivered."""
    order_id, _ = await shopify_order(stage, [lamp(vendor="By Hand", quantity=units, **more)])
    asked = {"sku": "LAMP-01", "quantity": units, "reason": reason, "note": "does not light"}
    (case,) = await stage.ask(SHOP, order_id, [asked])
    return case
