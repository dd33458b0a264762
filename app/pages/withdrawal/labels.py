"""What the buttons of the withdrawal function are called: as the law words it, where it does in that language."""

from __future__ import annotations

from dataclasses import dataclass

from app.pages.catalogue import translations
from app.policy.law.labels import labels
from app.policy.law.library import laws_for

# Its labels in English hold for every member state that words none of its own.
_BASE = "eu"


@dataclass(frozen=True, slots=True)
class FunctionLabels:
    """The label that leads to the function, and that of the button which declares."""

    withdraw: str
    confirm: str


def function_labels(language: str, country: str | None) -> FunctionLabels:
    """The labels for a reader of `language` whose goods go to `country` (None: not known)."""
    for law in [*(one.id for one in laws_for(country)), _BASE]:
        found = labels(law, language)
        if found is not None and found.locale == language:
            return FunctionLabels(_capital(found.withdraw), _capital(found.confirm))
    gettext = translations(language).gettext
    return FunctionLabels(gettext("Withdraw from contract here"), gettext("Confirm withdrawal"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
