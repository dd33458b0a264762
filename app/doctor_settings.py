"""What `makegood doctor` finds in the settings alone: nothing outside is asked."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from pydantic.fields import FieldInfo

from app.errors import ConfigError
from app.messages.preview import wording_faults
from app.orders.snapshot import Platform
from app.pages.logo import LogoFault, read_logo
from app.policy.files import PolicyFault, load
from app.policy.lint import Finding as LintFinding
from app.policy.lint import lint, lint_terms
from app.settings import Settings
from app.settings_load import WrongSettings
from app.settings_store import StoreSettings
from app.settings_supplier import SupplierSettings
from app.settings_types import is_loopback_host
from app.stores.base import Finding
from app.stores.listing import api_url

# Characters. 32 random ones cannot be guessed; an API key that a person made up is at least not a short one.
_SECRET_LENGTH = 32
_API_KEY_LENGTH = 20
# 32 random characters have about 25 different ones; what has fewer than this was typed, not drawn.
_FEWEST_DIFFERENT = 10
_PLACEHOLDERS = ("changeme", "change-me", "change_me", "your-secret", "placeholder", "example")
_RANDOM_TEXT = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
# Bytes. A PostgreSQL that cannot write its log of changes stops; below the second it is time to make room.
_DISK_FULL = 256 * 1024**2
_DISK_LOW = 2 * 1024**3
# What a mistake in the settings is called, by the words of its sentence.
_MISTAKES = (
    ("is not a setting", "setting_unknown"),
    ("must be https", "setting_not_https"),
    ("DOMAIN must look like", "shop_domain_wrong"),
    ("MAIL_FROM is needed", "mail_from_missing"),
    ("names a supplier that is not configured", "default_supplier_unknown"),
    ("no such file", "config_file_missing"),
    ("needs ", "setting_missing"),
)
_FIELDS: Mapping[str, Mapping[str, FieldInfo]] = {
    "stores": StoreSettings.model_fields,
    "suppliers": SupplierSettings.model_fields,
}


def unreadable(error: ConfigError) -> list[Finding]:
    """One finding for each mistake that keeps the settings from being read, with what the setting means."""
    sentences = error.mistakes if isinstance(error, WrongSettings) else (error.detail,)
    return [_mistake(sentence) for sentence in sentences]


def _mistake(sentence: str) -> Finding:
    code = next((code for words, code in _MISTAKES if words in sentence), "setting_wrong")
    meanings = " ".join(_meanings(sentence))
    mend = f"{meanings} Everything else is looked at when the settings can be read; all are in docs/configuration.md."
    return Finding("configuration", False, sentence, mend.strip(), code)


def _meanings(sentence: str) -> Iterator[str]:
    """What each setting that a sentence names is for; of a setting that is unknown, the one that is nearest to it."""
    told = sentence.rpartition("did you mean")[2]
    paths = [name.removeprefix("MAKEGOOD_").lower().split("__") for name in re.findall(r"\b[A-Z][A-Z0-9_]+\b", told)]
    sections = [path[0] for path in paths if path[0] in _FIELDS and len(path) > 1]
    fields = _FIELDS[sections[0]] if sections else Settings.model_fields
    for name in dict.fromkeys(path[-1] for path in paths):
        if name in fields:
            yield f"{name.upper()}: {fields[name].description}"


def check_settings(settings: Settings) -> list[Finding]:
    """Keys, the public URL, the data folder, policies, logos, who gets which lines, terms and wording."""
    return [
        _secret_key(settings),
        *_api_keys(settings),
        _public_url(settings),
        *check_folder(settings),
        *(_policy(key, store.policy) for key, store in settings.stores.items()),
        *(_logo(key, store.logo) for key, store in settings.stores.items() if store.logo),
        *_old_versions(settings),
        *_nobodys_lines(settings),
        *_idle_suppliers(settings),
        *(_terms(told) for told in lint_terms(settings.suppliers)),
        *_wording(settings),
    ]


def is_for_real(settings: Settings) -> bool:
    """Whether any store is somewhere else than on this machine."""
    return any(not is_loopback_host(urlsplit(api_url(store)).hostname) for store in settings.stores.values())


def _secret_key(settings: Settings) -> Finding:
    keys = [key.get_secret_value() for key in settings.secret_key]
    mend = f"Set MAKEGOOD_SECRET_KEY to what this prints: {_RANDOM_TEXT}"
    if not any(keys):
        return Finding("secret key", False, "MAKEGOOD_SECRET_KEY is missing", mend, "secret_key_missing")
    if min(len(key) for key in keys) < _SECRET_LENGTH:
        detail = f"MAKEGOOD_SECRET_KEY is shorter than {_SECRET_LENGTH} characters"
        return Finding("secret key", False, detail, mend, "secret_key_short")
    if any(len(set(key)) < _FEWEST_DIFFERENT or _is_placeholder(key) for key in keys):
        detail = "MAKEGOOD_SECRET_KEY is a placeholder or a pattern that can be guessed: whoever has it signs links"
        return Finding("secret key", False, detail, mend, "secret_key_default")
    return Finding("secret key", True, "long enough")


def _is_placeholder(key: str) -> bool:
    return any(word in key.casefold() for word in _PLACEHOLDERS)


def _api_keys(settings: Settings) -> list[Finding]:
    keys = {name: key.get_secret_value() for name, key in settings.api_keys.items()}
    if not keys:
        mend = f"Set MAKEGOOD_API_KEYS__<NAME> to what this prints: {_RANDOM_TEXT}"
        return [Finding("API keys", True, "none: nobody can use the API", mend, "api_key_none")]
    signing = {key.get_secret_value() for key in settings.secret_key}
    count = Counter(keys.values())
    shared = sorted(name for name, key in keys.items() if count[key] > 1 or key in signing)
    if shared:
        detail = f"the same as another key: {', '.join(shared)}; nobody can tell who did what, or take one back alone"
        mend = f"Give each caller a key of its own, made by: {_RANDOM_TEXT}"
        return [Finding("API keys", False, detail, mend, "api_key_shared")]
    short = sorted(name for name, key in keys.items() if len(key) < _API_KEY_LENGTH)
    if short:
        detail = f"shorter than {_API_KEY_LENGTH} characters: {', '.join(short)}"
        return [Finding("API keys", True, detail, f"Replace them by what this prints: {_RANDOM_TEXT}", "api_key_short")]
    return [Finding("API keys", True, f"{len(keys)} configured")]


def _public_url(settings: Settings) -> Finding:
    if not is_loopback_host(urlsplit(settings.public_url).hostname):
        return Finding("public URL", True, settings.public_url)
    is_set = "public_url" in settings.model_fields_set
    code = "public_url_local" if is_set else "public_url_missing"
    detail = f"{settings.public_url} is this machine itself: no store and no supplier can call it"
    if not is_set:
        detail = f"MAKEGOOD_PUBLIC_URL is not set, and {detail}"
    mend = "Set MAKEGOOD_PUBLIC_URL to the https address of this service, then run: makegood webhooks sync"
    return Finding("public URL", not is_for_real(settings), detail, mend, code)


def check_folder(settings: Settings, full: int = _DISK_FULL, low: int = _DISK_LOW) -> list[Finding]:
    """The folder of the embedded database, where there is no other; `full` and `low` are bytes that must be free."""
    if settings.database_url is not None:
        return []
    there = next(folder for folder in (settings.data_dir, *settings.data_dir.parents) if folder.exists())
    mend = "Set MAKEGOOD_DATA_DIR to a folder on a local disk that this user owns."
    if not there.is_dir():
        detail = f"{there} is a file, so {settings.data_dir} cannot be a folder"
        return [Finding("data folder", False, detail, mend, "data_dir_unusable")]
    if not os.access(there, os.W_OK | os.X_OK):
        detail = f"this user may not write into {there}"
        return [Finding("data folder", False, detail, mend, "data_dir_unusable")]
    free = shutil.disk_usage(there).free
    detail = f"{free // 1024**2} MiB are free at {settings.data_dir}"
    mend = "Make room, or move the data: PostgreSQL stops when it cannot write."
    if free < low:
        code = "disk_full" if free < full else "disk_low"
        return [Finding("data folder", free >= full, detail, mend, code), *_embedded(settings)]
    return [Finding("data folder", True, detail), *_embedded(settings)]


def _embedded(settings: Settings) -> list[Finding]:
    if not is_for_real(settings):
        return []
    detail = "the embedded PostgreSQL serves this machine alone, and nobody backs it up for you"
    mend = "Run makegood backup every day, or set DATABASE_URL to a PostgreSQL that is looked after."
    return [Finding("embedded database", True, detail, mend, "embedded_in_production")]


def _policy(store: str, named: str) -> Finding:
    subject, see = f"policy of {store}", f"makegood policy lint {named}"
    try:
        file = load(named)
    except PolicyFault as fault:
        return Finding(subject, False, fault.detail, f"Mend it, and run: {see}", "policy_fault")
    wrong = [found for found in lint(file.body, file.source) if found.level == "error"]
    if wrong:
        detail = f"{file.version}: {wrong[0].source}:{wrong[0].line}: {wrong[0].message}"
        return Finding(subject, True, detail, f"See all of it with: {see}", "policy_doubtful")
    return Finding(subject, True, file.version)


def _logo(store: str, file: Path) -> Finding:
    try:
        logo = read_logo(file)
    except LogoFault as fault:
        mend = f"Mend MAKEGOOD_STORES__{store.upper()}__LOGO."
        return Finding(f"logo of {store}", False, fault.detail, mend, "logo_unusable")
    return Finding(f"logo of {store}", True, f"{logo.media_type}, {len(logo.content) // 1024 + 1} KiB")


def _old_versions(settings: Settings) -> Iterator[Finding]:
    made_for = str(StoreSettings.model_fields["api_version"].default)
    for key, store in settings.stores.items():
        if store.platform is Platform.SHOPIFY and store.api_version < made_for:
            detail = f"API_VERSION is {store.api_version}, and this release was made for {made_for}"
            mend = f"Leave MAKEGOOD_STORES__{key.upper()}__API_VERSION unset: Shopify retires a version after a year."
            yield Finding(f"API version of {key}", True, detail, mend, "api_version_old")


def _nobodys_lines(settings: Settings) -> Iterator[Finding]:
    for key, store in settings.stores.items():
        if store.default_supplier is None:
            detail = "no default supplier: lines that no supplier's VENDORS or SKU_PREFIXES match wait for the operator"
            mend = f"Set MAKEGOOD_STORES__{key.upper()}__DEFAULT_SUPPLIER, if one supplier takes all the rest."
            yield Finding(f"lines of {key}", True, detail, mend, "no_default_supplier")


def _idle_suppliers(settings: Settings) -> Iterator[Finding]:
    taken = {store.default_supplier for store in settings.stores.values()}
    for key, supplier in settings.suppliers.items():
        if not supplier.vendors and not supplier.sku_prefixes and key not in taken:
            detail = "no line can be this supplier's: it has no VENDORS and no SKU_PREFIXES, and is no store's default"
            mend = f"Set MAKEGOOD_SUPPLIERS__{key.upper()}__VENDORS or __SKU_PREFIXES."
            yield Finding(f"lines of {key}", True, detail, mend, "supplier_without_lines")


def _terms(found: LintFinding) -> Finding:
    supplier = found.source.rpartition("__")[2].lower()
    mend = "Ask the supplier, and write its terms into the settings."
    return Finding(f"terms of {supplier}", True, found.message, mend, "supplier_terms_unknown")


def _wording(settings: Settings) -> list[Finding]:
    if settings.wording_dir is None:
        return []
    faults = list(wording_faults(settings, datetime.now(UTC)))
    mend = "Mend it; until then our own words are used. See it with GET /api/v1/messages/preview."
    found = [Finding("wording of mails", True, fault, mend, "wording_unusable") for fault in faults]
    return found or [Finding("wording of mails", True, f"all of {settings.wording_dir} can be used")]
