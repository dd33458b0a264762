"""The demo as a person starts it: it must tell its stories truly, be undisturbed, and leave nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.demo.run import STORIES

WRONG = """
import sys
from dataclasses import replace
from app.demo.run import STORIES, run_demo
from app.demo.story import Ending
wrong = (Ending("nono", "authorizing contested resolving resolved", "12.34 EUR"),)
told = [replace(story, endings=wrong) for story in STORIES if story.title == "Refused and agreed"]
sys.exit(run_demo(once=True, port=None, stories=told))
"""
STUCK = """
import sys
from dataclasses import replace
from app.demo.run import STORIES, run_demo
async def play(scene):
    await scene.act(await scene.case_of("nothing"), "absorb")
import app.demo.scene
app.demo.scene.PATIENCE = 0.5
sys.exit(run_demo(once=False, port=None, stories=[replace(STORIES[0], play=play)]))
"""
# Whatever a developer has set must not get in; each of these would stop or bend a service that read it.
FOREIGN = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
    "MAKEGOOD_SWEEP_SECONDS": "nonsense",
    "MAKEGOOD_STORES__ALPHA__DRY_RUN": "true",
    "MAKEGOOD_CONFIG_FILE": "/nowhere/makegood.toml",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for temporary files that another system user can reach: PostgreSQL is one when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="makegood-test-") as name:
        Path(name).chmod(0o755)
        Path(name, ".env").write_text("MAKEGOOD_STORES__ALPHA__DRY_RUN=true\n")
        yield Path(name)


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Starts Python with these arguments in a hostile environment, with a pipe for stdout."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKEGOOD_")}
    environment = {**clean, **FOREIGN, "TMPDIR": str(folder), "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,
    )


def heed_interrupts() -> None:
    """A shell lets its background jobs ignore SIGINT, and their children inherit that; a person's terminal does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Runs it to its end; answers exit code, stdout and stderr."""
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def left_behind(folder: Path) -> list[str]:
    """What a demo left in its temporary folder."""
    return [entry.name for entry in folder.glob("makegood-demo-*")]


@pytest.mark.slow
def test_every_story_ends_as_told(folder: Path) -> None:
    code, out, err = run(folder, "-m", "app.cli", "demo", "--once")
    assert (code, err) == (0, ""), out + err
    assert f"{len(STORIES)} of {len(STORIES)} stories ended as told." in out
    table = out[out.index("customer got") :]
    assert all(story.title in table for story in STORIES)
    assert table.count("✓") == sum(len(story.endings) for story in STORIES)
    assert "✗" not in table
    for amount in ("44.80 EUR", "17.40 EUR", "13.38 EUR", "41.53 EUR", "59.00 USD", "7.40 GBP"):
        assert amount in table
    assert max(len(line) for line in table.splitlines()) <= 110
    assert left_behind(folder) == []


@pytest.mark.slow
def test_a_story_told_wrongly_is_shown_with_its_differences(folder: Path) -> None:
    code, out, _ = run(folder, "-c", WRONG)
    assert code == 1, out
    assert "0 of 1 stories ended as told." in out
    path = "requested → authorizing → contested"
    assert f"path: told {path} → resolving → resolved, was {path} → rejected" in out
    assert "customer got: told 12.34 EUR, was nothing" in out
    assert "money calls: told 1, was 0" in out


@pytest.mark.slow
def test_it_stays_up_with_its_links_until_it_is_stopped(folder: Path) -> None:
    process = start(folder, "-c", STUCK)
    try:
        seen = until_up(process)
        assert "waited 0.5 s in vain until there is a case for nothing" in seen
        api, token = link(seen, "API"), link(seen, "API token")
        answer = httpx.get(f"{api}/cases", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        assert httpx.get(link(seen, "documentation")).status_code == 200
        for page in re.findall(r"^    (http\S+)$", seen, re.MULTILINE):
            assert "<!doctype html>" in httpx.get(page).raise_for_status().text
        assert [
            path for path in ("/returns/alpha", "/returns/beta", "/policy/alpha", "/withdraw") if path not in seen
        ] == []
        [mails] = re.findall(r"^    file://(\S+)$", seen, re.MULTILINE)
        assert Path(mails).read_text("utf-8").startswith("<!doctype html>")
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, "")
    assert "Stopped." in out
    assert left_behind(folder) == []


def until_up(process: subprocess.Popen[str]) -> str:
    """What it printed until it stays up."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if line.startswith("Ctrl-C"):
            break
    return seen


def link(seen: str, name: str) -> str:
    """A link that was printed, by its name."""
    found = re.search(rf"^  {name}  +(\S+)", seen, re.MULTILINE)
    assert found is not None, seen
    return found[1]
