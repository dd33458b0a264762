"""When a supplier is called about a case, and what is said. The plan of calls is kept on the case itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.cases.models import Case
from app.cases.vocabulary import ENDED, Route, State
from app.db.work import Work
from app.orders.models import Order
from app.outcomes import Ok, Rejected, Unknown
from app.suppliers.base import SupplierOutcome

_LONGEST_WAIT = timedelta(hours=6)
# A call that is under way belongs to its worker for this long; then another may take over (the key makes it safe).
LEASE = timedelta(seconds=120)
_FIRST_RETRY = timedelta(seconds=5)
_OPENABLE = frozenset({State.AUTHORIZING, State.CLAIMING, State.AWAITING_SHIPMENT, State.RESOLVING, State.RESOLVED})
_POLLED = frozenset({State.AUTHORIZING, State.AWAITING_SHIPMENT, State.IN_TRANSIT, State.INSPECTING, State.CLAIMING})


def wanted_call(case: Case) -> str | None:
    """`open`, `poll` or `withdraw` when the case still wants that call; None when it does not."""
    wish = (case.supplier_call or {}).get("do")
    if wish == "open":
        return wish if case.state in _OPENABLE else None
    if wish == "poll":
        return wish if case.state in _POLLED or _owes(case) else None
    return "withdraw" if wish == "withdraw" else None


def _owes(case: Case) -> bool:
    return case.state == State.RESOLVED and case.credit_open


def idempotency_key(case: Case) -> str:
    """The case id, the same on every try; a later opening (an appeal, a reopened case) is another request."""
    openings = int((case.supplier_call or {}).get("openings", 0))
    return str(case.id) if openings == 0 else f"{case.id}-{openings + 1}"


def body_of(case: Case, order: Order, public_url: str, photos: Sequence[str] = ()) -> dict[str, Any]:
    """What the supplier is told (contract, generic supplier channel). `photos` are signed links to what was shown."""
    return {
        "return_id": str(case.id),
        "reference": case.reference,
        "route": case.route or Route.RETURN,
        "store": case.store,
        "order": {"number": order.number, "placed_at": f"{order.placed_at:%Y-%m-%dT%H:%M:%SZ}"},
        "lines": [
            {
                "line_id": line.line_id,
                "sku": line.sku,
                "title": line.title,
                "quantity": line.approved,
                "reason": line.reason,
                "note": line.note or "",
                "evidence": list(photos),
            }
            for line in case.lines
            if line.approved
        ],
        "callback_url": f"{public_url}/webhooks/suppliers/{case.supplier}",
    }


def lease(work: Work, case: Case) -> bool:
    """Takes the call for this worker; False while another worker has it (a job may be delivered twice)."""
    call = case.supplier_call or {}
    until = call.get("leased_until")
    if until is not None and datetime.fromisoformat(until) > work.now:
        return False
    case.supplier_call = {**call, "leased_until": (work.now + LEASE).isoformat()}
    if call.get("do") == "open":
        # From here on the supplier may know of the return, whether we live to hear its answer or not.
        case.supplier_call["asked"] = True
    case.supplier_call_at = work.now + LEASE
    return True


def end_lease(case: Case) -> None:
    """The call is over."""
    case.supplier_call = {key: value for key, value in (case.supplier_call or {}).items() if key != "leased_until"}


async def order_of(work: Work, case: Case) -> Order:
    """The case's order."""
    return await work.session.get_one(Order, case.order_pk)


def photos_told(case: Case, shown: Sequence[str]) -> list[str]:
    """The links that an opening carries: those `shown` on its first try, since the same key needs the same body."""
    call = case.supplier_call or {}
    case.supplier_call = {**call, "photos": call.get("photos", list(shown))}
    told: list[str] = case.supplier_call["photos"]
    return told


def opened(case: Case) -> None:
    """The supplier knows of the return now."""
    call = {key: value for key, value in (case.supplier_call or {}).items() if key != "photos"}
    case.supplier_call = {**call, "opened": True, "openings": int(call.get("openings", 0)) + 1}


