"""What a person can do with a case: each action is an event with its data. Order and case are locked by the caller."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.cases import action_bodies as bodies
from app.cases import service as cases
from app.cases.allowed import allowed_actions
from app.cases.choosing import has_variants, in_doubt, may_have, may_keep
from app.cases.facts import authorisation_changed
from app.cases.models import Case
from app.cases.states import GuardFailed, TransitionNotAllowed
from app.cases.vocabulary import Event, Ground, Hold, Remedy, Route
from app.db.work import Work
from app.errors import Conflict, Invalid
from app.ledger import service as ledger
from app.orders.models import Order
from app.policy import service as policy
from app.wire import rfc3339


class UnknownLine(Invalid):
    """The case has no such line."""

    code = "unknown_line"
    title = "The case has no such line"


class DuplicateLine(Invalid):
    """A line stands twice in the body."""

    code = "duplicate_line"
    title = "A line stands twice"


class QuantityTooLarge(Invalid):
    """More units than there can be."""

    code = "quantity_too_large"
    title = "More units than there are"


class RefundInDoubt(Conflict):
    """Money of the case may be moving."""

    code = "refund_in_doubt"
    title = "A refund is under way or in doubt"


class QuantityNotFree(Conflict):
    """Some of the units are refunded already, or another case has them."""

    code = "quantity_not_free"
    title = "These units are not free"


class CreditWithoutAcceptance(Invalid):
    """A verdict that accepts nothing cannot promise money."""

    code = "credit_without_acceptance"
    title = "A refusal promises no credit"


@dataclass(frozen=True, slots=True)
class Target:
    """A locked case with its locked order, and who acts (`operator:ops`)."""

    work: Work
    order: Order
    case: Case
    actor: str

    async def record(self, event: Event, body: bodies.ActionBody, **data: Any) -> None:
        """Applies the event with what every action carries.

        Raises `TransitionNotAllowed` or `GuardFailed` with `allowed_actions`; nothing is changed then.
        """
        try:
            told = {"reason": body.reason, "note": body.note, **data}
            await cases.record(self.work, self.case, event, told, self.actor)
        except (TransitionNotAllowed, GuardFailed) as refusal:
            refusal.extra = {"allowed_actions": allowed_actions(cases.view_of(self.case))}
            raise


async def approve(target: Target, body: bodies.ApproveBody) -> None:
    """Raises `RemedyNeedsConsent`, `VariantMissing`, `UnknownLine`, `DuplicateLine`, `QuantityTooLarge`,
    `QuantityNotFree`.
    """
    remedy = body.remedy or Remedy(target.case.remedy)
    await may_have(target.work, target.case, remedy, body.agreed)
    limits = {line.line_id: line.requested for line in target.case.lines}
    chosen = _units(((one.line_id, one.quantity) for one in body.lines or ()), limits, "was requested")
    await _check_free(target, chosen or limits)
    variants = {one.line_id: one.variant_id for one in body.lines or () if one.variant_id}
    has_variants(target.case, remedy, chosen or limits, variants)
    route, local = await policy.route_of(target.work, target.case, target.order, chosen or limits)
    route = body.route or (Route.RETURNLESS if remedy is Remedy.KEEP_ITEM else route)
    address = local if route is Route.LOCAL else None
    told: dict[str, Any] = {
        "route": route, "remedy": remedy, "lines": chosen or None, "return_address": address or None,
    }  # fmt: skip
    told |= {"variants": variants or None, "agreed": body.agreed or None}
    await target.record(Event.APPROVED, body, **told, ground=Ground.OPERATOR)
    await _tell_left_out(target)


async def change_remedy(target: Target, body: bodies.ChangeRemedyBody) -> None:
    """Another remedy for what is still open.

    Raises `RefundInDoubt`, `RemedyNeedsConsent`, `VariantMissing`, and `KeepingNotOffered` for anybody but an operator.
    """
    case = target.case
    by_operator = target.actor.startswith("operator:")
    await may_have(target.work, case, body.remedy, body.agreed)
    if body.remedy is Remedy.KEEP_ITEM and not by_operator:
        await may_keep(target.work, target.order, case)
    variants = {one.line_id: one.variant_id for one in body.variants or ()}
    has_variants(case, body.remedy, {line.line_id: line.approved for line in case.lines}, variants)
    if await in_doubt(target.work, case.id):
        raise RefundInDoubt("Something of this case is under way or in doubt; settle it first.")
    ground = Ground.OPERATOR if by_operator else Ground.POLICY
    told = {"remedy": body.remedy, "was": case.remedy, "ground": ground, "variants": variants or None}
    await target.record(Event.REMEDY_CHANGED, body, **told, agreed=body.agreed or None)


async def _tell_left_out(target: Target) -> None:
    """A person may approve less than was asked for; that a legal right was left out is said, so that it was meant."""
    case = target.case
    left = sum(max(0, line.requested - line.approved - line.external) for line in case.lines)
    if left and case.right_alive:
        text = f"{left} units were not approved, and a legal right of the customer to them is alive: refuse them only "
        await cases.add_problem(target.work, case, "right_left_out", text + "with a reason, or open them again.")


async def _check_free(target: Target, units: dict[str, int]) -> None:
    """Raises `QuantityNotFree` for units that are refunded already or belong to another case."""
    free = await policy.free_units(target.work, target.order, without=target.case.id)
    for line in target.case.lines:
        # What this case itself was paid is no reason against it: a reopened case owes nothing twice.
        left = free.get(line.line_id, 0) + line.external
        if units.get(line.line_id, 0) > left:
            raise QuantityNotFree(
                f"{units[line.line_id]} units of line {line.line_id} are to be approved, and {max(0, left)} are "
                "neither refunded nor in another case. Approve fewer with `lines`.",
                line_id=line.line_id,
                free=max(0, left),
            )


async def reject(target: Target, body: bodies.RejectBody) -> None:
    """Refuses; with `override` even where a legal right is alive."""
    await target.record(Event.REJECTED, body, override=body.override or None)


async def request_evidence(target: Target, body: bodies.RequestEvidenceBody) -> None:
    """Asks the customer for more."""
    await target.record(Event.POLICY_NEEDS_EVIDENCE, body, items=body.items)


async def record_rma(target: Target, body: bodies.RecordRmaBody) -> None:
    """Relays the supplier's authorisation."""
    address = body.return_address
    told = {
        "rma_number": body.rma_number,
        # One text is still good enough to write on a parcel.
        "return_address": {"line1": address} if isinstance(address, str) else _filled(address),
        "instructions": body.instructions,
    }
    await target.record(Event.SUPPLIER_AUTHORIZED, body, **told, changed=authorisation_changed(target.case, told))


