"""The case machine: every pair of state and event has a row or a typed refusal; the log replays to the state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cases import states
from app.cases.states import CaseEvent, GuardFailed, TransitionNotAllowed, allowed_events, apply, replay
from app.cases.table import TRANSITIONS
from app.cases.view import CaseView, LineView
from app.cases.vocabulary import BEFORE_RESOLVING, ENDED, OPEN, Command, Event, Ground, Hold, Route, State

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LIVE = LineView("L1", requested=3, approved=3)
# Data with which each event can do its work, whatever the state.
DATA: dict[Event, dict[str, Any]] = {
    Event.APPROVED: {"route": "return"},
    Event.REJECTED: {"reason": "worn"},
    Event.REOPENED: {"reason": "second thoughts"},
    Event.HOLD_SET: {"kind": "merchant"},
    Event.SUPPLIER_CONFIRMED: {"lines": {"L1": 3}, "news": True},
    Event.SUPPLIER_AUTHORIZED: {"rma_number": "R1", "changed": True},
    Event.EXTERNAL_REFUND_OBSERVED: {"lines": {"L1": 3}},
    Event.REFUND_SUCCEEDED: {"lines": {"L1": 1}},
    Event.REPLACEMENT_MADE: {"lines": {"L1": 1}},
    Event.REMEDY_CHANGED: {"remedy": "store_credit", "was": "refund"},
    Event.ORDER_CANCELLED: {"made_whole": True},
}


def case(state: State, **changes: Any) -> CaseView:
    return replace(CaseView(state=state, lines=(LIVE,), route=Route.RETURN), **changes)


def happen(view: CaseView, event: Event, now: datetime = NOW, **data: Any) -> states.Transition:
    return apply(view, CaseEvent(event, {**DATA.get(event, {}), **data}), now)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_pair_has_a_row_or_a_typed_refusal(state: State, event: Event) -> None:
    rows = [row for row in TRANSITIONS if row.event is event and row.sources is not None and state in row.sources]
    if not rows:
        with pytest.raises(TransitionNotAllowed) as refused:
            happen(case(state), event)
        assert refused.value.extra["allowed"] == [str(one) for one in allowed_events(state)]
        assert str(event) not in refused.value.extra["allowed"]
        return
    try:
        transition = happen(case(state), event)
    except GuardFailed:
        assert all(row.guard is not None for row in rows)
    else:
        assert transition.row in rows
        assert transition.after.state is (transition.row.target or state)


def test_every_state_and_event_is_used() -> None:
    reached = {row.target for row in TRANSITIONS if row.target}
    assert reached == set(State)
    assert {row.event for row in TRANSITIONS} == set(Event)
    numbers = [row.number for row in TRANSITIONS]
    assert len(numbers) == len(set(numbers))


def test_every_published_row_is_there() -> None:
    plain = {"".join(sign for sign in row.number if sign.isdigit()) for row in TRANSITIONS}
    assert plain == {str(number) for number in range(1, 34)}


@pytest.mark.parametrize("state", sorted(OPEN))
def test_every_open_state_has_an_exit(state: State) -> None:
    assert any(
        row.target is not None and row.target is not state
        for row in TRANSITIONS
        if row.sources is not None and state in row.sources
    )


@pytest.mark.parametrize("state", sorted(ENDED))
def test_every_end_can_be_reopened_with_a_reason(state: State) -> None:
    again = happen(case(state), Event.REOPENED).after
    assert (again.state, again.cycle) == (State.UNDER_REVIEW, 2)
    with pytest.raises(GuardFailed, match="a reason is needed"):
        happen(case(state), Event.REOPENED, reason=" ")


@pytest.mark.parametrize(
    ("route", "requires_rma", "target", "commands"),
    [
        ("return", True, State.AUTHORIZING, {Command.ASK_SUPPLIER}),
        ("return", False, State.AWAITING_SHIPMENT, {Command.ISSUE_OWN_RMA, Command.MAIL_RMA}),
        ("local", True, State.AWAITING_SHIPMENT, {Command.ISSUE_OWN_RMA, Command.MAIL_RMA}),
        ("claim", True, State.CLAIMING, {Command.ASK_SUPPLIER}),
        ("returnless", True, State.RESOLVING, {Command.PLAN_REMEDY, Command.EXPECT_CREDIT}),
    ],
)
def test_approval_goes_where_the_route_says(
    route: str, requires_rma: bool, target: State, commands: set[Command]
) -> None:
    transition = happen(case(State.UNDER_REVIEW, requires_rma=requires_rma), Event.APPROVED, route=route)
    assert transition.after.state is target
    assert commands <= set(transition.commands)
    assert transition.after.lines[0].approved == 3


def test_approval_of_fewer_units() -> None:
    after = happen(case(State.UNDER_REVIEW), Event.APPROVED, lines={"L1": 2}).after
    assert after.lines[0].approved == 2
    with pytest.raises(GuardFailed, match="nothing is approved"):
        happen(case(State.UNDER_REVIEW), Event.APPROVED, lines={"L1": 0})


def test_a_hold_stops_approval_and_not_the_law() -> None:
    held = case(State.UNDER_REVIEW, holds=frozenset({Hold.FRAUD}))
    with pytest.raises(GuardFailed, match="on hold: fraud"):
        happen(held, Event.APPROVED)
    assert happen(held, Event.LEGAL_DATE_REACHED).after.state is State.RESOLVING
    with pytest.raises(GuardFailed, match="a chargeback is open"):
        happen(case(State.UNDER_REVIEW, holds=frozenset({Hold.CHARGEBACK})), Event.LEGAL_DATE_REACHED)


@pytest.mark.parametrize("state", sorted(BEFORE_RESOLVING))
def test_the_legal_date_opens_the_gate_from_every_open_state(state: State) -> None:
    after = happen(case(state), Event.LEGAL_DATE_REACHED).after
    assert (after.state, after.ground, after.lines[0].cleared) == (State.RESOLVING, Ground.LAW, 3)


@pytest.mark.parametrize("event", [Event.LEGAL_DATE_REACHED, Event.ABSORBED])
def test_what_nobody_decided_is_paid_in_full(event: Event) -> None:
    undecided = case(State.CONTESTED, lines=(LineView("L1", requested=3),))
    after = happen(undecided, event).after
    assert (after.state, after.lines[0].owed) == (State.RESOLVING, 3)


def test_without_a_supplier_nobody_owes_a_credit() -> None:
    assert happen(case(State.INSPECTING), Event.SUPPLIER_CONFIRMED).after.credit_open
    alone = case(State.INSPECTING, has_supplier=False)
    assert not happen(alone, Event.SUPPLIER_CONFIRMED).after.credit_open


def test_a_full_verdict_opens_the_gate() -> None:
    after = happen(case(State.INSPECTING), Event.SUPPLIER_CONFIRMED).after
    assert (after.state, after.ground, after.lines[0].owed) == (State.RESOLVING, Ground.SUPPLIER, 3)


def test_a_partial_verdict_pays_its_share_at_once_and_leaves_the_rest() -> None:
    transition = happen(case(State.INSPECTING), Event.SUPPLIER_CONFIRMED, lines={"L1": 2})
    assert transition.after.state is State.CONTESTED
    assert transition.after.lines[0].owed == 2
    assert Command.PLAN_REMEDY in transition.commands
    paid = happen(transition.after, Event.REFUND_SUCCEEDED, lines={"L1": 2}).after
    assert paid.lines[0].owed == 0
    absorbed = happen(paid, Event.ABSORBED).after
    assert (absorbed.state, absorbed.lines[0].owed, absorbed.ground) == (State.RESOLVING, 1, Ground.OPERATOR)


def test_the_rest_of_a_partial_verdict_can_be_refused() -> None:
    contested = happen(case(State.INSPECTING), Event.SUPPLIER_CONFIRMED, lines={"L1": 2}).after
    paid = happen(contested, Event.REFUND_SUCCEEDED, lines={"L1": 2}).after
    refused = happen(paid, Event.REJECTED).after
    assert refused.state is State.RESOLVING
    assert refused.covered
    assert happen(case(State.CONTESTED), Event.REJECTED).after.state is State.REJECTED


def test_a_verdict_of_nothing_is_not_a_confirmation() -> None:
    with pytest.raises(GuardFailed, match="accepts nothing"):
        happen(case(State.INSPECTING), Event.SUPPLIER_CONFIRMED, lines={"L1": 0})


def test_a_second_lower_verdict_takes_nothing_back() -> None:
    first = happen(case(State.INSPECTING), Event.SUPPLIER_CONFIRMED, lines={"L1": 2}).after
    again = happen(first, Event.SUPPLIER_CONFIRMED, lines={"L1": 1}).after
    assert again.lines[0].accepted == 2


def test_a_refusal_needs_a_reason_and_respects_the_law() -> None:
    with pytest.raises(GuardFailed, match="a reason is needed"):
        happen(case(State.UNDER_REVIEW), Event.REJECTED, reason="")
    protected = case(State.UNDER_REVIEW, statutory_until=NOW + timedelta(days=1))
    with pytest.raises(GuardFailed, match="a legal right of the customer is alive until 2026-11-22"):
        happen(protected, Event.REJECTED)
    assert happen(protected, Event.REJECTED, override=True).after.state is State.REJECTED
    assert happen(protected, Event.REJECTED, now=NOW + timedelta(days=2)).after.state is State.REJECTED


def test_missing_evidence_expires_only_without_a_legal_right() -> None:
    waiting = case(State.EVIDENCE_NEEDED)
    assert happen(waiting, Event.EVIDENCE_TIMED_OUT).after.state is State.EXPIRED
    protected = replace(waiting, statutory_until=NOW + timedelta(days=1))
    assert happen(protected, Event.EVIDENCE_TIMED_OUT).after.state is State.UNDER_REVIEW


def test_the_remedy_is_done_only_when_every_unit_is_paid() -> None:
    resolving = happen(case(State.INSPECTING), Event.SUPPLIER_CONFIRMED).after
    with pytest.raises(GuardFailed, match="not everything has been paid"):
        happen(resolving, Event.REMEDY_DONE)
    paid = happen(resolving, Event.REFUND_SUCCEEDED, lines={"L1": 3}).after
    assert happen(paid, Event.REMEDY_DONE).after.state is State.RESOLVED


def test_a_refund_by_hand_that_covers_the_rest_supersedes() -> None:
    transition = happen(case(State.IN_TRANSIT), Event.EXTERNAL_REFUND_OBSERVED)
    assert transition.after.state is State.SUPERSEDED
    assert Command.VOID_REMEDY in transition.commands
    partly = happen(case(State.IN_TRANSIT), Event.EXTERNAL_REFUND_OBSERVED, lines={"L1": 1}).after
    assert (partly.state, partly.lines[0].open) == (State.IN_TRANSIT, 2)


def test_a_refund_by_hand_before_any_decision_supersedes_too() -> None:
    fresh = CaseView(state=State.UNDER_REVIEW, lines=(LineView("L1", requested=1),))
    assert happen(fresh, Event.EXTERNAL_REFUND_OBSERVED, lines={"L1": 1}).after.state is State.SUPERSEDED


def test_a_customer_can_cancel_until_something_moves() -> None:
    assert happen(case(State.AUTHORIZING), Event.CUSTOMER_CANCELLED).after.state is State.CANCELLED
    moved = case(State.CONTESTED, lines=(replace(LIVE, shipped=1),))
    with pytest.raises(GuardFailed, match="already moved"):
        happen(moved, Event.CUSTOMER_CANCELLED)
    with pytest.raises(TransitionNotAllowed):
        happen(case(State.IN_TRANSIT), Event.CUSTOMER_CANCELLED)


def test_an_open_credit_keeps_a_case_from_closing_by_itself() -> None:
    with pytest.raises(GuardFailed, match="credit is outstanding"):
        happen(case(State.RESOLVED, credit_open=True), Event.CLOSE_DUE)
    assert happen(case(State.RESOLVED), Event.CLOSE_DUE).after.state is State.CLOSED
    assert happen(case(State.RESOLVED, credit_open=True), Event.CREDIT_SETTLED).after.state is State.CLOSED


def test_lifting_a_hold_needs_one() -> None:
    with pytest.raises(GuardFailed, match="not on hold"):
        happen(case(State.UNDER_REVIEW), Event.HOLD_LIFTED)
    held = happen(case(State.RESOLVING), Event.HOLD_SET).after
    lifted = happen(held, Event.HOLD_LIFTED)
    assert lifted.after.holds == frozenset()
    assert Command.PLAN_REMEDY in lifted.commands


EVENTS = st.sampled_from([event for event in Event if event is not Event.REQUEST_SUBMITTED])
UNITS = st.integers(min_value=0, max_value=5)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(EVENTS, UNITS, st.sampled_from(list(Route))), max_size=25))
def test_counters_keep_their_order_and_the_log_replays(steps: list[tuple[Event, int, Route]]) -> None:
    start = CaseView(state=State.REQUESTED, lines=(LineView("L1", requested=3), LineView("L2", requested=1)))
    view, log = start, []
    for event, units, route in steps:
        data = {**DATA.get(event, {}), "lines": {"L1": units, "L2": min(units, 1)}, "route": str(route)}
        if event is Event.REFUND_SUCCEEDED:
            data["lines"] = {line.line_id: line.owed for line in view.lines}
        try:
            transition = apply(view, CaseEvent(event, data), NOW)
        except (TransitionNotAllowed, GuardFailed):
            continue
        view = transition.after
        log.append((transition.event, view.state))
        for line in view.lines:
            assert line.requested >= line.approved >= line.shipped >= line.received >= 0
            assert line.approved >= line.cleared >= line.accepted >= 0
            assert line.refunded <= line.requested
    assert replay(start, log) == view


def test_a_case_begins_with_the_first_row() -> None:
    transition = states.begin(case(State.CLOSED), {"lines": {"L1": 3}})
    assert (transition.row.number, transition.before, transition.after) == ("1", None, case(State.REQUESTED))
    assert transition.event == CaseEvent(Event.REQUEST_SUBMITTED, {"lines": {"L1": 3}})
    assert transition.commands == (Command.DECIDE,)


def test_a_transition_says_what_was_before_and_what_happened() -> None:
    before = case(State.UNDER_REVIEW)
    event = CaseEvent(Event.HOLD_SET, {"kind": "fraud"})
    transition = apply(before, event, NOW)
    assert (transition.before, transition.event, transition.row.number) == (before, event, "33")
    assert transition.after == replace(before, holds=frozenset({Hold.FRAUD}))


def test_a_refusal_says_what_is_possible_instead() -> None:
    with pytest.raises(TransitionNotAllowed, match=r"^appealed is not possible while the case is closed.$") as refused:
        happen(case(State.CLOSED), Event.APPEALED)
    assert refused.value.extra == {"allowed": [str(event) for event in allowed_events(State.CLOSED)]}
    with pytest.raises(GuardFailed, match=r"^close_due is not possible: a supplier credit is outstanding.$"):
        happen(case(State.RESOLVED, credit_open=True), Event.CLOSE_DUE)


def test_of_several_refusals_the_last_is_told() -> None:
    with pytest.raises(GuardFailed, match="no supplier is known"):
        happen(case(State.UNDER_REVIEW, has_supplier=False), Event.APPROVED)


def test_what_an_ended_case_still_takes() -> None:
    assert [str(event) for event in allowed_events(State.CLOSED)] == [
        "refund_succeeded", "replacement_made", "credit_settled", "credit_written_off", "external_refund_observed",
        "external_refund_removed", "chargeback_opened", "chargeback_won", "order_cancelled", "reopened", "hold_set",
        "hold_lifted", "note_added",
    ]  # fmt: skip


def test_the_problems_have_their_published_codes() -> None:
    errors = (TransitionNotAllowed, GuardFailed, states.TransitionConflict)
    assert [error.code for error in errors] == ["transition_not_allowed", "condition_not_met", "case_changed"]
    assert all(error.title for error in errors)


def test_replay_begins_as_requested_whatever_it_is_given() -> None:
    assert replay(case(State.CLOSED), []).state is State.REQUESTED
    log = [
        (CaseEvent(Event.NOTE_ADDED, {}), State.UNDER_REVIEW),
        (CaseEvent(Event.HOLD_SET, {"kind": "data"}), State.UNDER_REVIEW),
    ]
    assert replay(case(State.CLOSED), log) == case(State.UNDER_REVIEW, holds=frozenset({Hold.DATA}))
