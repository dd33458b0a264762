"""`makegood policy simulate` as a person runs it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.conftest import Makegood
from tests.whatif.stored import put_case
from tests.whatif.test_simulate_file import ORDER

STRICT = 'name = "strict"\nversion = "2"\n[approve]\nup_to = {EUR = "5", USD = "5", GBP = "5", ILS = "20", AUD = "8"}\n'


@pytest.fixture
def strict(tmp_path: Path) -> str:
    file = tmp_path / "strict.toml"
    file.write_text(STRICT, "utf-8")
    return str(file)


def table(out: str) -> dict[str, list[str]]:
    first, *lines = out.splitlines()
    assert "past cases" in first
    return {cells[0]: cells[1:] for cells in (line.split("\t") for line in lines)}


def test_a_generated_year_in_a_pipe_is_one_line_a_measure(makegood: Makegood, strict: str) -> None:
    done = makegood("policy", "simulate", "--policy", strict, "--generate", "150", "--jobs", "1")
    assert (done.code, done.err) == (0, "")
    rows = table(done.out)
    assert rows["cases"] == ["cases", "150", "150", "="]
    unit, before, after, difference = rows["left to a person"]
    assert unit == "%"
    assert float(after) > float(before)
    assert difference.startswith("+")
    assert "before: default@" in done.out
    assert "after: strict@2+" in done.out


def test_the_same_seed_says_the_same_and_another_something_else(makegood: Makegood, strict: str) -> None:
    said = [
        makegood("policy", "simulate", "--policy", strict, "--generate", "60", "--seed", seed, "--jobs", "1").out
        for seed in ("3", "3", "4")
    ]
    assert said[0] == said[1] != said[2]


def test_a_chart_and_a_csv_are_written(makegood: Makegood, strict: str, tmp_path: Path) -> None:
    chart, sheet = tmp_path / "chart.svg", tmp_path / "sheet.csv"
    done = makegood(
        "policy", "simulate", "--policy", strict, "--against", "default", "--generate", "40", "--jobs", "1",
        "--chart", str(chart), "--csv", str(sheet),
    )  # fmt: skip
    assert done.code == 0, done.err
    assert ET.fromstring(chart.read_text("utf-8")).tag.endswith("svg")
    assert sheet.read_text("utf-8").startswith(
        "group,key,measure,unit,before,after,difference\nall,all,cases,cases,40,40,0\n"
    )


def test_orders_come_from_a_file(makegood: Makegood, strict: str, tmp_path: Path) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_text(json.dumps(ORDER) + "\n", "utf-8")
    done = makegood("policy", "simulate", "--policy", strict, "--orders", str(file))
    assert table(done.out)["cases"] == ["cases", "1", "1", "="]
    assert table(done.out)["left to a person"] == ["%", "0.00", "100.00", "+100.00"]


def test_orders_come_from_the_database(makegood: Makegood, strict: str, database_url: str) -> None:
    put_case(database_url)
    done = makegood("policy", "simulate", "--policy", strict, "--since", "2026-03-01", DATABASE_URL=database_url)
    assert table(done.out)["cases"] == ["cases", "1", "1", "="]
    later = makegood("policy", "simulate", "--policy", strict, "--since", "2026-04-01", DATABASE_URL=database_url)
    assert later.code == 1
    assert later.err.count("\n") == 1
    assert "--generate" in later.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--policy", "nothing.toml", "--generate", "5"], "no such file"),
        (["--policy", "default", "--against", "nothing", "--generate", "5"], "no such file"),
        (["--policy", "default", "--generate", "5", "--orders", "x"], "not both"),
        (["--policy", "default", "--orders", "nothing.jsonl"], "--orders"),
        (["--policy", "default", "--generate", "5", "--chart", "nowhere/at/all.svg"], "no folder"),
        (["--policy", "default", "--generate", "5", "--jobs", "1", "--csv", "."], "cannot be written"),
        (["--policy", "default", "--generate", "5", "--since", "2030-01-01"], "no past case"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_that_says_what_to_do(makegood: Makegood, arguments: list[str], said: str) -> None:
    done = makegood("policy", "simulate", *arguments)
    assert done.code == 1
    assert done.out == "" or said == "cannot be written"
    assert done.err.startswith("makegood: ")
    assert done.err.count("\n") == 1
    assert said in done.err


@pytest.mark.parametrize("arguments", [["--generate", "0"], ["--since", "soon"], ["--jobs", "0"]])
def test_an_option_that_makes_no_sense_is_refused(makegood: Makegood, arguments: list[str]) -> None:
    assert makegood("policy", "simulate", "--policy", "default", "--generate", "5", *arguments).code == 2
