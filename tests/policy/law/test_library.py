"""The packs: which law holds for whom, versions that are found again, and damage that names its file and key."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.policy.law.assess import assess, read
from app.policy.law.library import (
    NO_PACK,
    PACKS,
    DamagedPack,
    Library,
    UnknownLaw,
    laws_for,
    shipped,
    version_of,
    versions,
)
from app.policy.law.model import LawFacts, Right
from app.policy.law.pack import Figure

MEMBER_STATES = [
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE",
    "IT", "LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE",
]  # fmt: skip
OWN = {"FR": "eu-fr", "IT": "eu-it", "DE": "eu-de"}


def facts(country: str | None = "FR", consumer: bool | None = None) -> LawFacts:
    day = datetime(2026, 10, 5, 12, tzinfo=UTC)
    return LawFacts(country, Right.WITHDRAWAL, ordered_at=day, declared_at=day, delivered_at=day, consumer=consumer)


def ids(country: str | None, region: str | None = None) -> list[str]:
    return [law.id for law in laws_for(country, region)]


def test_every_member_state_has_the_law_of_the_union() -> None:
    assert len(MEMBER_STATES) == 27
    for country in MEMBER_STATES:
        assert ids(country) == [OWN.get(country, "eu")]
        [law] = laws_for(country)
        assert law.chain[0] == ("eu", shipped().law("eu").pack.version)
        assert law.pack.withdrawal is not None
        assert law.pack.withdrawal.window_days is not None
        assert law.pack.withdrawal.window_days.value == 14


@pytest.mark.parametrize(
    ("country", "region", "laws"),
    [
        ("GB", None, ["uk"]), ("uk", "SCT", ["uk"]), ("IL", None, ["il"]), ("AU", "NSW", ["au"]), ("EL", None, ["eu"]),
        ("RE", None, ["eu-fr"]), ("US", "TX", ["us"]), ("US", "US-NY", ["us-ny"]), ("us", "ca", ["us-ca"]),
        ("US", None, ["us", "us-ca", "us-ny"]), ("PR", None, ["us"]), ("CA", "QC", []), ("JP", None, []),
        (None, None, ["au", "eu", "eu-de", "eu-fr", "eu-it", "il", "uk", "us", "us-ca", "us-ny"]),
    ],
)  # fmt: skip
def test_the_law_is_that_of_the_country_and_state(country: str | None, region: str | None, laws: list[str]) -> None:
    assert ids(country, region) == laws


def test_a_country_without_a_pack_is_not_a_country_without_rights() -> None:
    view = assess(facts("JP"))
    assert (view.version, view.laws, view.covered, view.alive) == (NO_PACK, (), False, False)
    [sentence] = view.advisory
    assert "no law pack for JP" in sentence
    assert assess(facts("JP"), view.version) == view


def test_a_business_is_told_apart_and_an_unknown_customer_is_a_consumer() -> None:
    business, unknown, consumer = (assess(facts(consumer=one)) for one in (False, None, True))
    assert unknown == consumer
    assert consumer.alive
    assert (business.alive, business.covered, business.version) == (False, True, consumer.version)
    assert "business" in business.advisory[0]
    assert business.fee.caps == ()


def test_a_pack_that_extends_another_replaces_whole_figures_and_keeps_the_rest() -> None:
    base, france = shipped().law("eu").pack, shipped().law("eu-fr").pack
    assert base.non_delivery is not None
    assert france.non_delivery is not None
    assert isinstance(france.non_delivery.refund_days, Figure)
    assert france.non_delivery.refund_days.pack == "eu-fr"
    assert france.non_delivery.cash == base.non_delivery.cash
    assert france.withdrawal == base.withdrawal
    assert france.surcharge is not None
    assert base.surcharge is None


def test_every_pack_is_a_draft_and_every_figure_names_its_source() -> None:
    for law in shipped().laws():
        assert law.pack.status == "draft, needs counsel"
        view = read(law, facts(law.pack.applies.countries[0]))
        assert all(cite.article and cite.rule and cite.law for cite in view.cites)


def past(tmp_path: Path) -> Path:
    """The packs, with an EU pack of 2025 beside that of today: a window of 7 days."""
    folder = tmp_path / "packs"
    shutil.copytree(PACKS, folder)
    (folder / "past").mkdir(exist_ok=True)
    old = (folder / "eu.toml").read_text("utf-8").replace('version = "2026-11-21"', 'version = "2025-01-01"')
    window = "[withdrawal.window_days]\nvalue = {}\n"
    for version, days in (("2025-01-01", 7), ("2024-01-01", 9)):
        text = old.replace("2025-01-01", version).replace(window.format(14), window.format(days))
        (folder / "past" / f"eu@{version}.toml").write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize(("version", "days"), [("2026-11-21", 14), ("2025-01-01", 7), ("2024-01-01", 9)])
def test_a_case_stays_on_the_version_it_was_pinned_to(tmp_path: Path, version: str, days: int) -> None:
    library = Library(past(tmp_path))
    pinned = f"eu@{version}+eu-fr@2026-11-21"
    [law] = library.laws_for("FR", version=pinned)
    assert version_of((law,)) == pinned
    assert law.pack.withdrawal is not None
    assert law.pack.withdrawal.window_days is not None
    assert law.pack.withdrawal.window_days.value == days
    until = read(law, facts()).statutory_until
    assert until is not None
    assert until.date().day == 5 + days
    assert {one.id for one in library.named(pinned)} == {"eu", "eu-fr"}
    assert library.laws_for("FR")[0].chain[0] == ("eu", "2026-11-21")


def test_a_corrected_country_is_asked_as_it_is_now() -> None:
    assert assess(facts("IL"), "eu@2026-11-21").version == assess(facts("IL")).version


@pytest.mark.parametrize("version", ["eu@1999-01-01", "eu@2026-11-21+eu-fr@1999-01-01", "eu", "@", "eu@", "+"])
def test_a_version_that_is_not_shipped_is_refused(version: str) -> None:
    with pytest.raises(UnknownLaw):
        assess(facts(), version)


def test_versions_are_read_back() -> None:
    assert versions("eu@2026-11-21+eu-fr@1") == [("eu", "2026-11-21"), ("eu-fr", "1")]
    assert versions(None) == versions(NO_PACK) == versions("") == []
    with pytest.raises(UnknownLaw, match="there are au, eu"):
        shipped().law("atlantis")


FRANCE, UNION = "eu-fr.toml", "eu.toml"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (UNION, "[withdrawal.window_days]", "[withdrawal.window_days", r"^eu\.toml: Expected"),
        (UNION, 'value = 14\narticle = "Directive 2011/83/EU art. 9"', 'value = "two weeks"\narticle = "x"',
         r"^eu\.toml: withdrawal\.window_days\.value: Input should be a valid integer"),
        (UNION, 'confidence = "text"', 'confidence = "certain"', r"^eu\.toml: withdrawal\.window_days\.confidence:"),
        (UNION, "[withdrawal.window_days]\n", '[withdrawal.window_daze]\nvalue = 1\narticle = "x"\n'
         'confidence = "text"\n\n[withdrawal.window_days]\n', r"^eu\.toml: withdrawal\.window_daze: Extra"),
        (UNION, "[withdrawal.refund_from]", "[withdrawal.refund_form]", r"^eu\.toml: withdrawal"),
        (UNION, 'status = "draft, needs counsel"', 'status = "final"', r"^eu\.toml: status:"),
        (UNION, 'version = "2026-11-21"\n', "", r"^eu\.toml: version: a text is needed"),
        (UNION, 'id = "eu"\n', 'id = "ue"\n', r"^eu\.toml: id: a file is named as its pack"),
        (UNION, 'name = "European Union"\n', "surcharge = 5\n", r"^eu\.toml: surcharge: a section of figures"),
        (UNION, 'name = "European Union"\n', "", r"^eu\.toml: name: Field required"),
        (FRANCE, "until = 20", "until = 9", r"^eu-fr\.toml: surcharge: Value error, bands have to rise"),
        (FRANCE, "[surcharge.withdrawal_ceiling]", "[surcharge.withdrawal_sealing]", r"^eu-fr\.toml: surcharge"),
        (FRANCE, 'extends = "eu"', 'extends = "ue"', r"^eu-fr\.toml: extends: there is no pack ue"),
        (FRANCE, 'extends = "eu"', 'extends = "eu-fr"', r"^eu-fr\.toml: extends: eu-fr extends itself"),
        (FRANCE, 'confidence = "text"', "", r"^eu-fr\.toml: surcharge\.withdrawal\.confidence: Field required"),
        (FRANCE, '[label_withdraw.fr]\nvalue = "renoncer au contrat ici"', "[label_withdraw.fr]\nvalue = 5",
         r"^eu-fr\.toml: label_withdraw\.fr\.value"),
    ],
)  # fmt: skip
def test_a_damaged_pack_is_refused_with_its_file_and_key(
    tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    folder = tmp_path / "packs"
    shutil.copytree(PACKS, folder)
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(DamagedPack, match=said):
        Library(folder)