def _filled(address: bodies.Address | None) -> dict[str, str] | None:
    return address.model_dump(exclude_none=True) or None if address else None


async def record_tracking(target: Target, body: bodies.RecordTrackingBody) -> None:
    """The customer has shipped."""
    await target.record(
        Event.TRACKING_ADDED,
        body,
        tracking_number=body.tracking_number,
        carrier=body.carrier,
        tracking_url=body.tracking_url,
        shipped_at=rfc3339(body.shipped_at),
    )


async def record_receipt(target: Target, body: bodies.RecordReceiptBody) -> None:
    """The goods are there. Raises `UnknownLine`, `DuplicateLine`, `QuantityTooLarge`."""
    limits = {line.line_id: line.approved for line in target.case.lines}
    arrived = _units(((one.line_id, one.quantity) for one in body.lines or ()), limits, "was approved")
    await target.record(
        Event.GOODS_RECEIVED,
        body,
        lines=arrived or limits,
        conditions={one.line_id: one.condition for one in body.lines or () if one.condition},
        received_at=rfc3339(body.received_at or target.work.now),
    )


async def record_verdict(target: Target, body: bodies.RecordVerdictBody) -> None:
    """Raises `UnknownLine`, `DuplicateLine`, `QuantityTooLarge`, `CreditWithoutAcceptance`."""
    case = target.case
    limits = {line.line_id: line.approved for line in case.lines}
    lines = _units(((one.line_id, one.accepted_quantity) for one in body.lines), limits, "was approved")
    told: dict[str, Any] = {
        "lines": lines,
        "conditions": {one.line_id: one.condition for one in body.lines if one.condition},
        "notes": {one.line_id: one.note for one in body.lines if one.note} or None,
    }
    if not any(lines.values()):
        if body.credit is not None:
            raise CreditWithoutAcceptance("The verdict accepts nothing, so there is nothing to be credited.")
        why = body.reason or "the supplier accepts nothing"
        await target.record(Event.SUPPLIER_REJECTED, body, **{**told, "reason": why})
        return
    rises = any(lines.get(line.line_id, 0) > line.accepted for line in case.lines)
    told["news"] = rises or await _credit_is_new(target, body.credit)
    if await ledger.is_settled(target.work, case.id):
        told["credit_settled"] = True
    if body.credit is not None:
        told["credit"] = {
            "amount": body.credit.money().text,
            "currency": body.credit.currency,
            "reference": body.credit.reference,
            "expected_at": rfc3339(body.credit.expected_at),
        }
    await target.record(Event.SUPPLIER_CONFIRMED, body, **told)


