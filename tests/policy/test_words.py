"""Every sentence in every language."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

import app.policy
from app.policy.files import SHIPPED, load
from app.policy.words import LANGUAGES, evidence_wanted, explain, language_of, refusal, sentences
from tests.policy.kit import asked, order, policy, question, ruled

FOLDER = Path(app.policy.__file__).parent
# Placeholders that the code fills by itself.
_TITLE = {"1": "Lamp"}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", ["fr", "he"])
def test_each_language_says_all_that_english_says(language: str) -> None:
    english, other = sentences("en"), sentences(language)
    assert {name: set(part) for name, part in other.items()} == {name: set(part) for name, part in english.items()}
    for section, told in english.items():
        for code, text in told.items():
            assert fields(other[section][code]) == fields(text), (section, code)
            assert other[section][code] != text or "{" in text, (section, code)


def notes_in_code() -> set[tuple[str, str]]:
    """Every code that the engine can put into a note: the first argument of `Note(…)`, and codes chosen by variable."""
    found = set()
    for file in ("engine.py", "costs.py", "wanted.py", "service.py"):
        for node in ast.walk(ast.parse((FOLDER / file).read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Note":
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add((file, str(first.value)))
    return found


def test_every_note_has_its_sentence() -> None:
    told = {code for section in ("why", "corrected", "cost") for code in sentences("en")[section]}
    missing = {(file, code) for file, code in notes_in_code() if code not in told}
    assert len(notes_in_code()) > 30
    assert not missing


def test_every_item_that_ships_has_its_question() -> None:
    known = set(sentences("en")["evidence"])
    for name in SHIPPED:
        assert {item.id for item in load(name).policy.evidence} <= known


@pytest.mark.parametrize(
    ("locale", "language"),
    [("fr-CA", "fr"), ("he_IL", "he"), ("iw", "he"), ("EN", "en"), ("de", "en"), (None, "en"), ("", "en")],
)
def test_the_nearest_language(locale: str | None, language: str) -> None:
    assert language_of(locale) == language


def test_dates_are_days_of_the_customer() -> None:
    """The last day in New York ends after midnight in UTC."""
    said = explain(ruled(question(of=order(country="US", delivered=0))), "en", None, _TITLE)
    assert said.why == ("Lamp: the request came within the window, which ends on December 22, 2026.",)
    far = explain(ruled(question(of=order(country="AU", delivered=0))), "en", None, _TITLE)
    assert "December 22, 2026" in far.why[0]


def test_money_in_each_language() -> None:
    decision = ruled(question(of=order(country="IL", currency="ILS")), load("il"))
    texts = {language: explain(decision, language).text() for language in LANGUAGES}
    assert decision.fee == 299
    assert re.search(r"2\.99", texts["en"])
    assert re.search(r"2,99", texts["fr"])
    assert "₪" in texts["he"]


SALE = """
[[rule]]
id = "sale"
when = "true"
outcome = "reject"
say = {en = "Sold as is.", fr = "Vendu en l'état."}
"""
SERIAL = """
[[evidence]]
id = "serial"
count = 2
reasons = ["defective"]
say = {en = "The serial number"}
"""


def test_what_the_policy_itself_says_comes_first() -> None:
    file = policy(SALE)
    refused = ruled(question(of=order(country="US")), file)
    assert refusal(refused, "fr", file.policy, _TITLE).startswith("Vendu en l'état. ")
    # Without Hebrew words of its own the policy speaks English.
    assert refusal(refused, "he", file.policy, _TITLE).startswith("Sold as is. ")
    # Without the policy (it cannot be read any more) it is still a sentence.
    assert "“sale”" in explain(refused, "en", None, _TITLE).why[0]


def test_evidence_in_the_policys_own_words() -> None:
    file = policy(SERIAL)
    wanted = ruled(question(asked("defective")), file)
    assert evidence_wanted(wanted, "fr", file.policy) == ("The serial number (2)",)


def test_a_decision_in_full() -> None:
    text = explain(ruled(question(), load("eu")), "en", load("eu").policy, _TITLE).text()
    for part in (
        "The request is approved.", "The customer pays the way back.", "Why:", "Law:", "Directive 2011/83/EU art. 9",
        "Policy eu@", "law eu@",
    ):  # fmt: skip
        assert part in text
