"""Each fault of a wrong policy is found at its line."""

from __future__ import annotations

import pytest

from app.policy.files import SHIPPED, load
from app.policy.lint import lint, lint_terms
from app.settings import Settings

HEAD = 'name = "mine"\nversion = "1"\n'


def found(text: str, countries: str = 'countries = ["FR"]\n') -> list[tuple[int, str, str]]:
    """Line, level and code of each finding; the text begins on line 4."""
    return [(one.line, one.level, one.code) for one in lint(f"{HEAD}{countries}{text}", "mine.toml")]


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_is_clean(name: str) -> None:
    assert [str(one) for one in lint(load(name).body, name)] == []


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("[window]\ndays = \n", 5, "not_toml"),
        ("[window]\ndays = 30\ndayz = 3\n", 6, "unknown_key"),
        ("[windows]\ndays = 30\n", 4, "unknown_key"),
        ('[window]\nlate = "refuse"\n', 5, "bad_value"),
        ("[window]\ndays = -1\n", 5, "bad_value"),
        ("[window]\nby_reason = { defective = 90, broken = 9 }\n", 5, "bad_value"),
        ("[approve]\n\nup_to = { EUR = 15.0 }\n", 6, "bad_value"),
        ('[approve]\nup_to = { EURO = "15.00" }\n', 5, "bad_value"),
        ('[local]\ncountries = ["France"]\n', 5, "bad_value"),
        ('[[rule]]\nid = "a"\n', 4, "missing_key"),
        ('[[rule]]\nid = "a"\nwhen = "true"\nroute = "claim"\n[[rule]]\nid = "a"\nwhen = "true"\n', 1, "bad_value"),
        ('[[rule]]\nid = "a"\noutcome = "evidence"\nwhen = "true"\n', 6, "bad_value"),
        ('[[rule]]\nid = "a"\nroute = "claim"\nwhen = "line.valu > 1"\n', 7, "bad_condition"),
        ('[[rule]]\nid = "a"\nroute = "claim"\nwhen = "lines.value > 1"\n', 7, "bad_condition"),
        ('[[rule]]\nid = "a"\nroute = "claim"\nwhen = "line.sku > 1"\n', 7, "bad_condition"),
        ('[[rule]]\nid = "a"\nroute = "claim"\nwhen = "line.quantity > 9 && line.sku + 1 == 2"\n', 7, "bad_condition"),
        ('[[rule]]\nid = "a"\nroute = "claim"\nwhen = "line.value >"\n', 7, "bad_condition"),
        ('[[rule]]\nid = "a"\nroute = "claim"\nwhen = "line.value"\n', 7, "bad_condition"),
        ('[[rule]]\nid = "a"\nroute = "claim"\nwhen = \'line.value > amount("12,50")\'\n', 7, "bad_condition"),
        ('[[exception]]\nid = "x"\nwhen = "line.colour == 1"\n', 6, "bad_condition"),
        ('[[evidence]]\nid = "photo_of_damage"\nreasons = ["defective"]\nwhen = "order.state"\n', 7, "bad_condition"),
    ],
)
def test_a_file_that_cannot_be_used(text: str, line: int, code: str) -> None:
    assert found(text) == [(line, "error", code)]


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ('[restocking_fee]\npercent = "10"\n', 5, "unlawful_restocking_fee"),
        ('[[rule]]\nid = "a"\nwhen = "line.quantity > 2"\nfee_percent = "5"\nreasons = ["changed_mind"]\n', 7,
         "unlawful_restocking_fee"),
        ('[remedies]\noffered = ["refund"]\nstore_credit_only = ["changed_mind"]\n', 6, "unlawful_credit_only"),
        ('[remedies]\noffered = ["store_credit"]\n', 5, "unlawful_credit_only"),
        ('[packaging]\noriginal = "required"\nreasons = ["changed_mind"]\n', 5, "unlawful_original_packaging"),
        ("[window]\n# Too short.\ndays = 7\n", 6, "unlawful_shorter_window"),
        ("[window]\nby_reason = { wrong_size = 3 }\n", 5, "unlawful_shorter_window"),
        ('[window]\ndays = 14\nfrom = "placed"\n', 6, "unlawful_shorter_window"),
        ('[[rule]]\nid = "a"\nwhen = "line.quantity > 2"\nreasons = ["changed_mind"]\nwindow_days = 5\n', 8,
         "unlawful_shorter_window"),
        ('[way_back]\ncustomer_pays = ["defective"]\n', 5, "unlawful_customer_pays_way_back"),
        ('[[exception]]\nid = "sale"\nwhen = "line.sku == \'S\'"\noutcome = "reject"\n', 7, "unlawful_final_sale"),
        ('[[rule]]\nid = "no"\nwhen = "line.sku == \'S\'"\noutcome = "reject"\nreasons = ["changed_mind"]\n', 7,
         "unlawful_final_sale"),
        ('[[evidence]]\nid = "unopened"\nkind = "answer"\nreasons = ["changed_mind"]\n', 7, "unlawful_reason_required"),
    ],
)  # fmt: skip
def test_what_a_law_forbids_is_an_error_at_its_line(text: str, line: int, code: str) -> None:
    assert (line, "error", code) in found(text)


