"""Turns of a store's pace are waited for before an attempt is written, never between the attempt and its call."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest
from procrastinate import JobContext
from sqlalchemy import func, select, update

from app.orders.snapshot import Platform
from app.pace import pacer
from app.pace.bucket import Limits
from app.pace.models import PaceRow
from app.refunds.models import Refund
from app.remedies.models import Replacement
from app.remedies.tasks import advance
from app.runtime import Runtime, build_runtime
from app.sandbox.faults import Fault, FaultKind
from app.settings_store import StoreSettings
from tests.e2e.outcomes import READING, advance_once
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_remedies import BOTH, Case, asked, bought, confirmed, every, new_order_faults, orders_made

__all__ = ["every"]


def one_call_at_a_time(store: StoreSettings) -> Limits:
    """There is never more than a single call's worth, and one place."""
    if store.platform is Platform.SHOPIFY:
        return Limits(rate=10.0, burst=1.0)
    return Limits(rate=1.0, burst=1.0, parallel=1)


@asynccontextmanager
async def paced(stage: Stage) -> AsyncIterator[tuple[Runtime, list[int]]]:
    """A worker that waits for nearly each call, and how many sendings were under way whenever it waited."""
    waits: list[int] = []

    async def wait(_seconds: float) -> None:
        async with stage.runtime.work() as work:
            counts = [select(func.count()).where(kind.status == "submitting") for kind in (Refund, Replacement)]
            waits.append(sum([int(await work.session.scalar(one) or 0) for one in counts]))
            await work.session.execute(update(PaceRow).values(tokens=PaceRow.burst))

    # Undone before the stage undoes its own: a fixture's patch might be undone after it.
    with (
        patch.object(pacer, "limits_of_store", one_call_at_a_time),
        patch("app.runtime.Paces", functools.partial(pacer.Paces, sleep=wait)),
    ):
        other = build_runtime(stage.runtime.settings, stage.runtime.database.url, pool_size=4)
    other.clock = stage.clock
    try:
        yield other, waits
    finally:
        await other.aclose()


async def places_taken(stage: Stage) -> int:
    """Places that were not given back."""
    async with stage.runtime.work() as work:
        return sum([len(row.leases) for row in await work.session.scalars(select(PaceRow))])


async def planned(stage: Stage, key: str, remedy: str) -> Case:
    """A case whose remedy is planned and was not sent: its first reading failed."""
    case = await asked(stage, await bought(stage, key, taxed=remedy != "store_credit"), remedy)
    faults = (stage.world.shop if key == SHOP else stage.world.site).faults
    faults.add(READING[key], Fault(FaultKind.STATUS_BEFORE, 503))
    return await confirmed(stage, case)


async def advance_replacement(runtime: Runtime, replacement_id: str) -> None:
    context = cast(JobContext, SimpleNamespace(additional_context={"runtime": runtime}))
    await advance.func(context, replacement_id=replacement_id)


@pytest.mark.parametrize("remedy", ["refund", "store_credit"])
@BOTH
async def test_no_refund_waits_for_its_turn_after_it_was_begun(
    stage: Stage, every: None, key: str, remedy: str
) -> None:
    case = await planned(stage, key, remedy)
    (refund,) = case["refunds"]
    assert (refund["status"], refund["attempts"]) == ("planned", [])
    async with paced(stage) as (runtime, waits):
        await advance_once(runtime, refund["id"])
    (refund,) = (await stage.case(case["id"]))["refunds"]
    assert ([one["outcome"] for one in refund["attempts"]], refund["status"]) == (["ok"], "succeeded")
    assert len(waits) >= 2
    assert set(waits) == {0}
    assert await places_taken(stage) == 0


@BOTH
async def test_no_replacement_waits_for_its_turn_after_it_was_begun(stage: Stage, every: None, key: str) -> None:
    """Nor does the sending that finishes what was begun: the answer to the first was lost."""
    case = await planned(stage, key, "replacement")
    (replacement,) = case["replacements"]
    assert (replacement["status"], replacement["attempts"]) == ("planned", [])
    faults, call = new_order_faults(stage, key)
    faults.add(call, Fault(FaultKind.DROP_AFTER))
    async with paced(stage) as (runtime, waits):
        await advance_replacement(runtime, replacement["id"])
        assert await status_of(stage, case) == "unknown"
        before = len(waits)
        assert before >= 2
        await advance_replacement(runtime, replacement["id"])
    assert len(waits) > before
    assert set(waits) == {0}
    assert (await status_of(stage, case), orders_made(stage, key, replacement)) == ("made", 1)
    assert await places_taken(stage) == 0


async def status_of(stage: Stage, case: Case) -> Any:
    (replacement,) = (await stage.case(case["id"]))["replacements"]
    return replacement["status"]


async def test_what_is_not_begun_after_all_gives_its_turns_back(stage: Stage, every: None) -> None:
    """A dry run takes its turns and makes no call."""
    case = await planned(stage, SITE, "refund")
    stage.runtime.settings.stores[SITE].dry_run = True
    async with paced(stage) as (runtime, _waits):
        await advance_once(runtime, case["refunds"][0]["id"])
    assert stage.world.site.money_calls == []
    assert await places_taken(stage) == 0
    async with stage.runtime.work() as work:
        (row,) = await work.session.scalars(select(PaceRow).where(PaceRow.name == f"store:{SITE}"))
        assert row.tokens > 0