async def _credit_is_new(target: Target, told: bodies.CreditBody | None) -> bool:
    """Whether the promise says an amount that is not known yet."""
    if told is None:
        return False
    known = await ledger.credit_of(target.work, target.case.id)
    return known is None or (known.amount, known.currency) != (told.money().minor, told.currency)


async def absorb(target: Target, body: bodies.ActionBody) -> None:
    """The merchant pays what the supplier does not."""
    await target.record(Event.ABSORBED, body, ground=Ground.OPERATOR)


async def appeal(target: Target, body: bodies.ActionBody) -> None:
    """The supplier is asked again."""
    await target.record(Event.APPEALED, body)


async def cancel(target: Target, body: bodies.ActionBody) -> None:
    """The customer does not want to return any more. Raises `RefundInDoubt` while money may be moving."""
    if await in_doubt(target.work, target.case.id):
        raise RefundInDoubt("A refund or a replacement of this case is under way or in doubt; settle it first.")
    await target.record(Event.CUSTOMER_CANCELLED, body)


async def reopen(target: Target, body: bodies.ReasonedBody) -> None:
    """An ended case is looked at again."""
    await target.record(Event.REOPENED, body)
    await policy.advise(target.work, target.case)


async def hold(target: Target, body: bodies.HoldBody) -> None:
    """Money stops; legal dates do not."""
    await target.record(Event.HOLD_SET, body, kind=body.kind)


async def lift_hold(target: Target, body: bodies.LiftHoldBody) -> None:
    """Lifts one hold, or all but a chargeback's: while a bank may be paying, that one must be named."""
    held = [Hold(kind) for kind in target.case.holds]
    kinds = [Hold(body.kind)] if body.kind else [kind for kind in held if kind is not Hold.CHARGEBACK]
    if held and (not kinds or kinds[0] not in held):
        refused = GuardFailed(f"The case is on hold for {', '.join(held)}; name that kind to lift it.")
        refused.extra = {"allowed_actions": allowed_actions(cases.view_of(target.case))}
        raise refused
    for kind in kinds or [None]:
        await target.record(Event.HOLD_LIFTED, body, kind=kind)


async def add_note(target: Target, body: bodies.NoteBody) -> None:
    """A sentence for the audit trail."""
    await target.record(Event.NOTE_ADDED, body, text=body.text)


def _units(told: Iterable[tuple[str, int]], limits: dict[str, int], limit_is: str) -> dict[str, int]:
    """Units by line, each within its limit."""
    found: dict[str, int] = {}
    for line_id, units in told:
        if line_id not in limits:
            raise UnknownLine(f"The case has no line {line_id!r}; it has: {', '.join(limits)}.")
        if line_id in found:
            raise DuplicateLine(f"The line {line_id} stands twice.")
        if units > limits[line_id]:
            raise QuantityTooLarge(
                f"{units} units of line {line_id} are more than {limit_is}: {limits[line_id]}.",
                line_id=line_id,
                largest=limits[line_id],
            )
        found[line_id] = units
    return found
