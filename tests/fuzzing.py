"""How thoroughly the fuzz tests try: a little in the normal run, much with HYPOTHESIS_PROFILE=thorough."""

from __future__ import annotations

import os

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"


def tries(few: int, many: int) -> int:
    """The number of examples for this run."""
    return many if THOROUGH else few
