"""What `makegood doctor` finds in the settings: each fault is provoked, and its code and mend are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.doctor import code_of, level_of
from app.doctor_settings import check_folder, check_settings
from app.settings import Settings
from app.stores.base import Finding

STRONG = "kT4-vQ9_zR2wLm8xPb5nHs7dYc3jGf6aUe1o"
OTHER = "Xo3_bN8rVt5-qKd2Wm7yHs4cJz9fLp6gRa1u"


def codes(findings: list[Finding], level: str = "fault") -> list[str]:
    assert all(one.mend for one in findings if level_of(one) != "ok")
    return [code_of(one) for one in findings if level_of(one) == level]


def with_key(settings: Settings, *keys: str) -> Settings:
    return settings.model_copy(update={"secret_key": [SecretStr(key) for key in keys]})


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ([], "secret_key_missing"),
        (["kT4-vQ9_zR2wLm8xPb5nHs7dYc3jGf"], "secret_key_short"),
        ([STRONG, "kT4-vQ9_zR2wLm8xPb5nHs7dYc3jGf"], "secret_key_short"),
        (["x" * 40], "secret_key_default"),
        (["please-changeme-before-you-go-live-0123"], "secret_key_default"),
    ],
)
def test_a_secret_key_that_can_be_guessed(settings: Settings, keys: list[str], code: str) -> None:
    assert codes(check_settings(with_key(settings, *keys))) == [code]


def api_keys(settings: Settings, **keys: str) -> Settings:
    strong = with_key(settings, STRONG)
    return strong.model_copy(update={"api_keys": {name: SecretStr(key) for name, key in keys.items()}})


def test_keys_of_the_api(settings: Settings) -> None:
    assert "api_key_none" in codes(check_settings(api_keys(settings)), "warning")
    assert "api_key_short" in codes(check_settings(api_keys(settings, ops="y" * 19)), "warning")
    assert codes(check_settings(api_keys(settings, ops="y" * 20, till="z" * 20))) == []
    shared = check_settings(api_keys(settings, ops="y" * 20, till="y" * 20, bot="z" * 20))
    assert codes(shared) == ["api_key_shared"]
    [told] = [one.detail for one in shared if one.code == "api_key_shared"]
    assert "ops, till;" in told
    assert "y" * 20 not in told
    assert codes(check_settings(api_keys(settings, ops=STRONG))) == ["api_key_shared"]


def for_real(settings: Settings, **changes: Any) -> Settings:
    """The same with a store that is not on this machine."""
    shop = settings.stores["alpha"].model_copy(update={"api_url": None})
    changes = {"stores": {"alpha": shop}, "secret_key": [SecretStr(STRONG)], **changes}
    return settings.model_copy(update=changes)


def test_a_public_url_that_no_store_can_call(settings: Settings) -> None:
    assert "public_url_missing" in codes(check_settings(with_key(settings, STRONG)), "warning")
    assert codes(check_settings(for_real(settings))) == ["public_url_missing"]
    local = for_real(Settings(**settings.model_dump(exclude_unset=True), public_url="http://localhost:8000"))
    assert codes(check_settings(local)) == ["public_url_local"]
    assert codes(check_settings(for_real(settings, public_url="https://returns.example"))) == []


def test_the_embedded_database_is_named_where_it_is_for_real(settings: Settings) -> None:
    public = {"public_url": "https://returns.example"}
    assert "embedded_in_production" in codes(check_settings(for_real(settings, **public)), "warning")
    outside = for_real(settings, **public, database_url=SecretStr("postgresql://127.0.0.1/x"))
    assert "embedded_in_production" not in codes(check_settings(outside), "warning")
    assert "embedded_in_production" not in codes(check_settings(settings), "warning")


def test_a_data_folder_that_cannot_be_one(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    wrong = with_key(settings, STRONG).model_copy(update={"data_dir": tmp_path / "file" / "data"})
    assert codes(check_settings(wrong)) == ["data_dir_unusable"]


def test_a_data_folder_that_may_not_be_written_into(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write anywhere, and the tests may be root.
    monkeypatch.setattr("os.access", lambda *_: False)
    assert codes(check_folder(settings)) == ["data_dir_unusable"]


def test_a_disk_that_is_full(settings: Settings) -> None:
    enough = 1024**5
    assert codes(check_folder(settings, full=enough, low=enough)) == ["disk_full"]
    assert codes(check_folder(settings, full=0, low=enough), "warning") == ["disk_low"]
    assert codes(check_folder(settings, full=0, low=0), "ok") == ["ok"]


def test_a_policy_with_a_fault_is_named_with_its_line(settings: Settings, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('name = "mine"\nversion = "1"\n[window]\ndays = "many"\n', encoding="utf-8")
    settings.stores["alpha"].policy = str(wrong)
    found = {one.code: one.detail for one in check_settings(settings) if not one.ok}
    assert f"{wrong}:4: window.days" in found["policy_fault"]


def test_a_policy_that_the_law_forbids(settings: Settings, tmp_path: Path) -> None:
    doubtful = tmp_path / "doubtful.toml"
    doubtful.write_text('name = "mine"\nversion = "1"\n[window]\ndays = 3\n', encoding="utf-8")
    settings.stores["alpha"].policy = str(doubtful)
    found = {one.code: one for one in check_settings(settings) if one.subject == "policy of alpha"}
    assert found["policy_doubtful"].ok
    assert str(doubtful) in found["policy_doubtful"].mend


def test_terms_that_nobody_asked_the_supplier_for(settings: Settings) -> None:
    assert "supplier_terms_unknown" in codes(check_settings(settings), "warning")


def test_an_api_version_of_the_past(settings: Settings) -> None:
    settings.stores["alpha"].api_version = "2025-10"
    assert "api_version_old" in codes(check_settings(settings), "warning")


def test_lines_that_nobody_gets_and_suppliers_that_get_none(settings: Settings) -> None:
    settings.stores["alpha"].default_supplier = settings.stores["beta"].default_supplier = None
    acme = settings.suppliers["acme"]
    acme.vendors = []
    found = {one.subject: code_of(one) for one in check_settings(settings) if one.subject.startswith("lines")}
    assert found == {
        "lines of alpha": "no_default_supplier", "lines of beta": "no_default_supplier",
        "lines of acme": "supplier_without_lines",
    }  # fmt: skip
    settings.stores["alpha"].default_supplier = "acme"
    assert "supplier_without_lines" not in codes(check_settings(settings), "warning")
