"""Whether the stores answer at all, asked rarely and beside the request, so that no probe of ours waits for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import httpx

# An orchestrator probes readiness every few seconds; the stores are asked once a minute whatever it does.
_EVERY_SECONDS = 60.0
_CALL_SECONDS = 3.0
# A refused connection is known at once; a store that hangs is told of at the next probe.
_WAIT_SECONDS = 0.3


class StoreReach:
    """The last known answer of each store's address; any HTTP answer counts."""

    def __init__(self) -> None:
        self._silent: list[str] = []
        self._asked_at: float | None = None
        self._asking: asyncio.Task[None] | None = None

    async def silent(self, addresses: Mapping[str, str]) -> list[str]:
        """Keys of the stores that could not be reached when they were last asked."""
        due = self._asked_at is None or time.monotonic() - self._asked_at > _EVERY_SECONDS
        if due and (self._asking is None or self._asking.done()):
            self._asked_at = time.monotonic()
            self._asking = asyncio.create_task(self._ask(dict(addresses)))
        if self._asking is not None and not self._asking.done():
            await asyncio.wait({self._asking}, timeout=_WAIT_SECONDS)
        return list(self._silent)

    async def _ask(self, addresses: Mapping[str, str]) -> None:
        async with httpx.AsyncClient(timeout=_CALL_SECONDS, verify=False) as http:  # noqa: S501 - nothing is sent
            answers = await asyncio.gather(*(_answers(http, url) for url in addresses.values()))
        self._silent = sorted(key for key, reached in zip(addresses, answers, strict=True) if not reached)


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        await http.head(url)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return True
