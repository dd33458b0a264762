"""Each condition of the machine by itself: when it holds, and what it says when it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.cases import guards
from app.cases.guards import Guard
from app.cases.view import CaseView, LineView
from app.cases.vocabulary import Hold, Route, State

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TWO = LineView("L1", requested=2, approved=2)
CASE = CaseView(state=State.UNDER_REVIEW, lines=(TWO,), route=Route.RETURN)
ALONE = replace(CASE, has_supplier=False)
NO_RMA = replace(CASE, requires_rma=False)
NO_SUPPLIER = "no supplier is known for these lines; use the route local or returnless"


def on(route: Route, view: CaseView = CASE) -> CaseView:
    return replace(view, route=route)


def lines(*counters: dict[str, int]) -> CaseView:
    changed = [replace(TWO, line_id=str(index), **one) for index, one in enumerate(counters)]
    return replace(CASE, lines=tuple(changed))


def held(view: CaseView) -> CaseView:
    return replace(view, holds=frozenset({Hold.FRAUD, Hold.DATA}))


HOLDS: list[tuple[Guard, CaseView, dict[str, Any]]] = [
    (guards.no_statutory_right, CASE, {}),
    (guards.no_statutory_right, replace(CASE, statutory_until=NOW - timedelta(seconds=1)), {}),
    (guards.not_held, CASE, {}),
    (guards.not_held, lines({"approved": 0}, {"approved": 1}), {}),
    (guards.route_returnless, on(Route.RETURNLESS), {}),
    (guards.route_returnless, on(Route.RETURNLESS, ALONE), {}),
    (guards.route_claim, on(Route.CLAIM), {}),
    (guards.route_return_with_rma, CASE, {}),
    (guards.route_without_rma, NO_RMA, {}),
    (guards.route_without_rma, replace(NO_RMA, has_supplier=False), {}),
    (guards.route_without_rma, on(Route.LOCAL), {}),
    (guards.route_without_rma, on(Route.LOCAL, ALONE), {}),
    (guards.may_refuse, CASE, {"reason": "worn"}),
    (guards.may_refuse, replace(CASE, statutory_until=NOW), {"reason": "worn", "override": True}),
    (guards.may_refuse_all, CASE, {"reason": "worn"}),
    (guards.has_reason, CASE, {"reason": "worn"}),
    (guards.nothing_moved, CASE, {}),
    (guards.was_approved, lines({"approved": 0}, {}), {}),
    (guards.number_is_new, CASE, {"changed": True}),
    (guards.confirmed_in_full, lines({"accepted": 2}, {"accepted": 2}), {}),
    (guards.confirmed_in_part, lines({"accepted": 0}, {"accepted": 1}), {}),
    (guards.confirms_more, CASE, {"news": True}),
    (guards.law_may_pay, held(CASE), {}),
    (guards.law_pays_all, lines({"cleared": 2}, {"cleared": 2}), {}),
    (guards.law_pays_all, held(lines({"cleared": 2}, {"cleared": 2, "refunded": 1})), {}),
    (guards.law_pays_part, lines({"cleared": 1}, {}), {}),
    (guards.lines_covered, lines({"refunded": 2}, {"external": 2}), {}),
    (guards.not_covered, lines({"refunded": 2}, {"external": 1}), {}),
    (guards.no_credit_open, CASE, {}),
    (guards.external_covers, lines({"external": 1, "refunded": 1}, {"external": 2}), {}),
    (guards.external_covers, lines({"approved": 1, "external": 1}), {}),
    (guards.external_covers, lines({"approved": 0, "external": 2}), {}),
    (guards.external_covers, lines({"external": 2}, {"requested": 0, "approved": 0}), {}),
    (guards.external_covers, CASE, {"covers": True}),
    (guards.made_whole_before_moving, CASE, {"made_whole": True}),
    (guards.is_held, CASE, {"was_held": True}),
]


@pytest.mark.parametrize(("guard", "view", "data"), HOLDS)
def test_it_holds(guard: Guard, view: CaseView, data: dict[str, Any]) -> None:
    assert guard(view, data, NOW) is None


REFUSES: list[tuple[Guard, CaseView, dict[str, Any], str]] = [
    (
        guards.no_statutory_right,
        replace(CASE, right_alive=True, statutory_until=NOW - timedelta(days=99)),
        {},
        "a legal right of the customer was declared in time and is alive",
    ),
    (guards.law_pays_all, lines({"cleared": 1}, {"cleared": 2}), {}, "only a part of it is due by law"),
    (guards.law_pays_part, lines({"cleared": 1, "refunded": 1}, {}), {}, "nothing of it is due by law"),
    (
        guards.law_pays_part,
        replace(lines({"cleared": 2}, {}), holds=frozenset({Hold.CHARGEBACK})),
        {},
        "a chargeback is open",
    ),
    (
        guards.no_statutory_right,
        replace(CASE, statutory_until=NOW),
        {},
        "a legal right of the customer is alive until 2026-11-21",
    ),
    (guards.not_held, held(CASE), {}, "the case is on hold: data, fraud"),
    (guards.not_held, lines({"approved": 0}), {}, "nothing is approved: every quantity is zero"),
    (guards.route_returnless, CASE, {}, "the route is not returnless"),
    (guards.route_returnless, held(on(Route.RETURNLESS)), {}, "the case is on hold: data, fraud"),
    (guards.route_claim, CASE, {}, "the route is not claim"),
    (guards.route_claim, held(on(Route.CLAIM)), {}, "the case is on hold: data, fraud"),
    (guards.route_claim, on(Route.CLAIM, ALONE), {}, NO_SUPPLIER),
    (guards.route_return_with_rma, on(Route.LOCAL), {}, "no authorisation is needed"),
    (guards.route_return_with_rma, NO_RMA, {}, "no authorisation is needed"),
    (guards.route_return_with_rma, held(CASE), {}, "the case is on hold: data, fraud"),
    (guards.route_return_with_rma, ALONE, {}, NO_SUPPLIER),
    (guards.route_without_rma, held(NO_RMA), {}, "the case is on hold: data, fraud"),
    (guards.route_without_rma, held(CASE), {}, "the case is on hold: data, fraud"),
    (guards.route_without_rma, ALONE, {}, NO_SUPPLIER),
    (guards.route_without_rma, on(Route.CLAIM, replace(ALONE, requires_rma=False)), {}, NO_SUPPLIER),
    (guards.route_without_rma, CASE, {}, "the supplier must authorise first"),
    (guards.may_refuse, CASE, {}, "a reason is needed"),
    (guards.may_refuse, CASE, {"override": True}, "a reason is needed"),
    (
        guards.may_refuse,
        replace(CASE, statutory_until=NOW),
        {"reason": "worn", "override": "yes"},
        "a legal right of the customer is alive until 2026-11-21",
    ),
    (guards.may_refuse_all, lines({}, {"cleared": 1}), {"reason": "worn"}, "a part was accepted and is paid"),
    (guards.may_refuse_all, lines({}, {"refunded": 1}), {"reason": "worn"}, "a part was accepted and is paid"),
    (guards.may_refuse_all, CASE, {}, "a reason is needed"),
    (
        guards.may_refuse_all,
        replace(CASE, statutory_until=NOW),
        {"reason": "worn"},
        "a legal right of the customer is alive until 2026-11-21",
    ),
    (guards.has_reason, CASE, {"reason": " "}, "a reason is needed"),
    (guards.has_reason, CASE, {}, "a reason is needed"),
    (guards.nothing_moved, lines({"shipped": 1}), {}, "goods or money have already moved"),
    (guards.was_approved, lines({"approved": 0}), {}, "the return was never approved"),
    (guards.number_is_new, CASE, {}, "the case has this authorisation already"),
    (
        guards.confirmed_in_full,
        lines({"accepted": 2}, {"accepted": 1}),
        {},
        "the supplier accepts less than was approved",
    ),
    (guards.confirmed_in_full, lines({"approved": 0}), {}, "the return was never approved"),
    (guards.confirmed_in_part, CASE, {}, "the supplier accepts nothing"),
    (guards.confirms_more, CASE, {}, "the verdict says nothing new"),
    (guards.law_may_pay, replace(CASE, holds=frozenset({Hold.CHARGEBACK})), {}, "a chargeback is open"),
    (guards.lines_covered, lines({"refunded": 2}, {"external": 1}), {}, "not everything has been paid"),
    (guards.not_covered, lines({"refunded": 2}), {}, "everything is paid"),
    (guards.no_credit_open, replace(CASE, credit_open=True), {}, "a supplier credit is outstanding"),
    (guards.external_covers, lines({"external": 2}, {"external": 1}), {}, "it does not cover the rest"),
    (guards.external_covers, lines({"requested": 0, "approved": 0}), {}, "it does not cover the rest"),
    (
        guards.made_whole_before_moving,
        CASE,
        {},
        "the order was cancelled without giving the money back",
    ),
    (guards.made_whole_before_moving, lines({"received": 1}), {"made_whole": True}, "goods have moved"),
    (guards.is_held, CASE, {}, "the case is not on hold"),
]


@pytest.mark.parametrize(("guard", "view", "data", "said"), REFUSES)
def test_it_refuses_and_says_why(guard: Guard, view: CaseView, data: dict[str, Any], said: str) -> None:
    assert guard(view, data, NOW) == said
