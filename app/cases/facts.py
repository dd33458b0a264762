"""What an event tells beside the machine's own view: numbers, addresses, parcels, conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.cases.models import Case
from app.cases.vocabulary import Event


def keep_facts(case: Case, event: Event, data: Mapping[str, Any]) -> None:
    """Writes an event's facts into the case's columns."""
    keep = _KEEP.get(event)
    if keep is not None:
        keep(case, data)


def authorisation_changed(case: Case, data: Mapping[str, Any]) -> bool:
    """True when an authorisation says something that the case does not have yet."""
    return any(
        data.get(name) and data[name] != getattr(case, name)
        for name in ("rma_number", "return_address", "instructions")
    )


def _authorisation(case: Case, data: Mapping[str, Any]) -> None:
    case.rma_number = data.get("rma_number") or case.rma_number or case.reference
    case.return_address = data.get("return_address") or case.return_address
    case.instructions = data.get("instructions") or case.instructions


def _tracking(case: Case, data: Mapping[str, Any]) -> None:
    parcel = {
        name: data[name] for name in ("tracking_number", "carrier", "tracking_url", "shipped_at") if data.get(name)
    }
    others = [one for one in case.tracking if one.get("tracking_number") != parcel.get("tracking_number")]
    case.tracking = [*others, parcel]


def _conditions(case: Case, data: Mapping[str, Any]) -> None:
    told = data.get("conditions") or {}
    for line in case.lines:
        line.condition = told.get(line.line_id) or line.condition


def _corrected(case: Case, data: Mapping[str, Any]) -> None:
    """Why, as the customer says now; the request itself keeps what was declared at first."""
    reasons, notes = data.get("reasons") or {}, data.get("notes") or {}
    for line in case.lines:
        line.reason = reasons.get(line.line_id, line.reason)
        line.note = notes.get(line.line_id, line.note) or None
    _variants(case, data)


def _variants(case: Case, data: Mapping[str, Any]) -> None:
    """What an exchange is for."""
    chosen, titles = data.get("variants") or {}, data.get("variant_titles") or {}
    for line in case.lines:
        if line.line_id in chosen:
            line.variant_id, line.variant_title = chosen[line.line_id], titles.get(line.line_id)


def _approval(case: Case, data: Mapping[str, Any]) -> None:
    _local_centre(case, data)
    _variants(case, data)


def _local_centre(case: Case, data: Mapping[str, Any]) -> None:
    """Where the goods go when they do not go to the supplier."""
    case.return_address = data.get("return_address") or case.return_address


_KEEP: dict[Event, Callable[[Case, Mapping[str, Any]], None]] = {
    Event.REQUEST_CHANGED: _corrected,
    Event.APPROVED: _approval,
    Event.REMEDY_CHANGED: _variants,
    Event.SUPPLIER_AUTHORIZED: _authorisation,
    Event.TRACKING_ADDED: _tracking,
    Event.GOODS_RECEIVED: _conditions,
    Event.SUPPLIER_CONFIRMED: _conditions,
    Event.SUPPLIER_REJECTED: _conditions,
}
