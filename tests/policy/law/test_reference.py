"""The page on the law packs is current and holds every figure; a shipped version of a pack never changes."""

from __future__ import annotations

import csv
import hashlib
import tomllib
from pathlib import Path

from app.policy.law import reference
from app.policy.law.library import PACKS

ROOT = Path(__file__).parents[3]
PUBLISHED = Path(__file__).parent / "published.csv"


def test_the_page_on_the_law_is_current() -> None:
    page = (ROOT / "docs" / "law.md").read_text("utf-8")
    assert page == reference.page(), "make it anew: python -m app.policy.law.reference > docs/law.md"


def test_the_page_says_that_it_is_a_draft_and_has_every_figure() -> None:
    page = reference.page()
    assert page.startswith("# The law packs\n\n**Draft, needs counsel. Not legal advice.**")
    for file in PACKS.glob("*.toml"):
        pack = tomllib.loads(file.read_text("utf-8"))
        figures = [rule for section in pack.values() if isinstance(section, dict) for rule in section]
        part = page.partition(f"`{pack['id']}@{pack['version']}`\n")[2].partition("\n## ")[0]
        rows = [line for line in part.splitlines() if line.startswith("| `")]
        assert len(rows) == len([rule for rule in figures if rule not in {"countries", "regions", "home"}])


def test_a_version_that_was_shipped_is_still_there_and_unchanged() -> None:
    """Cases are pinned to it. A pack that has to change gets a new version; the old file moves to `packs/past`."""
    with PUBLISHED.open(encoding="utf-8", newline="") as lines:
        published = {(row["id"], row["version"]): row["sha256"] for row in csv.DictReader(lines)}
    found = {}
    for file in PACKS.rglob("*.toml"):
        pack = tomllib.loads(file.read_text("utf-8"))
        found[pack["id"], pack["version"]] = hashlib.sha256(file.read_bytes()).hexdigest()
    assert found == published
