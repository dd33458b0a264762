"""Every commit of a return, found by counting: the process dies right before it, and right after it."""

from __future__ import annotations

from itertools import count

import pytest

from tests.crashes.stage import CrashStage, new_order
from tests.e2e.stage import SHOP, SITE
from tests.fuzzing import THOROUGH

# Right before a commit is as good as right after the one before it, but for the outside calls between, which have
# points of their own: every run tries one side, a thorough one both.
BOTH_SIDES = pytest.mark.parametrize("before", [True, False] if THOROUGH else [False])


@BOTH_SIDES
async def test_a_death_at_any_commit_of_a_whole_return(stage: CrashStage, before: bool) -> None:
    ends = []
    for number in count(1):
        stage.fate.choose(commit=number, before=before)
        order, case_id = await stage.play(SHOP)
        ends.append(await stage.paid_once(SHOP, order, case_id))
        if not stage.fate.met:
            break
    # Order, request, supplier, confirmation, plan, begin, settle and the webhooks: fewer means that nobody counts.
    assert len(ends) > 12
    assert set(ends) == {"resolved"}


@BOTH_SIDES
async def test_a_death_at_any_commit_around_the_money_of_woocommerce(stage: CrashStage, before: bool) -> None:
    ends = []
    for number in count(1):
        order = new_order(stage.world, SITE)
        case_id = await stage.file(SITE, order)
        stage.fate.choose(commit=number, before=before)
        await stage.confirm(case_id)
        ends.append(await stage.paid_once(SITE, order, case_id))
        if not stage.fate.met:
            break
    assert len(ends) > 7
    # One death leaves what nobody can know: after the attempt's commit, before the call (`test_points` dies exactly
    # there; here a commit more or less in one of the stories may step over it).
    assert ends.count("needs_review") <= (0 if before else 1)
