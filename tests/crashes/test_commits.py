"""Every commit of a return, found by playing it once: the process dies right before it, and right after it."""

from __future__ import annotations

import pytest

from tests.crashes.mortal import Commit
from tests.crashes.stage import CrashStage, new_order
from tests.e2e.stage import SHOP, SITE

BOTH_SIDES = pytest.mark.parametrize("before", [True, False])
BEGIN: Commit = ("refunds refund_attempts", 1)


async def commits_of(stage: CrashStage, store: str) -> list[Commit]:
    """Those that a return has when nobody dies, from the beginning in a shop, around the money in a site."""
    stage.fate.choose()
    assert await play(stage, store, None) == "resolved"
    return list(stage.fate.commits)


async def play(stage: CrashStage, store: str, commit: Commit | None, *, before: bool = True) -> str:
    """A return with a death at this commit; answers how it ended."""
    order = new_order(stage.world, store)
    if store == SHOP:
        stage.fate.choose(commit=commit, before=before)
        case_id = await stage.file(store, order)
    else:
        case_id = await stage.file(store, order)
        stage.fate.choose(commit=commit, before=before)
    await stage.confirm(case_id)
    return await stage.paid_once(store, order, case_id)


@BOTH_SIDES
@pytest.mark.parametrize(("store", "at_least"), [(SHOP, 8), (SITE, 5)])
async def test_a_death_at_any_commit_of_a_return_pays_once(
    stage: CrashStage, store: str, at_least: int, before: bool
) -> None:
    commits = await commits_of(stage, store)
    ends = {commit: await play(stage, store, commit, before=before) for commit in commits}
    # Order, request, supplier, confirmation, plan, begin, settle and reading the webhooks: fewer means that nobody
    # counts. Storing them is not among these: a connection of its own does it, and tests of its own kill it.
    assert len(ends) > at_least
    # The turn at the store is taken before the attempt is written. So one death alone leaves what nobody can know: in
    # WooCommerce, after the attempt's commit and before the call.
    assert commits[commits.index(BEGIN) - 1][0] == "paces"
    unknowable = {BEGIN} if store == SITE and not before else set()
    assert {commit for commit, end in ends.items() if end != "resolved"} == unknowable
