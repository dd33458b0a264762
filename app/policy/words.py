"""Says a decision in plain words, in English, French and Hebrew. Pure: the sentences are data, `words_data/*.toml`.

A decision keeps codes and values, so it can be said again in another language, or better, years later. What a policy
itself says to customers (`say`) is read from the version that the decision names.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_currency

from app.policy.decision import Decision, Note, Value
from app.policy.law.model import Payer
from app.policy.model import Policy, Say

LANGUAGES = ("en", "fr", "he")
_SAME = {"iw": "he"}
Sentences = Mapping[str, Mapping[str, str]]


@lru_cache(maxsize=len(LANGUAGES))
def sentences(language: str) -> Sentences:
    """The sentences of a language by section and code."""
    text = resources.files("app.policy").joinpath("words_data", f"{language}.toml").read_text("utf-8")
    found: dict[str, dict[str, str]] = tomllib.loads(text)
    return found


def language_of(locale: str | None) -> str:
    """The nearest of the three languages: `fr-CA` is French, what is not known is English."""
    code = (locale or "").replace("_", "-").split("-")[0].lower()
    code = _SAME.get(code, code)
    return code if code in LANGUAGES else "en"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision in words: one sentence that says what, and lists that say why."""

    language: str
    outcome: str
    why: tuple[str, ...] = ()
    corrected: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    arithmetic: tuple[str, ...] = ()
    law: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    condition: tuple[str, ...] = ()
    versions: str = ""

    def text(self) -> str:
        """All of it, for a terminal."""
        labels = sentences(self.language)["label"]
        parts = [self.outcome]
        for name in ("why", "evidence", "corrected", "cost", "condition", "arithmetic", "law"):
            lines: tuple[str, ...] = getattr(self, name)
            if lines:
                parts.append("\n".join([f"{labels[name]}:", *(f"  - {line}" for line in lines)]))
        return "\n\n".join([*parts, self.versions])


@dataclass(frozen=True, slots=True)
class _Speaker:
    decision: Decision
    language: str
    titles: Mapping[str, str] = field(default_factory=dict)

    def say(self, section: str, code: str, values: Mapping[str, Value] | None = None) -> str:
        told = sentences(self.language)[section]
        template = told.get(f"{code}_minor") if values and "minor" in values else None
        shown = {name: self._shown(name, value) for name, value in (values or {}).items()}
        return (template or told.get(code, code)).format_map(_Lenient(shown))

    def money(self, minor: int) -> str:
        decision = self.decision
        amount = Decimal(minor).scaleb(-decision.exponent)
        return format_currency(
            amount, decision.currency, locale=self.language, decimal_quantization=False, currency_digits=False,
            format=None,
        )  # fmt: skip

    def day(self, day: date | datetime) -> str:
        return format_date(day, "long", locale=self.language)

    def _shown(self, name: str, value: Value) -> str:
        if name == "minor" or name.endswith("_minor"):
            return self.money(int(value))
        if name == "day" or name.endswith("_day"):
            return self.day(date.fromisoformat(str(value)))
        if name == "line":
            return self.titles.get(str(value), str(value))
        if name == "item":
            return sentences(self.language)["evidence"].get(str(value), str(value))
        if name == "remedy":
            return sentences(self.language)["remedy"].get(str(value), str(value))
        return str(value)


class _Lenient(dict[str, str]):
    """A value that an older decision does not have is left out of the sentence, not an error."""

    def __missing__(self, key: str) -> str:
        return "…"


