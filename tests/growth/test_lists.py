"""In a grown database every list, look-up and probe reads by an index, and as many rows as it shows."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import AsyncClient

from tests.api.kit import V1
from tests.growth.hot import LISTS, LOOKED_UP, names
from tests.growth.watch import watching

# A page holds 50 items; a case brings its lines, clocks, mails, refunds and decision with it, and the rarest reason is
# one of nine. Of the cases here, 1,600 are open: who passes those by reads more.
MOST_ROWS = 600
# Suppliers are shown with how many open cases wait for each.
MOST_ROWS_COUNTED = 2_500
# Of eight kilobytes. A list that passes entries of an index by until it comes to what it shows needs more.
MOST_PAGES = 1_500


@pytest.fixture(scope="module")
def known(grown_url: str) -> dict[str, Any]:
    return names(grown_url)


@pytest.mark.parametrize("wanted", [f"{path}?{query}" for path, queries in LISTS.items() for query in queries])
async def test_a_list_reads_what_it_shows(reader: AsyncClient, known: dict[str, Any], wanted: str) -> None:
    path = f"{V1}/{wanted.format(**known)}"
    with watching() as watch:
        answer = await reader.get(path)
        assert answer.status_code == 200, answer.text
        cursor = answer.json()["next_cursor"]
        if cursor is not None:
            following = await reader.get(f"{path}&cursor={cursor}")
            assert following.status_code == 200, following.text
            assert following.json()["items"] != answer.json()["items"]
    watch.require_probes(MOST_ROWS_COUNTED if wanted.startswith("suppliers") else MOST_ROWS, MOST_PAGES)


@pytest.mark.parametrize("wanted", ["state=closed", "state=under_review", "store=beta", "supplier=acme"])
async def test_a_list_of_cases_passes_none_by(reader: AsyncClient, wanted: str) -> None:
    name, value = wanted.split("=")
    first = (await reader.get(f"{V1}/cases?{wanted}&limit=5")).json()
    pages = []
    for path in (f"{V1}/cases?{wanted}", f"{V1}/cases?{wanted}&cursor={first['next_cursor']}"):
        with watching() as watch:
            pages.append((await reader.get(path)).json()["items"])
        shown = [one for one in watch.seen if "FROM cases" in one.text and "LIMIT" in one.text]
        # One more than a page tells whether there is another one.
        assert [one.rows for one in shown] == [51], shown
    whole, later = ([case["id"] for case in page] for page in pages)
    assert whole == sorted(whole, reverse=True)
    assert [case["id"] for case in first["items"]] == whole[:5]
    assert (later[:45], len(later)) == (whole[5:], 50)
    assert {case[name] for page in pages for case in page} == {value}


@pytest.mark.parametrize("path", LOOKED_UP)
async def test_one_thing_is_found_by_its_name(reader: AsyncClient, known: dict[str, Any], path: str) -> None:
    with watching() as watch:
        answer = await reader.get(path.format(**known))
    assert answer.status_code == (404 if path.endswith("no-such-order") else 200), answer.text
    # Of the queue, all that waits is looked at.
    watch.require_probes(1_500, 500)


@pytest.mark.parametrize(
    "path",
    ["cases", "cases?needs_attention=true", "refunds", "replacements", "events", "messages", "deliveries", "feedback"],
)
async def test_a_page_takes_as_many_statements_whatever_it_holds(reader: AsyncClient, path: str) -> None:
    counts = {}
    await reader.get(f"{V1}/{path}")
    for limit in (1, 10, 100):
        with watching() as watch:
            answer = await reader.get(f"{V1}/{path}{'&' if '?' in path else '?'}limit={limit}")
        assert len(answer.json()["items"]) == limit
        counts[limit] = len([one for one in watch.seen if "pg_catalog" not in one.text])
    # What only cases that wait for evidence, or replacements, need is asked for when there is one on the page.
    assert counts[1] <= counts[10] == counts[100] <= 11, counts
