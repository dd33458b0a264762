"""The alert rules and the dashboard: they parse, name what is exposed and nothing else, and lead to a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from httpx import AsyncClient
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

DOCS = Path(__file__).parents[2] / "docs"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DOCS / "monitoring/alerts.yaml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
BOARD: dict[str, Any] = json.loads((DOCS / "monitoring/dashboard.json").read_text("utf-8"))
PAGE = (DOCS / "monitoring.md").read_text("utf-8")
TARGETS = [(panel["title"], target["expr"]) for panel in BOARD["panels"] for target in panel.get("targets", [])]
# What only a certain moment has: counters of a process that has none yet are exposed without a sample.
_SUFFIXES = ("_bucket", "_sum", "_count")


def named_in(node: Any) -> Iterator[str]:
    """The metrics that an expression selects."""
    if isinstance(node, promql_parser.VectorSelector):
        assert node.name, "a selector without a name"
        yield node.name
    for part in ("lhs", "rhs", "expr", "vector_selector", "param"):
        if (inner := getattr(node, part, None)) is not None:
            yield from named_in(inner)
    for inner in getattr(node, "args", None) or []:
        yield from named_in(inner)


def plain(expression: str) -> str:
    """As Grafana sends it: its variables replaced."""
    return re.sub(r"\$\w+", "x", expression)


@pytest.fixture
async def exposed(client: AsyncClient) -> set[str]:
    """Every name that a query can find on a service that runs."""
    told = (await client.get("/metrics")).text
    assert "makegood_database_up 1.0" in told
    names = {family.name for family in text_string_to_metric_families(told)}
    names |= {sample.name for family in text_string_to_metric_families(told) for sample in family.samples}
    for family in REGISTRY.collect():
        names.add(f"{family.name}_total" if family.type == "counter" else family.name)
        if family.type == "histogram":
            names |= {f"{family.name}{suffix}" for suffix in _SUFFIXES}
    return names


def slugs() -> set[str]:
    """The anchors of the page's headings, as they are made for Markdown."""
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_where_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(named_in(promql_parser.parse(rule["expr"])))
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "action", "runbook"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert page == "docs/monitoring.md"
    assert anchor in slugs()
    promql_parser.parse_duration(rule.get("for", "1m"))


async def test_every_expression_asks_for_what_is_exposed(exposed: set[str]) -> None:
    """A name with a letter wrong would never ring and never show."""
    for expression in [rule["expr"] for rule in RULES] + [plain(expression) for _, expression in TARGETS]:
        used = set(named_in(promql_parser.parse(expression)))
        assert used, expression
        assert used <= exposed, expression
    with pytest.raises(ValueError, match="parenthesis"):
        promql_parser.parse("sum(makegood_jobs")


def test_alerts_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names)) > 20


def test_no_rule_of_the_database_adds_up_what_every_process_tells() -> None:
    """Each API process tells the same about the database; only counters of processes may be summed as they are."""
    counted = ("_total", *_SUFFIXES)
    for expression in [rule["expr"] for rule in RULES] + [plain(expression) for _, expression in TARGETS]:
        for name in re.findall(r"sum(?: by \([^)]*\))? ?\((makegood_\w+)", expression):
            assert name.endswith(counted), expression


def test_the_dashboard_can_be_imported() -> None:
    """Grafana asks for the Prometheus once, and every panel has its place."""
    (source,) = BOARD["__inputs"]
    assert (source["name"], source["pluginId"]) == ("DS_PROMETHEUS", "prometheus")
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        squares = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }  # fmt: skip
        assert not squares & taken, panel["title"]
        assert max(x for x, _ in squares) < 24
        taken |= squares
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == panel["datasource"]["uid"] == "${DS_PROMETHEUS}"
    used = set(re.findall(r"\$(\w+)", " ".join(expression for _, expression in TARGETS)))
    assert used == {variable["name"] for variable in BOARD["templating"]["list"]}


async def test_the_page_names_every_metric_of_ours(exposed: set[str]) -> None:
    ours = {name for name in exposed if name.startswith("makegood_") and not name.endswith((*_SUFFIXES, "_created"))}
    # A counter's family has the name without the end that its samples have.
    ours -= {name.removesuffix("_total") for name in ours if name.endswith("_total")}
    assert {name for name in ours if f"`{name}`" not in PAGE} == set()
