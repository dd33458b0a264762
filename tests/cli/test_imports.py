"""What a command does not need it does not load: `--help` answers at once, and says what the commands say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.cli_lazy import LAZY, load
from tests.cli.command import environment

HEAVY = ("fastapi", "starlette", "sqlalchemy", "procrastinate", "psycopg", "alembic", "httpx", "uvicorn", "rich")
LOADED = """import sys, app.cli
sys.argv = {argv!r}
try:
    app.cli.main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["serve", "--help"], ["doctor", "--help"]])
def test_nothing_heavy_is_loaded_to_say_what_there_is(tmp_path: Path, arguments: list[str]) -> None:
    code = LOADED.format(argv=["makegood", *arguments])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "makegood" in done.stdout.casefold()
    loaded = set(done.stderr.split())
    assert "app.cli" in loaded
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize("name", LAZY)
def test_what_help_says_is_what_the_command_says(name: str) -> None:
    command = load(name)
    assert command.get_short_help_str(200).rstrip(".") == LAZY[name][2].rstrip(".")
    assert command.name == name
