"""The stage of whole stories."""

from __future__ import annotations

from tests.e2e.conftest import stage

__all__ = ["stage"]
