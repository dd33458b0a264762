"""What `makegood doctor` asks of the stores and of the bucket for photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import httpx

from app.cases.vocabulary import Remedy
from app.errors import AppError, ConfigError
from app.evidence.bucket import BucketUnavailable, bucket_of
from app.http import tls_context
from app.orders.snapshot import Platform
from app.policy.files import PolicyFault, load
from app.settings import Settings
from app.settings_store import StoreSettings
from app.stores.base import Feature, Finding, Store, Subscription
from app.stores.callbacks import callback_url, elsewhere, needs
from app.stores.listing import api_url
from app.stores.registry import build_store
from app.stores.shopify_check import COUPON_SCOPE, REQUIRED_SCOPES
from app.stores.shopify_token import ClientCredentials, TokenRefused, TokenUnavailable
from app.stores.shopify_webhooks import TOPICS as SHOPIFY_TOPICS
from app.stores.woocommerce_webhooks import TOPICS as WOOCOMMERCE_TOPICS

# Seconds for one answer that is only asked to see whether there is one.
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
        return [Finding("stores", True, "none is configured", mend, "store_none")]
    found: list[Finding] = []
    for key, configured in settings.stores.items():
        store = build_store(key, configured)
        try:
            asked = await store.check(_offered(configured))
            checked = [_named(key, finding) for finding in asked if _wanted(finding, configured)]
            if all(finding.ok for finding in checked):
                checked += await _secret(key, configured)
                checked += await _subscriptions(store, configured, callback_url(settings, key))
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
    return replace(finding, subject=subject)


async def _secret(key: str, configured: StoreSettings) -> list[Finding]:
    """A static token works whatever CLIENT_SECRET is, and webhooks do not: the pair is tried for a token, if it can."""
    if configured.access_token is None or not configured.client_id or configured.client_secret is None:
        return []
    asked = f"{api_url(configured)}/admin/oauth/access_token"
    async with httpx.AsyncClient(timeout=_PATIENCE, verify=tls_context()) as client:
        pair = ClientCredentials(client, asked, configured.client_id, configured.client_secret.get_secret_value())
        try:
            await pair.current()
        except TokenRefused as error:
            detail = f"Shopify gives no token for CLIENT_ID and CLIENT_SECRET ({error}): the secret may be wrong"
            mend = (
                "Webhooks are signed with the secret of the app that made them: copy it again from the app's settings. "
                "A legacy custom app has no such tokens: leave CLIENT_ID out there."
            )
            return [Finding(f"store {key}: client secret", True, detail, mend, "client_secret_doubtful")]
        except TokenUnavailable:
            return []
    return [Finding(f"store {key}: client secret", True, "Shopify knows it")]


async def _subscriptions(store: Store, configured: StoreSettings, url: str) -> list[Finding]:
    subject = f"store {store.key}: webhooks"
    try:
        there = await store.list_subscriptions()
    except AppError as error:
        mend = "Let the credentials read webhooks, then run this again."
        return [Finding(subject, False, error.detail, mend, "webhooks_hidden")]
    mend = f"Run: makegood webhooks sync --store {store.key}"
    if configured.dry_run:
        mend += " (with DRY_RUN=false for that moment: a dry run writes nothing into the store)"
    found = list(_judged(subject, needed_topics(configured.platform), there, url, mend))
    return found or [Finding(subject, True, f"all go to {url}")]


def _judged(
    subject: str, wanted: Sequence[str], there: Sequence[Subscription], url: str, mend: str
) -> Iterator[Finding]:
    found = needs(wanted, there, url)
    if found.absent:
        yield Finding(subject, False, f"missing at {url}: {', '.join(found.absent)}", mend, "webhooks_missing")
    if found.off:
        detail = f"switched off at {url} (the store does so after failed deliveries): {', '.join(found.off)}"
        yield Finding(subject, False, detail, mend, "webhooks_inactive")
    if found.twice:
        detail = f"there more than once: {', '.join(found.twice)}; each event comes as often"
        yield Finding(subject, True, detail, mend, "webhooks_duplicate")
    if others := elsewhere(there, url):
        detail = f"sent to {', '.join(others)} too: an old address of ours, or another Makegood on the same store"
        ask = "Delete them in the store, or stop the other Makegood: two would both refund on their own."
        yield Finding(subject, True, detail, ask, "webhooks_elsewhere")


async def check_photos(settings: Settings) -> list[Finding]:
    """Whether the bucket for photos is there, when one is set."""
    if settings.photos_s3_url is None:
        return []
    mend = "Check MAKEGOOD_PHOTOS_S3_URL, _BUCKET, _ACCESS_KEY, _SECRET_KEY and _REGION."
    try:
        bucket = bucket_of(settings)
        there = bucket is not None and await bucket.is_there()
    except (BucketUnavailable, ConfigError) as error:
        return [Finding("photos", False, error.detail, mend, "photos_unusable")]
    told = f"are kept in the bucket {settings.photos_s3_bucket}"
    if not there:
        return [Finding("photos", False, "there is no such bucket", mend, "photos_no_bucket")]
    return [Finding("photos", True, told)]
