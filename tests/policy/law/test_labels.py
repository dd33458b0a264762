"""The labels of the withdrawal function: which words under which law in which language."""

from __future__ import annotations

import pytest

from app.policy.law.labels import labels
from app.policy.law.library import UnknownLaw
from app.policy.law.model import Confidence


@pytest.mark.parametrize(
    ("law", "locale", "found", "withdraw", "confirm"),
    [
        ("eu", None, "en", "withdraw from contract here", "confirm withdrawal"),
        ("eu", "he", "en", "withdraw from contract here", "confirm withdrawal"),
        ("eu", "fr", "fr", "renoncer au contrat ici", "confirmer la rétractation"),
        ("eu-fr", None, "fr", "renoncer au contrat ici", "confirmer la rétractation"),
        ("eu-fr", "en-GB", "en", "withdraw from contract here", "confirm withdrawal"),
        ("eu-it", None, "it", "recedere dal contratto qui", "conferma recesso"),
        ("eu-de", "de_AT", "de", "Vertrag widerrufen", "Widerruf bestätigen"),
    ],
)
def test_the_labels_are_those_of_the_law_in_the_language(
    law: str, locale: str | None, found: str, withdraw: str, confirm: str
) -> None:
    one = labels(law, locale)
    assert one is not None
    assert (one.law, one.locale, one.withdraw, one.confirm) == (law, found, withdraw, confirm)


@pytest.mark.parametrize("law", ["uk", "il", "us", "us-ny", "us-ca", "au"])
def test_other_laws_know_no_such_function(law: str) -> None:
    assert labels(law, "en") is None


def test_how_well_a_label_was_checked_stays_with_it() -> None:
    german, elsewhere = labels("eu-de"), labels("eu", "de")
    assert german is not None
    assert elsewhere is not None
    assert [cite.confidence for cite in german.cites] == [Confidence.SECONDARY, Confidence.UNVERIFIED]
    assert {cite.confidence for cite in elsewhere.cites} == {Confidence.UNVERIFIED}


def test_an_unknown_law_is_refused() -> None:
    with pytest.raises(UnknownLaw):
        labels("atlantis")
