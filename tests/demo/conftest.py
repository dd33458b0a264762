"""What the demo's tests share."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """The demo starts a PostgreSQL of its own and takes its time."""
    config.addinivalue_line("markers", "slow: takes many seconds")
