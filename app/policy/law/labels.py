"""The labels of the EU withdrawal function by language, as each law words them. Pure; data for the pages."""

from __future__ import annotations

from app.policy.law.library import shipped
from app.policy.law.model import Labels
from app.policy.law.pack import cites

_FALLBACK = "en"


def labels(law: str, locale: str | None = None) -> Labels | None:
    """The labels under the law with the id `law` in `locale` (`fr`, `fr-CA`), or in English where it has none there.

    Without a locale: in the language that the law names, else English. None: this law knows no such function.
    Raises `UnknownLaw`.
    """
    pack = shipped().law(law).pack
    if pack.function is None:
        return None
    named = pack.function.language.value if pack.function.language else _FALLBACK
    language = (locale or named).lower().replace("_", "-").partition("-")[0]
    chosen = language if language in pack.label_withdraw and language in pack.label_confirm else _FALLBACK
    withdraw, confirm = pack.label_withdraw.get(chosen), pack.label_confirm.get(chosen)
    if withdraw is None or confirm is None:
        return None
    return Labels(law, chosen, withdraw.value, confirm.value, cites("labels", withdraw, confirm))
