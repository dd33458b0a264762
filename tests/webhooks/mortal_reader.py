"""A reader in a process of its own, which one order kills: `python -m tests.webhooks.mortal_reader URL`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from app.orders import normalise_shopify
from app.orders.snapshot import OrderSnapshot
from app.runtime import build_runtime
from app.settings import Settings
from app.webhooks.reader import read_all
from tests.conftest import BASE_SETTINGS

POISON = "#666"
_read = normalise_shopify.order_from_webhook


def deadly(payload: Mapping[str, Any]) -> OrderSnapshot:
    """As the real one, but for one order."""
    if payload.get("name") == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    return _read(payload)


async def main() -> None:
    """Reads until nothing is due."""
    normalise_shopify.order_from_webhook = deadly
    runtime = build_runtime(Settings(**BASE_SETTINGS), sys.argv[1], pool_size=2)
    await read_all(runtime)
    await runtime.aclose()


if __name__ == "__main__":
    asyncio.run(main())
