"""The page on operations: every command, option and setting that it names is one that there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.cli import cli
from app.settings import Settings
from app.settings_store import StoreSettings
from app.settings_supplier import SupplierSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
KEYED = {"stores": StoreSettings.model_fields, "suppliers": SupplierSettings.model_fields}


def named_commands() -> list[str]:
    """What stands after `makegood` wherever a command is quoted, run by systemd, or in a block for a shell."""
    quoted = re.findall(r"`(?:[A-Z_]+=\S+ )?makegood ([^`\n]+)`", PAGE)
    run = re.findall(r"^(?:ExecStart=\S*|[A-Z_]+=\S+ |\S*/)makegood (.+)$", PAGE, re.MULTILINE)
    return [*quoted, *run]


def test_every_command_is_one_that_there_is() -> None:
    commands = named_commands()
    assert len(commands) > 20
    for line in commands:
        place: Any = get_command(cli)
        words = line.split()
        while words and hasattr(place, "get_command") and not words[0].startswith("-"):
            place = place.get_command(None, words.pop(0))
            assert place is not None, f"makegood {line}"
        options = {name for parameter in place.params for name in parameter.opts}
        assert [word for word in words if word.startswith("--") and word not in options] == [], f"makegood {line}"


def test_every_setting_is_one_that_there_is() -> None:
    names = set(re.findall(r"MAKEGOOD_[A-Z0-9_]*[A-Z0-9]", PAGE))
    assert len(names) > 20
    for name in names:
        path = name.removeprefix("MAKEGOOD_").lower().split("__")
        assert path[0] in Settings.model_fields, name
        if path[0] in KEYED:
            assert path[2] in KEYED[path[0]], name


@pytest.mark.parametrize("key", ["CLIENT_SECRET", "WEBHOOK_SECRET", "API_TOKEN"])
def test_settings_that_are_named_in_short_are_settings_too(key: str) -> None:
    assert key in PAGE
    assert any(key.lower() in fields for fields in KEYED.values())


def test_every_link_leads_somewhere() -> None:
    inside = [link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if "://" not in link]
    assert inside
    assert [link for link in inside if not (ROOT / "docs" / link).exists()] == []


def test_every_scope_that_is_asked_for_is_explained() -> None:
    from app.stores.shopify_check import ADVISED_SCOPES, REQUIRED_SCOPES

    assert [scope for scope in (*REQUIRED_SCOPES, *ADVISED_SCOPES) if f"| `{scope}` |" not in PAGE] == []