def explain(
    decision: Decision, language: str, policy: Policy | None = None, titles: Mapping[str, str] | None = None
) -> Explanation:
    """The decision in words. `titles` are the articles' titles by line id."""
    speaker = _Speaker(decision, language, titles or {})
    label = sentences(language)["label"]
    outcome = [speaker.say("outcome", decision.outcome)]
    if decision.outcome in ("approve", "operator"):
        outcome.append(speaker.say("route", decision.route))
    if decision.outcome == "approve":
        outcome.append(speaker.say("label", "fee", {"minor": decision.fee}) if decision.fee else label["fee_none"])
        if decision.route in ("return", "local"):
            outcome.append(label[f"way_back_{decision.way_back}"])
    return Explanation(
        language=language,
        outcome=" ".join(outcome),
        why=tuple(_own_words(speaker, note, policy) for note in decision.why),
        corrected=tuple(speaker.say("corrected", note.code, note.values) for note in decision.corrected),
        cost=tuple(speaker.say("cost", note.code, note.values) for note in decision.merchant_cost),
        arithmetic=_arithmetic(speaker),
        law=_law(speaker),
        evidence=evidence_wanted(decision, language, policy),
        condition=tuple(speaker.say("condition", code) for code in decision.conditions),
        versions=speaker.say(
            "label", "versions", {"policy": decision.policy_version, "law": decision.law_version or "-"}
        ),
    )


def evidence_wanted(decision: Decision, language: str, policy: Policy | None = None) -> tuple[str, ...]:
    """What the customer is asked for, each as one text."""
    own = {item.id: item.say for item in policy.evidence if item.say is not None} if policy else {}
    told = sentences(language)["evidence"]
    found = []
    for wanted in decision.evidence:
        say = own.get(wanted.item)
        what = say.text(language) if say else told.get(wanted.item, wanted.item)
        found.append(told["times"].format(what=what, count=wanted.count) if wanted.count > 1 else what)
    return tuple(found)


def why_in_words(
    decision: Decision, language: str, policy: Policy | None = None, titles: Mapping[str, str] | None = None
) -> str:
    """Why, as one text: for the operator, and for the customer who is refused."""
    speaker = _Speaker(decision, language, titles or {})
    return " ".join(_own_words(speaker, note, policy) for note in decision.why)


def refusal(decision: Decision, language: str, policy: Policy | None, titles: Mapping[str, str]) -> str:
    """What a refused customer reads: why, and how to have a person look at it."""
    return f"{why_in_words(decision, language, policy, titles)} {sentences(language)['label']['appeal']}"


def _own_words(speaker: _Speaker, note: Note, policy: Policy | None) -> str:
    """The policy's own sentence for a rule or an exception of its, else ours."""
    said: Say | None = None
    if policy is not None and note.code in ("rule", "exception"):
        named = note.values.get(note.code)
        rules: Sequence[object] = (*policy.rule, *policy.exception)
        said = next((one.say for one in rules if getattr(one, "id", None) == named and hasattr(one, "say")), None)
    return said.text(speaker.language) if said else speaker.say("why", note.code, note.values)


def _arithmetic(speaker: _Speaker) -> tuple[str, ...]:
    told = sentences(speaker.language)["step"]
    return tuple(
        f"{told.get(step.name, step.name)}: {speaker.money(step.minor) if step.minor is not None else step.number}"
        for step in speaker.decision.arithmetic
    )


def _law(speaker: _Speaker) -> tuple[str, ...]:
    law = speaker.decision.law
    if law is None:
        return ()
    found, zone = [], ZoneInfo(law.zone)
    if law.alive and law.until is not None:
        found.append(speaker.say("law", "alive", {"day": f"{law.until.astimezone(zone):%Y-%m-%d}"}))
    else:
        found.append(speaker.say("law", "alive_open" if law.alive else "over"))
    if law.due_at is not None:
        found.append(speaker.say("law", "due", {"day": f"{law.due_at.astimezone(zone):%Y-%m-%d}"}))
    if law.fee_at_most is not None:
        found.append(speaker.say("law", "fee", {"minor": law.fee_at_most}))
    if law.way_back is Payer.MERCHANT:
        found.append(speaker.say("law", "way_back"))
    known = sentences(speaker.language)["confidence"]
    cited = dict.fromkeys((cite.article, cite.law, cite.confidence) for cite in law.cites)
    for article, of, confidence in cited:
        values = {"article": article, "law": of, "confidence": known.get(confidence, confidence)}
        found.append(speaker.say("law", "cite", values))
    return tuple(found)
