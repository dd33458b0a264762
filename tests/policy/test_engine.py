"""The engine, question by question."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.cases.vocabulary import Remedy
from app.orders.snapshot import Line
from app.policy.decision import Decision
from app.policy.files import load
from app.policy.law.model import Payer
from app.policy.question import History, Present, SupplierTerms
from app.policy.terms import Outcome
from tests.policy.kit import NOW, asked, codes, corrected, kept_back, order, policy, question, ruled


@pytest.mark.parametrize(
    ("put", "outcome", "why"),
    [
        (question(), "approve", ["in_window"]),
        (question(supplier=None), "operator", ["no_supplier"]),
        (question(remedy=Remedy.REPLACEMENT), "operator", ["remedy_asked"]),
        (question(held=True), "operator", ["held"]),
        (question(asked_by_hand=True), "operator", ["evidence_arrived"]),
        (question(of=order(captured=0)), "operator", ["not_captured"]),
        (question(of=order(disputed=True)), "operator", ["chargeback"]),
        (question(asked(quantity=2)), "operator", ["not_free"]),
        (question(of=order(Line("1", "Card", 1, 5000, gift_card=True))), "operator", ["gift_card"]),
        (question(of=order(delivered=31)), "operator", ["past_window"]),
        # Nobody knows of the delivery: a right may be alive, and a person looks.
        (question(of=order(delivered=None, placed_at=NOW - timedelta(days=90), fulfilments=())), "operator",
         ["past_window_not_delivered"]),
        # A guarantee lives on after the window: never refused, never paid by machine.
        (question(asked("defective"), of=order(delivered=200)), "operator", ["past_window_law_alive"]),
        # It never came: no window can have ended.
        (question(asked("lost"), of=order(delivered=None, placed_at=NOW - timedelta(days=90))), "approve", None),
        (question(asked("lost"), of=order(delivered=90)), "operator", ["past_window_lost"]),
    ],
)  # fmt: skip
def test_the_default_policy(put: Any, outcome: str, why: list[str] | None) -> None:
    decision = ruled(put, load("default"))
    assert decision.outcome == outcome
    assert why is None or codes(decision) == why


@pytest.mark.parametrize(
    ("reason", "requires_goods", "route"),
    [
        ("changed_mind", None, "return"),
        ("changed_mind", False, "return"),
        ("lost", None, "claim"),
        ("missing_parts", True, "claim"),
        ("damaged_in_transit", None, "claim"),
        ("damaged_in_transit", True, "return"),
        ("wrong_item", False, "claim"),
        ("defective", None, "return"),
        ("defective", False, "claim"),
    ],
)
def test_routes_follow_reason_and_supplier(reason: str, requires_goods: bool | None, route: str) -> None:
    terms = SupplierTerms("acme", requires_goods=requires_goods)
    assert ruled(question(asked(reason), supplier=terms)).route == route


def test_late_goods_that_have_not_come_are_claimed_and_those_that_came_go_back() -> None:
    assert ruled(question(asked("late"), of=order(delivered=None))).route == "claim"
    assert ruled(question(asked("late"))).route == "return"


def test_below_the_suppliers_own_limit_goods_it_wants_need_not_come_back() -> None:
    terms = SupplierTerms("acme", requires_goods=True, returnless_below=6000)
    assert ruled(question(asked("defective"), supplier=terms)).route == "claim"
    assert ruled(question(asked("defective", value=6000), supplier=terms)).route == "return"


def test_lines_that_differ_go_the_way_that_all_can_go() -> None:
    two = order(Line("1", "Lamp", 1, 5990), Line("2", "Mug", 1, 1000))
    assert ruled(question(asked(), asked("missing_parts", "2"), of=two)).route == "return"


class TestWindow:
    """Windows end with a day of the customer's country, and the law's own end is never before."""

    @pytest.mark.parametrize(("days", "outcome"), [(30, "approve"), (31, "reject")])
    def test_the_last_day_counts_in_full(self, days: int, outcome: str) -> None:
        file = policy('[window]\nlate = "reject"')
        assert ruled(question(of=order(delivered=days)), file).outcome == outcome

    def test_a_shorter_window_never_takes_the_legal_one(self) -> None:
        decision = ruled(question(of=order(delivered=10)), policy('[window]\ndays = 7\nlate = "reject"'))
        assert (decision.outcome, codes(decision)) == ("approve", ["kept_by_law"])
        assert corrected(decision) == ["window_kept_open"]
        assert decision.law is not None
        assert decision.window_end == decision.law.until

    def test_where_no_law_gives_a_window_the_policys_holds(self) -> None:
        file = policy('[window]\ndays = 7\nlate = "reject"')
        assert ruled(question(of=order(delivered=10, country="US")), file).outcome == "reject"

    def test_a_reason_has_its_own_window(self) -> None:
        file = policy("[window.by_reason]\ndefective = 365")
        assert ruled(question(asked("defective"), of=order(delivered=200)), file).outcome == "approve"

    def test_from_the_order(self) -> None:
        file = policy('[window]\nfrom = "placed"\nlate = "reject"')
        put = question(of=order(delivered=28, country="US"))
        assert ruled(put, file).outcome == "reject"
        assert ruled(put, policy('[window]\nlate = "reject"')).outcome == "approve"

    def test_waiting_for_evidence_costs_the_customer_nothing(self) -> None:
        put = question(of=order(delivered=29), now=NOW + timedelta(days=20))
        assert ruled(put, policy('[window]\nlate = "reject"')).outcome == "approve"


class TestFee:
    """A restocking fee, as far as the law allows one."""

    FEE = '[restocking_fee]\npercent = "10"\n'

    def test_nothing_is_kept_on_a_withdrawal_in_the_union(self) -> None:
        decision = ruled(question(), policy(self.FEE))
        assert (decision.fee, corrected(decision)) == (0, ["fee_forbidden"])

    def test_five_per_cent_in_israel(self) -> None:
        decision = ruled(question(of=order(country="IL", currency="ILS")), policy(self.FEE))
        assert (decision.fee, corrected(decision)) == (299, ["fee_limited"])

    def test_a_hundred_shekels_for_the_whole_order(self) -> None:
        put = question(asked(value=500_000), of=order(country="IL", currency="ILS"))
        assert ruled(put, load("il")).fee == 10_000
        assert ruled(replace(put, fee_kept=9_000), load("il")).fee == 1_000

    def test_nothing_is_kept_for_a_defect_in_israel(self) -> None:
        put = question(asked("defective"), of=order(country="IL", currency="ILS"))
        assert ruled(put, policy(self.FEE + 'reasons = ["defective"]')).fee == 0

    def test_in_the_united_states_what_the_policy_says(self) -> None:
        put = question(of=order(country="US", currency="USD"))
        assert ruled(put, policy(self.FEE)).fee == 599
        capped = ruled(put, policy(self.FEE + 'at_most = {USD = "2.00"}'))
        assert capped.fee == 200
        steps = [(step.name, step.minor) for step in capped.arithmetic]
        assert steps == [("value", 5990), ("fee_percent", None), ("fee_wanted", 599), ("fee_cap", 200), ("fee", 200)]
        assert ruled(put, policy(self.FEE + 'at_most = {EUR = "2.00"}')).fee == 0

    def test_no_fee_where_nothing_comes_back(self) -> None:
        put = question(asked("missing_parts"), of=order(country="US", currency="USD"))
        assert ruled(put, policy(self.FEE + 'reasons = ["missing_parts"]')).fee == 0


class TestWayBack:
    """Who pays the way back."""

    @pytest.mark.parametrize(
        ("reason", "country", "payer"),
        [("changed_mind", "FR", "customer"), ("defective", "FR", "merchant"), ("defective", "AU", "merchant")],
    )
    def test_by_reason(self, reason: str, country: str, payer: str) -> None:
        assert ruled(question(asked(reason), of=order(country=country))).way_back == payer

    def test_the_customer_never_pays_for_a_defect(self) -> None:
        decision = ruled(question(asked("defective")), policy('[way_back]\ncustomer_pays = ["defective"]'))
        assert (decision.way_back, corrected(decision)) == (Payer.MERCHANT, ["way_back_merchant"])

    def test_what_the_merchant_pays_is_named(self) -> None:
        decision = ruled(question(asked("defective")), policy('[costs]\nfreight = {EUR = "12.00"}'))
        assert {note.code: dict(note.values) for note in decision.merchant_cost}["way_back_paid"] == {"minor": 1200}


class TestReturnless:
    """Refund at once and keep the goods: under the cap, or where the way back costs more than it brings."""

    TEXT = """
    [returnless]
    reasons = ["damaged_in_transit", "defective"]
    up_to = {EUR = "15.00"}
    cheaper_up_to = {EUR = "60.00"}
    recent_damage = 4
    [costs]
    freight = {EUR = "12.00"}
    handling = {EUR = "4.00"}
    """

    @pytest.mark.parametrize(
        ("value", "ratio", "route", "why"),
        [
            (1500, None, "returnless", "returnless_up_to"),
            # Unknown wholesale counts in full: 15.01 of goods are worth less than the 16.00 that a return costs.
            (1501, None, "returnless", "returnless_cheaper_up_to"),
            (1601, None, "return", None),
            (5000, "0.32", "returnless", "returnless_cheaper_up_to"),
            (5100, "0.32", "return", None),
            # Never above the hard limit, however cheap the goods were.
            (6001, "0.01", "return", None),
        ],
    )
    def test_value_and_comparison(self, value: int, ratio: str | None, route: str, why: str | None) -> None:
        terms = SupplierTerms("acme", requires_goods=True, cost_ratio=Decimal(ratio) if ratio else None)
        decision = ruled(question(asked("defective", value=value), supplier=terms), policy(self.TEXT))
        assert decision.route == route
        assert why is None or why in codes(decision)

    def test_the_arithmetic_is_shown(self) -> None:
        terms = SupplierTerms("acme", requires_goods=True, cost_ratio=Decimal("0.30"))
        decision = ruled(question(asked("defective", value=5000), supplier=terms), policy(self.TEXT))
        assert {step.name: step.minor for step in decision.arithmetic} == {
            "value": 5000, "freight": 1200, "handling": 400, "return_costs": 1600, "wholesale": 1500, "fee": 0,
            "return_brings": 1500,
        }  # fmt: skip
        assert kept_back(decision)[0] == "supplier_wants_goods"

    def test_goods_nobody_wants_back_bring_nothing(self) -> None:
        terms = SupplierTerms("acme", requires_goods=False)
        assert ruled(question(asked("defective", value=6000), supplier=terms), policy(self.TEXT)).route == "returnless"

    def test_frequent_damage(self) -> None:
        terms = SupplierTerms("acme", requires_goods=True, cost_ratio=Decimal("0.9"))
        often = question(asked("defective", recent_damage=4), supplier=terms)
        assert codes(ruled(often, policy(self.TEXT)))[0] == "returnless_recent_damage"
        assert ruled(question(asked("defective", recent_damage=3), supplier=terms), policy(self.TEXT)).route == "return"

    def test_another_currency_is_never_given_away(self) -> None:
        put = question(asked("defective", value=100), of=order(currency="USD"))
        assert ruled(put, policy(self.TEXT)).route == "return"

    def test_one_line_that_must_come_back_brings_all_back(self) -> None:
        two = order(Line("1", "Lamp", 1, 500), Line("2", "Mug", 1, 500))
        put = question(asked("defective", value=500), asked("changed_mind", "2", value=500), of=two)
        assert ruled(put, policy(self.TEXT)).route == "return"


class TestEvidence:
    """Only what is missing is asked for, and never where the law wants no reason."""

    TEXT = """
    [[evidence]]
    id = "photo_of_damage"
    count = 2
    reasons = ["damaged_in_transit", "changed_mind"]
    [[evidence]]
    id = "photo_of_label"
    reasons = ["damaged_in_transit"]
    when = 'line.value > amount("50.00")'
    [[evidence]]
    id = "what_is_wrong"
    kind = "answer"
    reasons = ["defective"]
    """

    @pytest.mark.parametrize(
        ("present", "value", "missing"),
        [
            (Present(), 5990, {"photo_of_damage": 2, "photo_of_label": 1}),
            (Present(), 5000, {"photo_of_damage": 2}),
            (Present(photos=1, answers=5), 5990, {"photo_of_damage": 1, "photo_of_label": 1}),
            (Present(photos=2), 5990, {"photo_of_label": 1}),
            (Present(photos=3), 5990, {}),
        ],
    )
    def test_what_is_missing(self, present: Present, value: int, missing: dict[str, int]) -> None:
        put = question(asked("damaged_in_transit", value=value), evidence=present)
        decision = ruled(put, policy(self.TEXT))
        assert {one.item: one.count for one in decision.evidence} == missing
        assert decision.outcome == (Outcome.EVIDENCE if missing else Outcome.APPROVE)

    def test_no_reason_has_to_be_shown_for_a_withdrawal(self) -> None:
        decision = ruled(question(), policy(self.TEXT))
        assert (decision.outcome, corrected(decision)) == ("approve", ["evidence_not_required"])
        assert ruled(question(of=order(country="US")), policy(self.TEXT)).outcome == "evidence"

    def test_a_person_is_asked_before_the_customer(self) -> None:
        assert ruled(question(asked("defective"), supplier=None), policy(self.TEXT)).evidence == ()


class TestLimits:
    """Value and frequency: beyond them a person decides, and nobody is refused for them."""

    @pytest.mark.parametrize(
        ("text", "history", "why"),
        [
            ('[approve]\nup_to = {EUR = "59.89"}', History(), "above_limit"),
            ('[approve]\nup_to = {EUR = "59.90"}', History(), None),
            ('[approve]\nup_to = {USD = "59.90"}', History(), "no_limit_for_currency"),
            ("[abuse]\ncases = 3", History(cases=3), "abuse_cases"),
            ("[abuse]\ncases = 3", History(cases=2), None),
            ('[abuse]\nrefunded = {EUR = "100.00"}', History(refunded=10_000), "abuse_refunded"),
            ('[abuse]\nrefunded_percent = "50"', History(orders=3, spent=10_000, refunded=5_001), "abuse_percent"),
            ('[abuse]\nrefunded_percent = "50"', History(orders=2, spent=10_000, refunded=9_000), None),
        ],
    )
    def test_a_limit(self, text: str, history: History, why: str | None) -> None:
        decision = ruled(question(history=history), policy(text))
        assert codes(decision) == [why or "in_window"]
        assert decision.outcome == (Outcome.OPERATOR if why else Outcome.APPROVE)


class TestRules:
    """The first rule that holds sets a thing; later ones set the rest."""

    def test_each_thing_is_set_once(self) -> None:
        file = policy(
            """
            [[rule]]
            id = "sofas"
            when = 'line.sku.startsWith("LAMP")'
            route = "claim"
            [[rule]]
            id = "all"
            when = "true"
            route = "return"
            window_days = 1
            """
        )
        decision = ruled(question(of=order(country="US")), file)
        assert (decision.route, decision.outcome) == ("claim", "operator")
        assert [(one.rule, dict(one.values)) for one in decision.fired] == [
            ("sofas", {"line.sku": "LAMP-01"}), ("all", {}),
        ]  # fmt: skip

    @pytest.mark.parametrize(("country", "outcome"), [("US", "reject"), ("FR", "approve")])
    def test_a_refusal_stands_only_where_no_right_is_alive(self, country: str, outcome: str) -> None:
        file = policy('[[rule]]\nid = "no"\nwhen = "customer.cases >= 0"\noutcome = "reject"')
        decision = ruled(question(of=order(country=country)), file)
        assert decision.outcome == outcome
        assert corrected(decision) == ([] if country == "US" else ["reject_not_allowed"])

    def test_a_firm_approval_skips_evidence_and_limits_and_not_doubts(self) -> None:
        file = policy(
            """
            [approve]
            up_to = {EUR = "1.00"}
            [[evidence]]
            id = "photo_of_item"
            reasons = ["wrong_item"]
            [[rule]]
            id = "friends"
            when = "customer.orders >= 10"
            outcome = "approve"
            """
        )
        friend = question(asked("wrong_item"), history=History(orders=10))
        assert ruled(friend, file).outcome == "approve"
        assert ruled(replace(friend, held=True), file).outcome == "operator"

    def test_a_condition_that_fails_is_for_a_person(self) -> None:
        file = policy('[[rule]]\nid = "odd"\nwhen = "line.value / customer.cases > 10"\noutcome = "approve"')
        assert codes(ruled(question(), file)) == ["condition_failed"]


class TestExceptions:
    """Goods that are not taken back on second thoughts."""

    SALE = '[[exception]]\nid = "sale"\nwhen = "line.sku == \\"LAMP-01\\""\noutcome = "reject"\n'

    def test_final_sale_is_no_legal_exception(self) -> None:
        decision = ruled(question(), policy(self.SALE))
        assert (decision.outcome, corrected(decision)) == ("approve", ["exception_not_legal"])
        assert ruled(question(of=order(country="US")), policy(self.SALE)).outcome == "reject"

    def test_a_statutory_one_ends_the_right(self) -> None:
        assert ruled(question(), policy(self.SALE + 'statutory = "bespoke"')).outcome == "reject"

    def test_it_is_not_for_defects(self) -> None:
        assert ruled(question(asked("defective")), policy(self.SALE + 'statutory = "bespoke"')).outcome == "approve"


def test_store_credit_only_where_no_law_gives_the_money() -> None:
    file = policy('[remedies]\noffered = ["store_credit"]\nstore_credit_only = ["changed_mind"]')
    union = ruled(question(), file)
    assert (union.outcome, union.remedy, corrected(union)) == ("approve", "refund", ["credit_not_only"])
    assert union.remedies == ("refund", "store_credit")
    states = ruled(question(of=order(country="US")), file)
    assert (states.outcome, states.remedy, codes(states)) == ("approve", "store_credit", ["credit_only", "in_window"])


def test_a_remedy_on_offer_is_decided_like_a_refund_and_another_by_a_person() -> None:
    file = policy('[remedies]\noffered = ["replacement", "store_credit", "exchange"]')
    for remedy in (Remedy.REPLACEMENT, Remedy.STORE_CREDIT):
        one = ruled(question(remedy=remedy), file)
        assert (one.outcome, one.remedy, one.route) == ("approve", remedy, "return")
    other = ruled(question(remedy=Remedy.KEEP_ITEM), file)
    assert (other.outcome, codes(other)) == ("operator", ["remedy_asked"])
    assert ruled(question(), file).outcome == "approve"


def test_an_exchange_needs_to_know_what_for() -> None:
    file = policy('[remedies]\noffered = ["exchange"]')
    assert codes(ruled(question(remedy=Remedy.EXCHANGE), file)) == ["variant_missing"]
    chosen = ruled(question(asked(variant="V2"), remedy=Remedy.EXCHANGE), file)
    assert (chosen.outcome, chosen.remedy) == ("approve", "exchange")


def test_what_is_kept_stays_there_bears_no_fee_and_must_have_come() -> None:
    file = policy('[remedies]\noffered = ["keep_item"]\nkeep_item_percent = 40\n[restocking_fee]\npercent = "10"')
    kept = ruled(question(asked("defective"), of=order(country="US"), remedy=Remedy.KEEP_ITEM), file)
    assert (kept.outcome, kept.route, kept.fee, codes(kept)[0]) == ("approve", "returnless", 0, "keep_item")
    for reason in ("lost", "changed_mind"):
        other = ruled(question(asked(reason), of=order(country="US"), remedy=Remedy.KEEP_ITEM), file)
        assert (other.outcome, other.remedies) == ("operator", ("refund",))


def test_original_packaging_is_a_condition_only_where_it_may_be() -> None:
    file = policy('[packaging]\noriginal = "required"')
    assert ruled(question(), file).conditions == ("condition:tried", "packaging:wanted")
    assert ruled(question(of=order(country="US")), file).conditions == ("condition:tried", "packaging:required")


def test_goods_in_a_worse_state_than_expected_are_for_a_person() -> None:
    file = policy('[condition]\nexpected = "unused"')
    assert codes(ruled(question(asked(condition="tried")), file)) == ["worn"]
    assert ruled(question(asked(condition="unused")), file).outcome == "approve"


def test_a_claim_window_that_is_over_is_the_merchants_cost_and_not_the_customers() -> None:
    terms = SupplierTerms("acme", claim_window_days=7, cost_ratio=Decimal("0.4"))
    decision = ruled(question(asked("damaged_in_transit"), of=order(delivered=10), supplier=terms))
    assert decision.outcome == "approve"
    (cost,) = [note for note in decision.merchant_cost if note.code == "claim_window_over"]
    assert cost.values == {"day": "2026-11-19", "days": 7, "minor": 2396}


def test_a_local_centre_takes_what_is_undamaged() -> None:
    file = policy('[local]\ncountries = ["FR"]\naddress = {line1 = "1 rue Exemple", city = "Paris"}')
    assert ruled(question(), file).route == "local"
    assert ruled(question(asked("defective")), file).route == "return"
    assert ruled(question(of=order(country="DE")), file).route == "return"


def test_the_same_again_and_as_json() -> None:
    for named in ("default", "eu", "il"):
        first, again = ruled(question(), load(named)), ruled(question(), load(named))
        assert first == again == Decision.from_json(json.loads(json.dumps(first.to_json())))
