"""The release before, on the new schema: its own stories, by its own code, with every migration there is now.

The newest tag vX.Y.Z before this version is checked out beside, and MAKEGOOD_OLD_REVISION names another revision.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from app import __version__
from app.db.migrate import migrations_folder

ROOT = Path(__file__).parents[2]
# The stories that move money on both platforms; the whole of them would take minutes.
STORIES = ("tests/e2e/test_stories.py",)
# Seconds.
PATIENCE = 900


def git(*arguments: str) -> bytes | None:
    """What git says; None when there is no git, no repository, or no such thing in it."""
    if shutil.which("git") is None:
        return None
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def version_of(tag: str) -> tuple[int, ...]:
    return tuple(int(part) for part in tag.removeprefix("v").split("."))


def release_before(tags: str, version: str) -> str | None:
    """The newest release among the tags that is older than this version."""
    releases = [tag for tag in tags.split() if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    older = [tag for tag in releases if version_of(tag) < version_of(version)]
    return max(older, key=version_of, default=None)


def old_revision() -> str:
    named = os.environ.get("MAKEGOOD_OLD_REVISION")
    if named:
        return named
    tags = git("tag", "--merged", "HEAD")
    if tags is None:
        pytest.skip("not a checkout with git: the release before cannot be had")
    found = release_before(tags.decode(), __version__)
    if found is None:
        pytest.skip("there is no earlier release: this runs from the second one on")
    return found


@pytest.fixture
def old_code(tmp_path: Path) -> Path:
    """The release before in a folder of its own, with the migrations of now."""
    packed = git("archive", "--format=tar", old_revision())
    assert packed is not None, f"git has no revision {old_revision()}"
    folder = tmp_path / "before"
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    # Its own environment for migrations stays: only what they do to the schema is new.
    for migration in (migrations_folder() / "versions").glob("*.py"):
        shutil.copy(migration, folder / "migrations" / "versions")
    return folder


def test_the_release_before_tells_its_stories_on_the_new_schema(old_code: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", *STORIES],
        cwd=old_code,
        env={**environment, "PYTHONPATH": str(old_code)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(r"\b[1-9]\d* passed", done.stdout) or "....." in done.stdout


def test_the_release_before_is_the_newest_that_is_older() -> None:
    tags = "v0.1.0\nv0.9.0\nv0.10.0\nv0.10.0-rc1\nnightly\nv0.11.0\n"
    assert release_before(tags, "0.11.0") == "v0.10.0"
    assert release_before(tags, "0.12.0") == "v0.11.0"
    assert release_before(tags, "0.1.0") is None
    assert release_before("", "0.1.0") is None
