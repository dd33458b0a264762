"""Sums, rows, CSV and chart of a comparison."""

from __future__ import annotations

import csv
import io
import random
import xml.etree.ElementTree as ET
from collections import Counter
from decimal import Decimal

from app.whatif.chart import chart
from app.whatif.report import csv_text, rows, table
from app.whatif.tally import ALL, LAST_DAY, Tally, day_key, day_within

FR = ("country", "FR")


def tally(*amounts: dict[str, int]) -> Tally:
    made = Tally()
    for one in amounts:
        made.add((ALL, FR), one)
    return made


def test_adding_up_is_the_same_in_any_order_and_in_parts() -> None:
    chance = random.Random(7)
    amounts = [
        {"cases": 1, day_key(chance.randrange(90)): 1, "refunds:EUR": chance.randrange(9999)} for _ in range(200)
    ]
    whole = tally(*amounts)
    chance.shuffle(amounts)
    parts = Tally()
    for first in range(0, 200, 30):
        parts.merge(tally(*amounts[first : first + 30]))
    assert parts.groups == whole.groups
    assert whole.of(ALL)["cases"] == 200


def test_what_came_far_too_late_is_one_more_day_and_not_a_key_of_its_own() -> None:
    assert day_key(10**9) == day_key(LAST_DAY)
    assert day_key(-3) == day_key(0)


def test_the_day_by_which_a_share_is_out() -> None:
    sums = Counter({day_key(0): 5, day_key(3): 4, day_key(40): 1})
    assert [day_within(sums, percent) for percent in (1, 50, 51, 90, 91, 100)] == [0, 0, 3, 3, 40, 40]
    assert day_within(Counter(), 50) is None


def test_rows_say_shares_money_and_what_changed() -> None:
    before = Counter({"cases": 8, "approved": 2, "refunds:EUR": 1050, "refunds:JPY": 700})
    after = Counter({"cases": 8, "approved": 3, "refunds:EUR": 2000, "breach": 1, "breach.fee_lowered": 1})
    found = {(row.name, row.unit): row for row in rows(before, after)}
    assert found["approved", "%"].difference == Decimal("12.50")
    assert found["refunds", "EUR"].before == Decimal("10.50")
    assert found["refunds", "JPY"].before == Decimal(700)
    assert found["breach.fee_lowered", "cases"].after == Decimal(1)
    assert found["days_50", "days"].difference is None


def test_a_table_has_a_line_for_each_row_and_says_when_nothing_changed() -> None:
    lines = table(tally({"cases": 2, "approved": 1}), tally({"cases": 2, "approved": 2}))
    assert ("cases", "cases", "2", "2", "=") in lines
    assert ("approved at once", "%", "50.00", "100.00", "+50.00") in lines


def test_csv_has_every_measure_of_every_group() -> None:
    text = csv_text(tally({"cases": 1, "fees:EUR": 250}), tally({"cases": 1}))
    found = list(csv.DictReader(io.StringIO(text)))
    assert {(row["group"], row["key"]) for row in found} == {("all", "all"), FR}
    [fees] = [row for row in found if row["group"] == "country" and row["measure"] == "fees"]
    assert (fees["before"], fees["after"], fees["difference"]) == ("2.50", "0.00", "-2.50")


def test_a_chart_is_well_formed_and_escapes_what_it_is_given() -> None:
    one = {"cases": 4, "approved": 3, "returnless": 1, "refunds:EUR": 999, day_key(3): 2}
    drawn = chart(tally(one), tally(one), ("<a&b>", 'x"y'))
    root = ET.fromstring(drawn)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "before: <a&b>" in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")


def test_a_chart_of_nothing_is_a_chart() -> None:
    drawn = chart(Tally(), Tally(), ("a", "b"))
    root = ET.fromstring(drawn)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "before: a" in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    bars = [one for one in root.iter("{http://www.w3.org/2000/svg}rect") if one.get("height") == "28.0"]
    assert sum(float(one.get("width", "0")) for one in bars) == 0
    assert "nan" not in drawn.lower()


def test_the_shares_of_a_chart_fill_the_bar() -> None:
    amounts = [{"cases": 1, "approved": 1}, {"cases": 1, "approved": 1, "claim": 1}, {"cases": 1, "operator": 1}]
    amounts += [{"cases": 1, "rejected": 1}, {"cases": 1, "evidence": 1, "unanswered": 1}]
    made = tally(*amounts)
    root = ET.fromstring(chart(made, made, ("a", "b")))
    bars = [one for one in root.iter("{http://www.w3.org/2000/svg}rect") if one.get("height") == "28.0"]
    assert len(bars) == 12
    assert sum(float(one.get("width", "0")) for one in bars[:6]) == 606
