"""How each event changes what the case machine sees of a case. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from app.cases.view import CaseView, Data, LineView, quantities
from app.cases.vocabulary import BY_NEW_ORDER, Event, Ground, Hold, Remedy, Route, State

Effect = Callable[[CaseView, Data], CaseView]


def _each(view: CaseView, change: Callable[[LineView], LineView]) -> CaseView:
    return replace(view, lines=tuple(change(line) for line in view.lines))


def _approve(view: CaseView, data: Data) -> CaseView:
    chosen = quantities(data)

    def change(line: LineView) -> LineView:
        wanted = chosen.get(line.line_id, 0) if chosen else line.requested
        approved = min(max(wanted, 0), line.requested)
        return replace(line, approved=approved, cleared=min(line.cleared, approved))

    changed = _each(view, change)
    route = Route(data["route"])
    changed = replace(changed, route=route, remedy=Remedy(data.get("remedy", view.remedy)))
    if route is not Route.RETURNLESS:
        return changed
    cleared = _clear_all(changed, Ground(data.get("ground", Ground.POLICY)))
    return replace(cleared, credit_open=cleared.has_supplier)


def _change(view: CaseView, data: Data) -> CaseView:
    """The customer corrects the request: other quantities, another remedy. What was paid stays asked for."""
    told = quantities(data)

    def change(line: LineView) -> LineView:
        return replace(line, requested=max(told.get(line.line_id, line.requested), line.approved))

    return replace(_each(view, change), remedy=Remedy(data.get("remedy", view.remedy)))


def _clear_all(view: CaseView, ground: Ground) -> CaseView:
    """Opens the gate for everything approved; for everything requested where nobody had decided yet."""
    decided = any(line.approved for line in view.lines)

    def change(line: LineView) -> LineView:
        approved = line.approved if decided else line.requested
        return replace(line, approved=approved, cleared=approved)

    return replace(_each(view, change), ground=ground)


def _clear_due(view: CaseView, data: Data) -> CaseView:
    """The legal date: opens the gate for the units that are due by law, or for everything when they are not named.

    Where nobody had decided yet, the case is taken as approved: what is not due is decided apart. What was not replaced
    by then is refunded; so is what would be kept for a part of the price and nobody let the customer keep, and credit
    that the customer did not choose (`imposed`).
    """
    due = quantities(data)
    unkept = view.remedy is Remedy.KEEP_ITEM and view.route is not Route.RETURNLESS
    unchosen = view.remedy is Remedy.STORE_CREDIT and data.get("imposed") is True
    if view.remedy in BY_NEW_ORDER or unkept or unchosen:
        view = replace(view, remedy=Remedy.REFUND)
    if view.state is State.RESOLVING:
        # The gate is open already: only what goes through it changes.
        return view
    if "lines" not in data:
        return replace(_clear_all(view, Ground.LAW), credit_open=view.has_supplier)
    decided = any(line.approved for line in view.lines)

    def change(line: LineView) -> LineView:
        approved = line.approved if decided else line.requested
        cleared = max(line.cleared, min(due.get(line.line_id, 0), approved))
        return replace(line, approved=approved, cleared=cleared)

    return replace(_each(view, change), ground=Ground.LAW, credit_open=view.has_supplier)


def told_by_law(view: CaseView, data: Data) -> CaseView:
    """What the law says, where an event carries it because it has changed; any event may."""
    law = data.get("legal")
    if law is None:
        return view
    until = law.get("statutory_until")
    return replace(view, right_alive=law["alive"], statutory_until=datetime.fromisoformat(until) if until else None)


def _ship(view: CaseView, _data: Data) -> CaseView:
    return _each(view, lambda line: replace(line, shipped=line.approved))


def _receive(view: CaseView, data: Data) -> CaseView:
    arrived = quantities(data)

    def change(line: LineView) -> LineView:
        count = min(arrived.get(line.line_id, 0) if arrived else line.approved, line.approved)
        received = max(line.received, count)
        return replace(line, received=received, shipped=max(line.shipped, received))

    return _each(view, change)


def _confirm(view: CaseView, data: Data) -> CaseView:
    verdict = quantities(data)
    goods_move = view.route in (Route.RETURN, Route.LOCAL)

    def change(line: LineView) -> LineView:
        accepted = max(line.accepted, min(verdict.get(line.line_id, 0), line.approved))
        # Goods that were judged were there, and were sent, whoever forgot to say so.
        received = max(line.received, accepted) if goods_move else line.received
        shipped = max(line.shipped, received)
        cleared = max(line.cleared, accepted)
        return replace(line, accepted=accepted, cleared=cleared, received=received, shipped=shipped)

    # A credit that was paid before the verdict came is not owed again.
    owes = view.has_supplier and not data.get("credit_settled")
    return replace(_each(view, change), ground=Ground.SUPPLIER, credit_open=owes)


def _refunded(view: CaseView, data: Data) -> CaseView:
    paid = quantities(data)
    return _each(view, lambda line: replace(line, refunded=line.refunded + paid.get(line.line_id, 0)))


def _replaced(view: CaseView, data: Data) -> CaseView:
    sent = quantities(data)
    return _each(view, lambda line: replace(line, replaced=line.replaced + sent.get(line.line_id, 0)))


def _change_remedy(view: CaseView, data: Data) -> CaseView:
    """Another remedy for what is still open. Who keeps the goods for a part of the price has nothing to send."""
    remedy = Remedy(data["remedy"])
    changed = replace(view, remedy=remedy)
    if remedy is not Remedy.KEEP_ITEM or view.route is Route.RETURNLESS:
        return changed
    return _clear_all(replace(changed, route=Route.RETURNLESS), Ground(data.get("ground", Ground.POLICY)))


def _external(view: CaseView, data: Data) -> CaseView:
    paid = quantities(data)
    return _each(view, lambda line: replace(line, external=line.external + paid.get(line.line_id, 0)))


def _external_removed(view: CaseView, data: Data) -> CaseView:
    gone = quantities(data)
    return _each(view, lambda line: replace(line, external=max(0, line.external - gone.get(line.line_id, 0))))


def _absorb(view: CaseView, data: Data) -> CaseView:
    return _clear_all(view, Ground(data.get("ground", Ground.OPERATOR)))


def _drop_open(view: CaseView, _data: Data) -> CaseView:
    """A refusal: what is not cleared is not approved any more."""

    def change(line: LineView) -> LineView:
        kept = line.cleared
        return replace(line, approved=kept, shipped=min(line.shipped, kept), received=min(line.received, kept))

    return _each(view, change)


def _shrink(view: CaseView, data: Data) -> CaseView:
    """Units that an edit took out of the order are not approved any more; what was paid stays counted."""
    left = quantities(data)

    def change(line: LineView) -> LineView:
        kept = min(line.approved, max(left.get(line.line_id, line.approved), line.refunded + line.replaced))
        return replace(
            line,
            approved=kept,
            shipped=min(line.shipped, kept),
            received=min(line.received, kept),
            accepted=min(line.accepted, kept),
            cleared=min(line.cleared, kept),
        )

    return _each(view, change)


def _reopen(view: CaseView, _data: Data) -> CaseView:
    """Only what was paid or replaced is carried over: approvals and verdicts of the cycle before open no gate."""

    def change(line: LineView) -> LineView:
        paid = min(line.refunded + line.replaced, line.approved)
        received = min(line.received, paid)
        return replace(
            line,
            approved=paid,
            cleared=paid,
            accepted=min(line.accepted, paid),
            received=received,
            shipped=max(received, min(line.shipped, paid)),
        )

    return replace(_each(view, change), cycle=view.cycle + 1, ground=None)


def _hold(view: CaseView, data: Data) -> CaseView:
    return replace(view, holds=view.holds | {Hold(data["kind"])})


def _lift(view: CaseView, data: Data) -> CaseView:
    kind = data.get("kind")
    return replace(view, holds=view.holds - {Hold(kind)} if kind else frozenset())


EFFECTS: dict[Event, Effect] = {
    Event.REQUEST_CHANGED: _change,
    Event.APPROVED: _approve,
    Event.REJECTED: _drop_open,
    Event.TRACKING_ADDED: _ship,
    Event.GOODS_RECEIVED: _receive,
    Event.SUPPLIER_CONFIRMED: _confirm,
    Event.ABSORBED: _absorb,
    Event.LEGAL_DATE_REACHED: _clear_due,
    Event.REMEDY_CHANGED: _change_remedy,
    Event.REFUND_SUCCEEDED: _refunded,
    Event.REPLACEMENT_MADE: _replaced,
    Event.CREDIT_SETTLED: lambda view, _: replace(view, credit_open=False),
    Event.CREDIT_WRITTEN_OFF: lambda view, _: replace(view, credit_open=False),
    Event.EXTERNAL_REFUND_OBSERVED: _external,
    Event.EXTERNAL_REFUND_REMOVED: _external_removed,
    Event.CHARGEBACK_OPENED: lambda view, _: _hold(view, {"kind": Hold.CHARGEBACK}),
    Event.CHARGEBACK_WON: lambda view, _: _lift(view, {"kind": Hold.CHARGEBACK}),
    Event.CHARGEBACK_LOST: lambda view, _: _lift(view, {"kind": Hold.CHARGEBACK}),
    Event.ORDER_CANCELLED: _shrink,
    Event.REOPENED: _reopen,
    Event.HOLD_SET: _hold,
    Event.HOLD_LIFTED: _lift,
}
