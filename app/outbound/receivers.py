"""How the receivers of the settings fare, for the API, and what is wrong with them, for `makegood doctor`."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from app.db.work import Work
from app.outbound import queries
from app.outbound.models import OutboundReceiver
from app.outbound.plan import PAUSE_AFTER
from app.outbound.queries import Backlog
from app.outbound.schemas import ReceiverOut
from app.stores.base import Finding

# A receiver that is being updated fails for minutes; one that fails for so long needs a person.
_TOO_LONG = timedelta(hours=1)


def shown(work: Work, key: str, state: OutboundReceiver | None, backlog: Backlog) -> ReceiverOut:
    """A receiver without its secrets."""
    settings = work.settings.events[key]
    state = state or OutboundReceiver(key=key, failures=0)
    return ReceiverOut(
        key=key,
        host=settings.host,
        types=settings.types,
        stores=settings.stores,
        secrets=len(settings.secret),
        state=_state(state),
        failures=state.failures,
        failing_since=state.failing_since,
        paused_until=state.paused_until,
        disabled_at=state.disabled_at,
        last_success_at=state.last_success_at,
        last_failure_at=state.last_failure_at,
        last_error=state.last_error,
        waiting=backlog.count,
        oldest_waiting_at=backlog.oldest,
    )


def _state(state: OutboundReceiver) -> Literal["ok", "failing", "disabled"]:
    if state.disabled_at is not None:
        return "disabled"
    return "failing" if state.failures >= PAUSE_AFTER else "ok"


async def check(work: Work) -> list[Finding]:
    """One finding for each receiver, from what is known in the database: nothing is sent."""
    health = await queries.health(work)
    return [_finding(work, key, health.get(key)) for key in work.settings.events]


def _finding(work: Work, key: str, state: OutboundReceiver | None) -> Finding:
    subject, test = f"events to {key}", f"makegood events test {key}"
    if state is None:
        return Finding(subject, True, "nothing was sent to it yet", f"Try it with: {test}")
    if state.disabled_at is not None:
        detail = f"it answered HTTP 410 at {state.disabled_at:%Y-%m-%d %H:%M} UTC, and nothing is sent to it any more"
        return Finding(subject, False, detail, f"Mend its URL or take it out of the settings; enable it with: {test}")
    since = state.failing_since
    if since is not None and state.failures >= PAUSE_AFTER:
        detail = f"{state.failures} tries in a row failed since {since:%Y-%m-%d %H:%M} UTC: {state.last_error}"
        return Finding(subject, work.now - since < _TOO_LONG, detail, f"Mend the receiver, and try it with: {test}")
    if state.last_success_at is None:
        return Finding(subject, True, f"it has taken nothing yet: {state.last_error}", f"Try it with: {test}")
    return Finding(subject, True, f"it took an event at {state.last_success_at:%Y-%m-%d %H:%M} UTC")
