"""What the page on a store's rules is made of."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel.core import Locale
from babel.numbers import format_currency, format_percent, get_territory_currencies

from app import links
from app.cases.vocabulary import Reason
from app.pages.claims import Rules, Shown, rules_for
from app.pages.language import Reader
from app.pages.rights import law_version, legal_right
from app.pages.withdrawal.labels import function_labels
from app.policy.files import PolicyFile
from app.policy.law.model import Right
from app.policy.question import SupplierTerms
from app.policy.store import current
from app.policy.words import sentences
from app.settings import Settings
from app.settings_store import StoreSettings
from app.settings_supplier import SupplierSettings

# What CLDR lists beside countries: unions, unknown, and codes for tests.
_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "ZZ", "XA", "XB"})


def values_of(settings: Settings, key: str, reader: Reader, country: str | None) -> dict[str, Any]:
    """Everything that `policy.html` names. `country` is where the reader's goods go, None when they do not say.

    Raises `PolicyFault` when the store's policy cannot be read.
    """
    store = settings.stores[key]
    file = current(store.policy)
    rules = _rules(store.policy, country, _currency(store, country), _distinct(settings.suppliers))
    withdrawal = legal_right(Right.WITHDRAWAL, country, file.policy)
    second_thoughts = next(claim for claim in rules.claims if claim.reason is Reason.CHANGED_MIND)
    return {
        "store_name": store.name or key,
        "support_email": store.support_email,
        "kept": {"country": country} if country else {},
        "country_names": country_names(reader.locale),
        "rules": rules,
        "withdrawal": withdrawal,
        "withdraw_label": function_labels(reader.language, country).withdraw,
        "withdraw_path": links.path(settings, f"/returns/{key}/withdraw"),
        "withdrawal_fee": (second_thoughts.fee_percent, second_thoughts.fee_most),
        "withdrawal_way_back": second_thoughts.way_back,
        "conformity": legal_right(Right.NON_CONFORMITY, country, file.policy),
        "exceptions": _texts(file, reader.language),
        "statutory": [one.statutory for one in file.policy.exception if one.statutory and one.say is None],
        "packaging": file.policy.packaging.original,
        "condition": file.policy.condition.expected,
        "merchant_days": file.policy.times.merchant_days,
        "ship_days": settings.ship_days,
        "policy_version": file.version,
        "law_version": law_version(country, file.policy),
        **_writers(rules, file, reader),
    }


def country_of(asked: str | None, reader: Reader, store: StoreSettings) -> str | None:
    """Where the reader's goods go: as they say, else as their browser says, else where the store is at home.

    An empty text says that they do not want to say.
    """
    known = Locale("en").territories
    for code in (asked,) if asked is not None else (reader.country, store.country):
        found = (code or "").upper()
        if len(found) == 2 and found in known and found not in _NO_COUNTRIES:
            return found
    return None


def country_names(locale: Locale) -> list[tuple[str, str]]:
    """Every country with its name, in the alphabet's order as near as a plain sort comes to it."""
    names = locale.territories.items()
    return sorted(
        ((code, name) for code, name in names if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES),
        key=lambda one: _plain(one[1]),
    )


def _plain(name: str) -> str:
    """Without accents: É stands with E."""
    return "".join(char for char in unicodedata.normalize("NFD", name) if not unicodedata.combining(char)).lower()


def _currency(store: StoreSettings, country: str | None) -> str:
    """The currency of the reader's country, in which most orders from there are paid."""
    found = get_territory_currencies(country or store.country or "DE", tender=True)
    return found[0] if found else "EUR"


@lru_cache(maxsize=1000)
def _rules(named: str, country: str | None, currency: str, suppliers: tuple[SupplierTerms, ...]) -> Rules:
    """Worked out once in each process, as the policy is read once."""
    return rules_for(current(named), country, currency, suppliers)


def _distinct(suppliers: Mapping[str, SupplierSettings]) -> tuple[SupplierTerms, ...]:
    """One of each kind of supplier: a page tells readers what differs between them, not which there are."""
    kinds = {one.requires_goods for one in suppliers.values()}
    return tuple(SupplierTerms("", requires_goods=kind) for kind in sorted(kinds, key=str))


def _texts(file: PolicyFile, language: str) -> list[str]:
    """What the policy's author tells readers of exceptions and special rules."""
    told = [one.say for one in file.policy.exception] + [one.say for one in file.policy.rule]
    return [say.text(language) for say in told if say is not None]


def _writers(rules: Rules, file: PolicyFile, reader: Reader) -> dict[str, Any]:
    """How amounts, shares and evidence are written for this reader."""
    own = {item.id: item.say for item in file.policy.evidence}
    told = sentences(reader.language)["evidence"]
    limits = rules.limits

    def amount(minor: int) -> str:
        exact = Decimal(minor).scaleb(-limits.exponent)
        whole = exact == exact.to_integral_value()
        return format_currency(
            exact, limits.currency, locale=reader.locale, decimal_quantization=not whole, currency_digits=not whole
        )

    def percent_text(percent: Decimal) -> str:
        return format_percent(percent / 100, locale=reader.locale, decimal_quantization=False)

    def evidence_text(shown: Shown) -> str:
        say = own.get(shown.item)
        what = say.text(reader.language) if say else told.get(shown.item, shown.item)
        return told["times"].format(what=what, count=shown.count) if shown.count > 1 else what

    return {"amount": amount, "percent_text": percent_text, "evidence_text": evidence_text}
