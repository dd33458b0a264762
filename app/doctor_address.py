"""Whether stores reach this Makegood at its public URL, as far as this machine can tell, and what time they have."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from app import __version__
from app.http import tls_context
from app.settings import Settings
from app.stores.base import Finding
from app.stores.callbacks import callback_url
from app.stores.listing import api_url

# Seconds for one answer.
_PATIENCE = 10.0
# Seconds. Signatures of suppliers live for 5 minutes and those of WooCommerce over plain http for 15.
_CLOCK_TOLERANCE = 60.0
_SUBJECT = "public URL, asked"
_MEND = "Let MAKEGOOD_PUBLIC_URL be the https address at which the proxy passes everything on to makegood serve."


async def check_address(settings: Settings) -> list[Finding]:
    """Asks the public URL, when one is set, for what a store would meet there. Nothing is stored by it."""
    if "public_url" not in settings.model_fields_set:
        return []
    async with httpx.AsyncClient(timeout=_PATIENCE, verify=tls_context(), follow_redirects=False) as client:
        try:
            found = _at_home(settings.public_url, await client.get(f"{settings.public_url}/healthz"))
            if not found.ok:
                return [found]
            return [found, *[finding for key in settings.stores for finding in await _door(client, settings, key)]]
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return [_unreachable(settings.public_url, error)]


def _at_home(url: str, answer: httpx.Response) -> Finding:
    if answer.is_redirect:
        detail = f"{url} redirects (HTTP {answer.status_code}): a store takes that for a failure or loses the event"
        mend = "Set MAKEGOOD_PUBLIC_URL to the address that it leads to, and run: makegood webhooks sync"
        return Finding(_SUBJECT, False, detail, mend, "public_url_redirects")
    told = _json(answer)
    if answer.status_code != 200 or told.get("status") != "ok" or "version" not in told:
        detail = f"{url}/healthz answers HTTP {answer.status_code}, and not as Makegood does"
        return Finding(_SUBJECT, False, detail, _MEND, "public_url_elsewhere")
    if told["version"] != __version__:
        detail = f"version {str(told['version'])[:20]} answers there, and this is {__version__}"
        return Finding(_SUBJECT, True, detail, "Restart the service when the upgrade is done.", "public_url_version")
    return Finding(_SUBJECT, True, f"Makegood {__version__} answers there")


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


async def _door(client: httpx.AsyncClient, settings: Settings, key: str) -> list[Finding]:
    """An unsigned delivery must be turned away by Makegood itself (401): then a signed one gets through."""
    answer = await client.post(callback_url(settings, key), json={})
    subject = f"store {key}: webhook address"
    if answer.status_code == 401 and _json(answer).get("code") == "bad_signature":
        return [Finding(subject, True, "reached through the public URL")]
    if answer.status_code == 404 and _json(answer).get("code") == "unknown_source":
        detail = "the Makegood at the public URL does not know this store"
        mend = "Give it the same settings as here, and restart it."
        return [Finding(subject, False, detail, mend, "webhook_store_unknown")]
    detail = f"HTTP {answer.status_code} answers deliveries to {callback_url(settings, key)} before Makegood sees them"
    mend = "Let the proxy or firewall pass POST to /webhooks on as it is, bodies of up to 5 MiB included."
    return [Finding(subject, False, detail, mend, "webhook_blocked")]


def _unreachable(url: str, error: Exception) -> Finding:
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        mend = "Get a certificate for that name from a public authority (Caddy and certbot do); stores check it."
        return Finding(_SUBJECT, False, f"the certificate of {url} is not valid", mend, "public_url_certificate")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        mend = "Mend MAKEGOOD_PUBLIC_URL, or make the name known in DNS."
        return Finding(_SUBJECT, False, f"nobody knows the name in {url}", mend, "public_url_unknown_host")
    detail = f"{url} does not answer from here ({type(error).__name__})"
    mend = "Start makegood serve and the proxy before it; some networks do not reach their own public address."
    return Finding(_SUBJECT, True, detail, mend, "public_url_unreachable")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


async def check_store_clocks(settings: Settings) -> list[Finding]:
    """How far this machine's clock is from those of the stores, by the `Date` of their answers."""
    found = []
    # No credentials are sent: a private certificate needs no check here.
    async with httpx.AsyncClient(timeout=_PATIENCE, verify=False) as client:  # noqa: S501
        for key, store in settings.stores.items():
            try:
                there = _date(await client.head(api_url(store)))
            except (httpx.HTTPError, httpx.InvalidURL):
                continue
            if there is not None:
                found.append(_clock(key, abs((there - datetime.now(UTC)).total_seconds())))
    return found


def _date(answer: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        return None


def _clock(key: str, apart: float) -> Finding:
    subject = f"store {key}: clock"
    detail = f"this machine and the store are {apart:.0f} s apart"
    if apart < _CLOCK_TOLERANCE:
        return Finding(subject, True, detail)
    mend = "Set this machine's clock by NTP; if it is right, tell whoever hosts the store."
    return Finding(subject, False, detail, mend, "store_clock_off")