def not_opened(case: Case) -> None:
    """The supplier said that it opens nothing, so there is nothing to withdraw."""
    done = ("asked", "photos")
    case.supplier_call = {key: value for key, value in (case.supplier_call or {}).items() if key not in done}


def plan_poll(work: Work, case: Case) -> None:
    """The supplier is asked again later, more and more rarely, as long as the case waits for it."""
    terms = work.settings.suppliers.get(case.supplier or "")
    call = case.supplier_call or {}
    tries = int(call.get("tries", 0)) + 1 if call.get("do") == "poll" else 0
    if terms is None or case.state not in _POLLED:
        case.supplier_call_at = None
        return
    wait = min(timedelta(seconds=terms.poll_seconds) * 2 ** min(tries, 16), _LONGEST_WAIT)
    case.supplier_call = {**call, "do": "poll", "tries": tries}
    case.supplier_call_at = work.now + wait


def ask_again(work: Work, case: Case) -> bool:
    """Has the supplier asked at the next sweep, as a reminder. Answers False where no machine can ask it.

    A return that is being opened is tried again, with the same key; one that is open is polled.
    """
    terms, call = work.settings.suppliers.get(case.supplier or ""), case.supplier_call or {}
    opening = call.get("do") == "open" and case.supplier_call_at is not None
    if terms is None or terms.channel != "http" or not (opening or call.get("opened")):
        return False
    if call.get("do") != "withdraw":
        case.supplier_call = {**call, "do": "open" if opening else "poll", "tries": 0}
        case.supplier_call_at = work.now
    return True


def still_wants(case: Case, wish: str) -> bool:
    """Whether the case wants the same kind of call as when it was made; it may have moved on meanwhile."""
    return (case.supplier_call or {}).get("do") == wish


def overtaken(work: Work, case: Case, wish: str, outcome: SupplierOutcome) -> bool:
    """True when the case came to want another call while one was under way; it is due at once.

    A return that was opened while its case ended is withdrawn.
    """
    if wish == "open" and isinstance(outcome, Ok) and case.state in ENDED:
        case.supplier_call = {**(case.supplier_call or {}), "do": "withdraw", "tries": 0}
    if still_wants(case, wish) or wanted_call(case) is None or (case.supplier_call or {}).get("do") == "poll":
        return False
    case.supplier_call_at = work.now + LEASE
    return True


def plan_retry(work: Work, case: Case, outcome: Rejected | Unknown) -> None:
    """The same call again, with the same key; the supplier's own wish for a wait is honoured."""
    call = case.supplier_call or {}
    tries = int(call.get("tries", 0)) + 1
    wait = min(_FIRST_RETRY * 2 ** min(tries - 1, 12), _LONGEST_WAIT)
    if isinstance(outcome, Rejected) and outcome.retry_after is not None:
        wait = min(timedelta(seconds=max(outcome.retry_after, 0)), _LONGEST_WAIT)
    case.supplier_call = {**call, "tries": tries, "error": outcome.detail[:300]}
    case.supplier_call_at = work.now + wait


def stop(case: Case) -> None:
    """Nobody calls this supplier about this case any more."""
    case.supplier_call_at = None


async def due(work: Work, limit: int = 100) -> Sequence[UUID]:
    """Cases whose supplier must be called now; each is given a lease so that the next sweep leaves it alone."""
    statement = (
        select(Case)
        .where(Case.supplier_call_at <= work.now)
        .order_by(Case.supplier_call_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = list(await work.session.scalars(statement))
    for case in found:
        case.supplier_call_at = work.now + LEASE
    return [case.id for case in found]


async def case_of_return(work: Work, supplier: str, return_id: str) -> UUID | None:
    """The case that a supplier means by `return_id`; None when it is not a case of this supplier."""
    try:
        wanted = UUID(return_id)
    except ValueError:
        return None
    return await work.session.scalar(select(Case.id).where(Case.id == wanted, Case.supplier == supplier))