def test_the_article_and_the_mend_are_named() -> None:
    (finding,) = lint(f'{HEAD}countries = ["FR", "US"]\n[restocking_fee]\npercent = "10"\n', "mine.toml")
    assert str(finding).startswith("mine.toml:5: error: a restocking fee of 10 % is kept")
    assert "2011/83/EU art. 9(1)" in finding.message
    assert "in FR: " in finding.message


def test_the_law_of_its_countries_counts_and_without_any_every_law() -> None:
    fee = '[restocking_fee]\npercent = "10"\n'
    assert found(fee, 'countries = ["US"]\n') == []
    assert found(fee, 'countries = ["IL"]\n') == [(5, "error", "unlawful_restocking_fee")]
    assert found(fee, "\n") == [(5, "error", "unlawful_restocking_fee")]
    assert found('[restocking_fee]\npercent = "5"\n', 'countries = ["IL"]\n') == []


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ('[approve]\nup_to = {EUR = "9"}\n[absorb]\nup_to = {EUR = "9", SEK = "99"}\n', 5, "currency_missing"),
        ('[[evidence]]\nid = "photo_of_damage"\nreasons = ["damaged_in_transit"]\n', 4, "gap_evidence"),
        ('[returnless]\nreasons = ["defective"]\ncheaper_up_to = {EUR = "9"}\n', 6, "gap_costs"),
        ('[returnless]\nup_to = {EUR = "9"}\n', 4, "gap_reasons"),
        ('[local]\ncountries = ["FR"]\n', 5, "gap_address"),
        ('[routes]\nclaim = ["lost", "wrong_item"]\n', 4, "overlap"),
        ('[[rule]]\nid = "a"\nwhen = "line.value>5"\nroute = "claim"\n'
         '[[rule]]\nid = "b"\nwhen = "line.value>5"\nroute = "return"\n', 10, "overlap"),
        ('[[rule]]\nid = "a"\nwhen = "true"\nroute = "claim"\n[[rule]]\nid = "b"\nwhen = "line.value > 5"\n'
         'route = "return"\n', 8, "dead_rule"),
        ('[[rule]]\nid = "a"\nwhen = "line.value > 5"\n', 4, "dead_rule"),
        ('[[rule]]\nid = "a"\nroute = "claim"\nwhen = "line.days_since_start > 30 && line.days_since_start < 14"\n', 7,
         "dead_rule"),
        ('[[rule]]\nid = "a"\nroute = "claim"\nwhen = "1 > 2"\n', 7, "dead_rule"),
        ('[[exception]]\nid = "a"\nwhen = "line.reason == \'lost\' && line.reason == \'late\'"\n', 6, None),
        ('[[exception]]\nid = "a"\nwhen = \'order.country == "FR" && order.country == "DE"\'\n', 6, "dead_rule"),
        ('[returnless]\nreasons = ["defective"]\nup_to = {EUR = "20"}\ncheaper_up_to = {EUR = "20"}\n'
         '[costs]\nfreight = {EUR = "9"}\n', 7, "dead_limit"),
        ('[restocking_fee]\nat_most = {EUR = "9"}\n', 5, "dead_limit"),
        ('[[evidence]]\nid = "serial"\nreasons = ["defective"]\n', 5, "words_missing"),
        ('[[rule]]\nid = "a"\nwhen = "line.value > 5"\nroute = "claim"\nsay = {en = "x", fr = "x"}\n', 8,
         "words_missing"),
    ],
)  # fmt: skip
def test_what_its_author_has_hardly_meant_is_a_warning_at_its_line(text: str, line: int, code: str | None) -> None:
    findings = found(text)
    if code is not None:
        assert (line, "warning", code) in findings
    assert {level for _, level, _ in findings} <= {"warning"}


def test_rules_that_set_different_things_do_not_hide_each_other() -> None:
    rules = '[[rule]]\nid = "a"\nwhen = "true"\nroute = "claim"\n[[rule]]\nid = "b"\nwhen = "true"\nwindow_days = 60\n'
    assert found(rules) == []


def test_suppliers_without_terms(settings: Settings) -> None:
    assert [one.source for one in lint_terms(settings.suppliers)] == [
        "MAKEGOOD_SUPPLIERS__ACME", "MAKEGOOD_SUPPLIERS__BYHAND",
    ]  # fmt: skip
    told = {"claim_window_days": 30, "cost_ratio": "0.4", "requires_goods": True}
    whole = settings.suppliers["acme"].model_copy(update=told)
    assert lint_terms({"acme": whole}) == []
