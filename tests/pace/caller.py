"""A process of its own that calls a supplier or a site as fast as it may: `python -m tests.pace.caller URL BASE N`."""

from __future__ import annotations

import asyncio
import sys

from app.runtime import build_runtime
from app.settings import Settings
from tests.conftest import BASE_SETTINGS


def settings_for(base: str, **store: object) -> Settings:
    """The usual settings, with the supplier and the site at `base`."""
    suppliers = {**BASE_SETTINGS["suppliers"]}
    suppliers["acme"] = {**suppliers["acme"], "base_url": base, "calls_per_second": 20}
    beta = {**BASE_SETTINGS["stores"]["beta"], "url": base, "parallel_requests": 2, **store}
    return Settings(**{**BASE_SETTINGS, "suppliers": suppliers, "stores": {**BASE_SETTINGS["stores"], "beta": beta}})


async def call(database_url: str, base: str, number: int) -> None:
    """Polls the supplier and reads orders from the site, so many times each, all at once."""
    runtime = build_runtime(settings_for(base), database_url, pool_size=4)
    try:
        supplier, site = runtime.suppliers.get("acme"), runtime.stores.get("beta")
        await asyncio.gather(
            *(supplier.poll(f"return-{n}") for n in range(number)), *(site.read_order(str(n)) for n in range(1, 12))
        )
    finally:
        await runtime.aclose()


if __name__ == "__main__":
    asyncio.run(call(sys.argv[1], sys.argv[2], int(sys.argv[3])))
