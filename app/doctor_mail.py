"""What `makegood doctor` finds at the mail server: it logs in as a mail would, and sends none."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from app.errors import ConfigError
from app.messages.smtp import SmtpSender
from app.outcomes import Rejected
from app.settings import Settings
from app.stores.base import Finding

# Seconds for a server that is only asked whether it lets us in.
_PATIENCE = 15.0


async def check_mail(settings: Settings) -> Finding:
    """Whether the mail server greets, speaks TLS where a password needs it, and takes the password."""
    if settings.smtp_url is None:
        mend = "Set MAKEGOOD_SMTP_URL and MAKEGOOD_MAIL_FROM to have them sent."
        return Finding("mail", True, "mails are stored, not sent", mend, "mail_not_sent")
    url = settings.smtp_url.get_secret_value()
    try:
        sender = SmtpSender(url, settings.mail_from or "")
    except ConfigError as error:
        return Finding("mail", False, error.detail, "Mend the setting.", "mail_setting_wrong")
    parts = urlsplit(url.strip())
    named = f"{parts.hostname}:{parts.port or (465 if parts.scheme == 'smtps' else 587)}"
    try:
        async with asyncio.timeout(_PATIENCE):
            refusal = await sender.greet()
    except TimeoutError:
        refusal = Rejected("mail_server_unreachable", "it does not answer in time", retryable=True)
    if refusal is not None:
        return _refused(named, refusal)
    return Finding("mail", True, f"{named} lets us in" if parts.username else f"{named} greets; no login is set")


def _refused(named: str, refusal: Rejected) -> Finding:
    detail = f"{named}: {refusal.detail}"
    if refusal.code == "mail_login_refused":
        mend = (
            "Check user and password in MAKEGOOD_SMTP_URL (write @ : / in them as %40 %3A %2F; "
            "some providers want an app password)."
        )
        return Finding("mail", False, detail, mend, "smtp_login")
    if "STARTTLS" in refusal.detail:
        mend = "Use the port with TLS (587 with STARTTLS, or smtps://…:465): a password is not shown without it."
        return Finding("mail", False, detail, mend, "smtp_no_tls")
    if refusal.code == "mail_server_unreachable":
        mend = "Check host and port in MAKEGOOD_SMTP_URL and whether this network lets mail out (many block port 25)."
        return Finding("mail", False, detail, mend, "smtp_unreachable")
    return Finding("mail", False, detail, "Ask whoever runs the mail server why.", "smtp_refused")
