"""What `makegood doctor` asks of others: stores, suppliers and the mail server."""

from __future__ import annotations

from urllib.parse import urlsplit

import aiosmtplib
import httpx

from app.cases.vocabulary import Remedy
from app.errors import AppError, ConfigError
from app.evidence.bucket import BucketUnavailable, bucket_of
from app.messages.smtp import SmtpSender
from app.orders.snapshot import Platform
from app.policy.files import PolicyFault, load
from app.settings import Settings
from app.settings_store import StoreSettings
from app.settings_supplier import SupplierSettings
from app.settings_types import is_loopback_host
from app.stores.base import Feature, Finding, Store
from app.stores.callbacks import callback_url, missing_topics
from app.stores.registry import build_store
from app.stores.shopify_check import COUPON_SCOPE, REQUIRED_SCOPES
from app.stores.shopify_webhooks import TOPICS as SHOPIFY_TOPICS
from app.stores.woocommerce_webhooks import TOPICS as WOOCOMMERCE_TOPICS
from app.suppliers.registry import build_channel

# Seconds for one answer of a supplier or mail server that is only asked whether it is there.
_PATIENCE = 10.0


def needed_topics(platform: Platform) -> tuple[str, ...]:
    """The topics without which something would be missed. Topics of scopes that are only advised are not among them."""
    if platform is Platform.WOOCOMMERCE:
        return WOOCOMMERCE_TOPICS
    granted = frozenset(REQUIRED_SCOPES)
    return tuple(topic for topic, scopes in SHOPIFY_TOPICS.items() if not scopes or scopes & granted)


async def check_stores(settings: Settings) -> list[Finding]:
    """Credentials, scopes and webhooks of every store."""
    if not settings.stores:
        mend = "Set MAKEGOOD_STORES__<KEY>__PLATFORM and the settings that it asks for."
        return [Finding("stores", True, "none is configured", mend)]
    found: list[Finding] = []
    for key, configured in settings.stores.items():
        store = build_store(key, configured)
        try:
            asked = await store.check(_offered(configured))
            checked = [_named(key, finding) for finding in asked if _wanted(finding, configured)]
            if all(finding.ok for finding in checked):
                checked.append(await _subscriptions(store, configured, callback_url(settings, key)))
        finally:
            await store.aclose()
        found += checked
    return found


def _wanted(finding: Finding, configured: StoreSettings) -> bool:
    """A scope for coupons matters only where the policy offers some."""
    if not finding.subject.endswith(f"scope {COUPON_SCOPE}"):
        return True
    try:
        return load(configured.policy).policy.thanks.offers
    except PolicyFault:
        return False


def _offered(configured: StoreSettings) -> frozenset[Feature]:
    """What the remedies on offer need of the store."""
    try:
        remedies = set(load(configured.policy).policy.remedies.offered)
    except PolicyFault:
        return frozenset()
    needs = {Feature.STORE_CREDIT: {Remedy.STORE_CREDIT}, Feature.NEW_ORDERS: {Remedy.REPLACEMENT, Remedy.EXCHANGE}}
    return frozenset(feature for feature, those in needs.items() if those & remedies)


def _named(key: str, finding: Finding) -> Finding:
    lead = f"store {key}"
    subject = finding.subject if finding.subject.startswith(f"{lead}:") else f"{lead}: {finding.subject}"
    return Finding(subject, finding.ok, finding.detail, finding.mend)


async def _subscriptions(store: Store, configured: StoreSettings, url: str) -> Finding:
    subject = f"store {store.key}: webhooks"
    try:
        there = await store.list_subscriptions()
    except AppError as error:
        return Finding(subject, False, error.detail, "Let the credentials read webhooks, then run this again.")
    missing = missing_topics(needed_topics(configured.platform), there, url)
    if not missing:
        return Finding(subject, True, f"all go to {url}")
    mend = f"Run: makegood webhooks sync --store {store.key}"
    if configured.dry_run:
        mend += " (with DRY_RUN=false for that moment: a dry run writes nothing into the store)"
    return Finding(subject, False, f"missing or switched off at {url}: {', '.join(missing)}", mend)


