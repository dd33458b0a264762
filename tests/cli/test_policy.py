"""`makegood policy`: show, lint, explain."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.cases.vocabulary import Reason, Remedy
from app.db.engine import Database
from app.db.work import Work
from app.orders import service as orders
from app.policy.files import load
from app.requests import service as requests
from app.requests.service import Wanted, WantedLine
from app.settings import Settings
from tests.api.kit import order_of
from tests.cli.conftest import Makegood

FAULTY = 'name = "mine"\nversion = "1"\ncountries = ["DE"]\n[restocking_fee]\npercent = "10"\n'


def test_show_prints_the_file_as_it_is(makegood: Makegood) -> None:
    assert makegood("policy", "show", "eu").out == load("eu").body
    refused = makegood("policy", "show", "defualt")
    assert refused.code == 1
    assert "did you mean default?" in refused.err


def test_lint_names_file_and_line_and_fails(makegood: Makegood, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FAULTY, encoding="utf-8")
    done = makegood("policy", "lint", str(file), "eu")
    assert done.code == 1
    assert done.out.startswith(f"{file}:5: error: a restocking fee of 10 % is kept, and the law forbids one")
    assert "1 error in the policies" in done.err
    told = json.loads(makegood("policy", "lint", str(file), "--json").out)
    assert (told[0]["line"], told[0]["code"]) == (5, "unlawful_restocking_fee")


def test_lint_of_what_ships_says_nothing_of_the_files(makegood: Makegood) -> None:
    done = makegood("policy", "lint", "default", "eu", "uk", "il", "us", "au")
    assert not re.search(r"\.toml", done.out)


@pytest.fixture
def decided(database_url: str, settings: Settings) -> str:
    """The reference of a case that the policy approved."""

    async def make() -> str:
        database = Database(database_url, pool_size=1)
        async with database.transaction() as session:
            work = Work(session, settings, datetime.now(UTC))
            order, _ = await orders.keep(work, "alpha", order_of())
            line = WantedLine(1, Reason.CHANGED_MIND, sku="LAMP-01")
            _, cases = await requests.submit(work, order, Wanted(Remedy.REFUND, [line], "api", "operator:ops"))
            reference = cases[0].reference
        await database.dispose()
        return reference

    return asyncio.run(make())


def test_explain_in_words(makegood: Makegood, database_url: str, decided: str) -> None:
    said = makegood("policy", "explain", decided, DATABASE_URL=database_url).out
    assert said.startswith(f"{decided}: The request is approved.")
    assert "Policy default@1+" in said
    french = makegood("policy", "explain", decided, "--language", "fr", DATABASE_URL=database_url)
    assert "La demande est acceptée." in french.out
    told = json.loads(makegood("policy", "explain", decided, "--json", DATABASE_URL=database_url).out)
    assert (told["outcome"], told["words"]["language"]) == ("approve", "en")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["MG-NOSUCH22"], "There is no case 'MG-NOSUCH22'"), (["MG-NOSUCH22", "--language", "de"], "no words in 'de'")],
)
def test_explain_refuses_in_one_sentence(
    makegood: Makegood, database_url: str, arguments: list[str], sentence: str
) -> None:
    done = makegood("policy", "explain", *arguments, DATABASE_URL=database_url)
    assert done.code == 1
    assert sentence in done.err
