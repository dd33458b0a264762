"""An empty database for migrations to work on."""

from tests.cli.conftest import empty_database

__all__ = ["empty_database"]