async def check_suppliers(settings: Settings) -> list[Finding]:
    """Whether each supplier with an API answers at all; how the others are reached."""
    return [await _supplier(settings, key, supplier) for key, supplier in settings.suppliers.items()]


async def _supplier(settings: Settings, key: str, supplier: SupplierSettings) -> Finding:
    subject = f"supplier {key}"
    if supplier.channel == "manual":
        return Finding(subject, True, "relayed by the operator")
    if supplier.channel == "email" and settings.smtp_url is not None:
        return Finding(subject, True, f"written to at {supplier.email}")
    if supplier.channel == "email":
        mend = "Set MAKEGOOD_SMTP_URL, or pass on the mails that GET /messages shows; it answers on its page."
        return Finding(subject, True, "written to, and no mail server is set: its mails are stored", mend)
    if supplier.channel != "http" or supplier.base_url is None:
        detail = f"channel {supplier.channel}: relayed by the operator for now"
        return Finding(subject, True, detail, "Enter its answers with the API; its cases are marked supplier_by_hand.")
    setting = f"MAKEGOOD_SUPPLIERS__{key.upper()}__BASE_URL"
    try:
        await build_channel(key, supplier).aclose()
        async with httpx.AsyncClient(timeout=_PATIENCE) as client:
            answer = await client.get(supplier.base_url)
    except ConfigError as error:
        return Finding(subject, False, error.detail, "Ask the supplier for its signing secret.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        detail = f"{supplier.base_url} does not answer ({type(error).__name__})"
        return Finding(subject, False, detail, f"Check {setting}, the network and whether the supplier's API is up.")
    # Any answer proves that something is there; its root need not be a page.
    return Finding(subject, True, f"{supplier.base_url} answers (HTTP {answer.status_code})")


async def check_photos(settings: Settings) -> list[Finding]:
    """Whether the bucket for photos is there, when one is set."""
    if settings.photos_s3_url is None:
        return []
    mend = "Check MAKEGOOD_PHOTOS_S3_URL, _BUCKET, _ACCESS_KEY, _SECRET_KEY and _REGION."
    try:
        bucket = bucket_of(settings)
        there = bucket is not None and await bucket.is_there()
    except (BucketUnavailable, ConfigError) as error:
        return [Finding("photos", False, error.detail, mend)]
    told = f"are kept in the bucket {settings.photos_s3_bucket}"
    return [Finding("photos", True, told) if there else Finding("photos", False, "there is no such bucket", mend)]


async def check_mail(settings: Settings) -> Finding:
    """Whether the mail server greets; credentials are not shown to it."""
    if settings.smtp_url is None:
        mend = "Set MAKEGOOD_SMTP_URL and MAKEGOOD_MAIL_FROM to have them sent."
        return Finding("mail", True, "mails are stored, not sent", mend)
    url = settings.smtp_url.get_secret_value()
    try:
        SmtpSender(url, settings.mail_from or "")
    except ConfigError as error:
        return Finding("mail", False, error.detail, "Mend the setting.")
    parts = urlsplit(url.strip())
    implicit_tls = parts.scheme == "smtps"
    port = parts.port or (465 if implicit_tls else 587)
    named = f"{parts.hostname}:{port}"
    smtp = aiosmtplib.SMTP(
        hostname=parts.hostname, port=port, use_tls=implicit_tls, start_tls=False, timeout=_PATIENCE,
        validate_certs=not is_loopback_host(parts.hostname),
    )  # fmt: skip
    try:
        async with smtp:
            await smtp.ehlo()
    except (aiosmtplib.SMTPException, OSError) as error:
        detail = f"{named} does not greet ({type(error).__name__})"
        return Finding("mail", False, detail, "Check the host and port in MAKEGOOD_SMTP_URL and the network.")
    return Finding("mail", True, f"{named} greets")
