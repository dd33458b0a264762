"""Looks for cases whose legal dates were never asked for."""

from __future__ import annotations

from app.cases import legal
from app.cases import service as cases
from app.runtime import Runtime


async def sweep(runtime: Runtime) -> None:
    """Asks the law about open cases that are older than the part of Makegood that keeps legal dates."""
    async with runtime.work() as work:
        undated = await legal.without_dates(work)
    for case_id in undated:
        async with runtime.work() as work:
            await cases.keep_legal_dates(work, await cases.lock(work, case_id))
