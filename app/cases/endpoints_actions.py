"""What a person does with a case. Each action answers with the case as it is then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.responses import JSONResponse

from app.api import InRuntime, Operator
from app.cases import action_bodies as bodies
from app.cases import actions, queries
from app.cases.actions import (
    CreditWithoutAcceptance,
    DuplicateLine,
    QuantityNotFree,
    QuantityTooLarge,
    RefundInDoubt,
    UnknownLine,
)
from app.cases.answers import case_out
from app.cases.choosing import RemedyNeedsConsent, VariantMissing
from app.cases.refunding import lock_both
from app.cases.schemas import CaseName, CaseOut
from app.cases.states import GuardFailed, TransitionConflict, TransitionNotAllowed
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors import AppError, NotFound
from app.errors_http import RequestTooLarge, refusals
from app.money import BadAmount
from app.once import InOnce, Once
from app.runtime import Runtime

router = APIRouter(prefix="/cases", tags=["actions"])

B = TypeVar("B", bound=bodies.ActionBody)
_LINES = (UnknownLine, DuplicateLine, QuantityTooLarge)


def _documented(summary: str, description: str, *kinds: type[AppError]) -> dict[str, Any]:
    """The documentation of an action, with the errors that every action has."""
    common = (NotFound, TransitionNotAllowed, GuardFailed, TransitionConflict, IdempotencyKeyReused, RequestTooLarge)
    return {
        "summary": summary,
        "description": f"{description} A state that does not allow it answers 409 with `allowed_actions`.",
        "responses": refusals(*common, *kinds),
        "response_model": CaseOut,
    }


async def _act(
    runtime: Runtime,
    named: str,
    operator: str,
    once: Once,
    action: Callable[[actions.Target, B], Awaitable[None]],
    body: B,
) -> JSONResponse:
    """Locks order and case, carries the action out, and answers with the case."""

    async def carried_out(work: Work) -> CaseOut:
        order, case = await lock_both(work, await queries.required_id(work, named))
        await action(actions.Target(work, order, case, f"operator:{operator}"), body)
        return case_out((await queries.facts(work, [case]))[0])

    return await once.carry_out(runtime, body, carried_out)


@router.post(
    "/{case}/approve",
    **_documented(
        "Approves the return",
        "All that was requested, or the `lines` named, on the `route` given or the one that the policy would choose.",
        RemedyNeedsConsent,
        VariantMissing,
        QuantityNotFree,
        *_LINES,
    ),
)
async def approve(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.ApproveBody | None = None
) -> JSONResponse:
    """The return is approved by a person."""
    return await _act(runtime, case, operator, once, actions.approve, body or bodies.ApproveBody())


@router.post(
    "/{case}/reject",
    **_documented(
        "Refuses the return",
        "The customer is told the reason. Where a legal right of the customer is alive, `override` is needed.",
    ),
)
async def reject(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.RejectBody
) -> JSONResponse:
    """The return is refused by a person."""
    return await _act(runtime, case, operator, once, actions.reject, body)


@router.post(
    "/{case}/request-evidence",
    **_documented("Asks the customer for evidence", "The case waits until it is added, or for the time set for it."),
)
async def request_evidence(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.RequestEvidenceBody
) -> JSONResponse:
    """Photos or answers are asked for."""
    return await _act(runtime, case, operator, once, actions.request_evidence, body)


@router.post(
    "/{case}/record-rma",
    **_documented(
        "Records the supplier's authorisation",
        "For a supplier without an API: its RMA number, address and instructions, which the customer is told.",
    ),
)
async def record_rma(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.RecordRmaBody
) -> JSONResponse:
    """The supplier's authorisation, relayed."""
    return await _act(runtime, case, operator, once, actions.record_rma, body)


@router.post(
    "/{case}/record-tracking",
    **_documented("Records the customer's parcel", "The goods are on their way back."),
)
async def record_tracking(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.RecordTrackingBody
) -> JSONResponse:
    """The customer's parcel."""
    return await _act(runtime, case, operator, once, actions.record_tracking, body)


