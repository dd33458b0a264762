"""`makegood backup` and `makegood restore`: the whole database, embedded or not, as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli_output import progress, say
from app.db import backup
from app.errors import ConfigError
from app.logging import configure_logging
from app.settings_load import load_settings
from app.start import look_at, reach_database

File = Annotated[Path, typer.Argument(help="The file.")]


def backup_command(file: File) -> None:
    """Write the whole database into a file, while everything goes on."""
    settings = load_settings()
    configure_logging("error")
    with reach_database(settings) as url, progress("Writing"):
        state = look_at(url)
        if state.is_empty:
            raise ConfigError("There is nothing of Makegood in this database to write.")
        size = backup.dump(url, file)
    say(f"{file} holds the database with schema {state.revision} ({size // 1024 + 1} KiB).")


def restore_command(file: File) -> None:
    """Bring a backup into an empty database; stop all else first."""
    settings = load_settings()
    configure_logging("error")
    with reach_database(settings) as url, progress("Reading"):
        if not look_at(url).is_empty:
            raise ConfigError(
                "This database is not empty, and a restore overwrites nothing: "
                "set MAKEGOOD_DATA_DIR to a fresh folder, or DATABASE_URL to an empty database."
            )
        backup.load(url, file)
        state = look_at(url)
    say(f"The database has schema {state.revision} again, as when the backup was written.")
    if not state.can_be_used:
        say("It is older than this version: run makegood migrate before anything else.")
