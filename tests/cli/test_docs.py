"""What the documents promise: pages are current, the README's commands are those that CI runs, pins are complete."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app import settings_reference
from app.cases import diagram
from app.cases.table import TRANSITIONS
from app.policy import reference
from app.policy.lint import lint
from app.policy.model import Policy
from app.settings import Settings
from app.settings_events import ReceiverSettings
from app.settings_store import StoreSettings
from app.settings_supplier import SupplierSettings
from tests.cli.conftest import Makegood

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CI = (ROOT / ".ci" / "run").read_text("utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_page_on_the_case_machine_is_current() -> None:
    page = (ROOT / "docs" / "case-machine.md").read_text("utf-8")
    assert page == diagram.page(), "make it anew: python -m app.cases.diagram > docs/case-machine.md"
    assert len(TRANSITIONS) == sum(line.startswith("| ") for line in page.splitlines()) - 2


def test_the_page_on_the_settings_is_current_and_says_what_each_means() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert page == settings_reference.page(), "make it anew: python -m app.settings_reference > docs/configuration.md"
    for model in (Settings, StoreSettings, SupplierSettings, ReceiverSettings):
        assert [name for name, field in model.model_fields.items() if not field.description] == []


def shell_blocks() -> list[tuple[str, str]]:
    """Every `sh` block of the README with the marker above it."""
    return re.findall(r"(?:<!-- ci: (\w+) -->\n)?```sh\n(.*?)```", README, re.DOTALL)


def test_the_page_on_the_keys_of_a_policy_is_current_and_says_what_each_means() -> None:
    page = (ROOT / "docs" / "policy-keys.md").read_text("utf-8")
    assert page == reference.page(), "make it anew: python -m app.policy.reference > docs/policy-keys.md"
    assert "|  |" not in page


def test_the_example_of_a_policy_is_clean() -> None:
    page = (ROOT / "docs" / "policy.md").read_text("utf-8")
    example = page.partition("<!-- lint: clean -->\n```toml\n")[2].partition("```")[0]
    assert [str(one) for one in lint(example, "docs/policy.md")] == []
    assert set(Policy.model_fields) - set(tomllib.loads(example)) <= {"restocking_fee", "routes"}


def test_every_shell_block_of_the_readme_is_run_by_ci() -> None:
    markers = [marker for marker, _ in shell_blocks()]
    assert set(markers) == {"demo", "tests", "session"}
    for marker in markers:
        assert f"readme {marker})" in CI


def test_the_two_first_commands_are_one_line_each_from_nothing() -> None:
    [demo] = [text for marker, text in shell_blocks() if marker == "demo"]
    [tests] = [text for marker, text in shell_blocks() if marker == "tests"]
    for command, ending in ((demo, "makegood demo\n"), (tests, "pytest\n")):
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
        assert command.endswith(f" .venv/bin/{ending}")
    assert '"$demo --once"' in CI


def test_the_readme_names_every_command(makegood: Makegood) -> None:
    said = makegood("--help").out.split("Commands:")[1]
    commands = {line.split()[0] for line in said.splitlines() if line.startswith("  ") and line[2] != " "}
    assert [command for command in commands if f"makegood {command}" not in README] == []


def test_the_links_of_the_readme_lead_somewhere() -> None:
    inside = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert inside
    assert [link for link in inside if not (ROOT / link).exists()] == []


def pins() -> dict[str, str]:
    lines = (ROOT / ".requirements.lock").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("dependency", PROJECT["dependencies"])
def test_every_dependency_is_pinned_and_has_a_reason(dependency: str) -> None:
    wanted = Requirement(dependency)
    pinned = pins()[canonicalize_name(wanted.name)]
    assert wanted.specifier.contains(pinned)
    assert wanted.name in (ROOT / "docs" / "decisions" / "0008-dependencies.md").read_text("utf-8")


def test_the_pins_name_no_index() -> None:
    lock = (ROOT / ".requirements.lock").read_text("utf-8")
    assert "://" not in lock
    assert "--" not in lock


def test_the_image_is_built_from_the_pins() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert "--requirement /tmp/requirements.lock" in dockerfile
    kept = (ROOT / ".dockerignore").read_text("utf-8")
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE):
        assert [name for name in source.split() if f"!{name}\n" not in kept] == []


def test_the_changes_name_this_version() -> None:
    assert f"## {PROJECT['version']}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")