@router.post(
    "/{case}/record-receipt",
    **_documented("Records that the goods arrived", "Everything that was approved, or the `lines` named.", *_LINES),
)
async def record_receipt(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.RecordReceiptBody | None = None
) -> JSONResponse:
    """The goods arrived."""
    return await _act(runtime, case, operator, once, actions.record_receipt, body or bodies.RecordReceiptBody())


@router.post(
    "/{case}/record-verdict",
    **_documented(
        "Records the supplier's verdict",
        "All accepted: the refund goes out. A part: that part is refunded and the rest is decided apart. "
        "All zero: the supplier refuses. A line that is not named is not accepted.",
        *_LINES,
        CreditWithoutAcceptance,
        BadAmount,
    ),
)
async def record_verdict(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.RecordVerdictBody
) -> JSONResponse:
    """The supplier's verdict, relayed."""
    return await _act(runtime, case, operator, once, actions.record_verdict, body)


@router.post(
    "/{case}/absorb",
    **_documented("Refunds at the merchant's cost", "What the supplier does not accept is refunded as a loss."),
)
async def absorb(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.ActionBody | None = None
) -> JSONResponse:
    """The merchant pays."""
    return await _act(runtime, case, operator, once, actions.absorb, body or bodies.ActionBody())


@router.post(
    "/{case}/change-remedy",
    **_documented(
        "Chooses another remedy",
        "For what is still open, until it has gone out: what was planned and never sent is taken back. Also the way on "
        "from a remedy that the store could not make.",
        RefundInDoubt,
        RemedyNeedsConsent,
        VariantMissing,
    ),
)
async def change_remedy(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.ChangeRemedyBody
) -> JSONResponse:
    """Another remedy."""
    return await _act(runtime, case, operator, once, actions.change_remedy, body)


@router.post(
    "/{case}/appeal",
    **_documented("Asks the supplier again", "The claim is opened once more with a supplier that refused."),
)
async def appeal(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.ActionBody | None = None
) -> JSONResponse:
    """The supplier is asked again."""
    return await _act(runtime, case, operator, once, actions.appeal, body or bodies.ActionBody())


@router.post(
    "/{case}/cancel",
    **_documented(
        "Cancels the return", "At the customer's wish, while neither goods nor money have moved.", RefundInDoubt
    ),
)
async def cancel(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.ActionBody | None = None
) -> JSONResponse:
    """The customer does not return anything."""
    return await _act(runtime, case, operator, once, actions.cancel, body or bodies.ActionBody())


@router.post(
    "/{case}/reopen",
    **_documented("Reopens an ended case", "It is for the operator to decide anew."),
)
async def reopen(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.ReasonedBody
) -> JSONResponse:
    """An ended case is looked at again."""
    return await _act(runtime, case, operator, once, actions.reopen, body)


@router.post(
    "/{case}/hold",
    **_documented("Sets a hold", "No money goes out while a hold is set. Legal dates run on."),
)
async def hold(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.HoldBody
) -> JSONResponse:
    """Money stops."""
    return await _act(runtime, case, operator, once, actions.hold, body)


@router.post(
    "/{case}/lift-hold",
    **_documented(
        "Lifts a hold",
        "The hold of one `kind`, or every hold but that of a chargeback, which must be named: the bank may be paying.",
    ),
)
async def lift_hold(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.LiftHoldBody | None = None
) -> JSONResponse:
    """Money may move again."""
    return await _act(runtime, case, operator, once, actions.lift_hold, body or bodies.LiftHoldBody())


@router.post(
    "/{case}/note",
    **_documented("Adds a note", "A sentence in the audit trail; nothing else changes."),
)
async def add_note(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: bodies.NoteBody
) -> JSONResponse:
    """A sentence for the trail."""
    return await _act(runtime, case, operator, once, actions.add_note, body)
