"""The words of a case: states, events, commands and what a customer can ask for. Pure."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a case stands, which is what it waits for."""

    REQUESTED = "requested"
    EVIDENCE_NEEDED = "evidence_needed"
    UNDER_REVIEW = "under_review"
    AUTHORIZING = "authorizing"
    AWAITING_SHIPMENT = "awaiting_shipment"
    IN_TRANSIT = "in_transit"
    INSPECTING = "inspecting"
    CLAIMING = "claiming"
    CONTESTED = "contested"
    RESOLVING = "resolving"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


ENDED = frozenset({State.CLOSED, State.REJECTED, State.CANCELLED, State.EXPIRED, State.SUPERSEDED})
OPEN = frozenset(State) - ENDED
BEFORE_RESOLVING = OPEN - {State.RESOLVING, State.RESOLVED}
WAITS_FOR_OPERATOR = frozenset({State.UNDER_REVIEW, State.CONTESTED})


class Event(StrEnum):
    """What can happen to a case; the names are those of the audit trail."""

    REQUEST_SUBMITTED = "request_submitted"
    POLICY_NEEDS_EVIDENCE = "policy_needs_evidence"
    EVIDENCE_ADDED = "evidence_added"
    EVIDENCE_TIMED_OUT = "evidence_timed_out"
    POLICY_DEFERRED = "policy_deferred"
    REQUEST_CHANGED = "request_changed"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUPPLIER_AUTHORIZED = "supplier_authorized"
    SUPPLIER_REFUSED = "supplier_refused"
    SUPPLIER_SILENT = "supplier_silent"
    TRACKING_ADDED = "tracking_added"
    SHIPMENT_TIMED_OUT = "shipment_timed_out"
    GOODS_RECEIVED = "goods_received"
    PARCEL_STALLED = "parcel_stalled"
    SUPPLIER_CONFIRMED = "supplier_confirmed"
    SUPPLIER_REJECTED = "supplier_rejected"
    VERDICT_TIMED_OUT = "verdict_timed_out"
    ABSORBED = "absorbed"
    APPEALED = "appealed"
    LEGAL_DATE_REACHED = "legal_date_reached"
    REMEDY_CHANGED = "remedy_changed"
    REFUND_SUCCEEDED = "refund_succeeded"
    REPLACEMENT_MADE = "replacement_made"
    REMEDY_DONE = "remedy_done"
    REMEDY_IMPOSSIBLE = "remedy_impossible"
    CREDIT_SETTLED = "credit_settled"
    CREDIT_WRITTEN_OFF = "credit_written_off"
    CLOSE_DUE = "close_due"
    EXTERNAL_REFUND_OBSERVED = "external_refund_observed"
    EXTERNAL_REFUND_REMOVED = "external_refund_removed"
    CHARGEBACK_OPENED = "chargeback_opened"
    CHARGEBACK_WON = "chargeback_won"
    CHARGEBACK_LOST = "chargeback_lost"
    ORDER_CANCELLED = "order_cancelled"
    CUSTOMER_CANCELLED = "customer_cancelled"
    REOPENED = "reopened"
    HOLD_SET = "hold_set"
    HOLD_LIFTED = "hold_lifted"
    NOTE_ADDED = "note_added"


class Command(StrEnum):
    """What follows a transition; each is a job that can run twice without harm."""

    DECIDE = "decide"
    ASK_SUPPLIER = "ask_supplier"
    WITHDRAW_FROM_SUPPLIER = "withdraw_from_supplier"
    ISSUE_OWN_RMA = "issue_own_rma"
    PLAN_REMEDY = "plan_remedy"
    VOID_REMEDY = "void_remedy"
    EXPECT_CREDIT = "expect_credit"
    ABSORB_SMALL = "absorb_small"
    MAIL_EVIDENCE = "mail_evidence"
    MAIL_APPROVED = "mail_approved"
    MAIL_RMA = "mail_rma"
    MAIL_RECEIVED = "mail_received"
    MAIL_VERDICT = "mail_verdict"
    MAIL_REFUSED = "mail_refused"
    MAIL_CANCELLED = "mail_cancelled"
    PLAN_THANKS = "plan_thanks"
    APPROVE_STORE_RETURN = "approve_store_return"
    DECLINE_STORE_RETURN = "decline_store_return"
    CLOSE_STORE_RETURN = "close_store_return"


class Reason(StrEnum):
    """Why the customer returns something."""

    CHANGED_MIND = "changed_mind"
    DEFECTIVE = "defective"
    DAMAGED_IN_TRANSIT = "damaged_in_transit"
    NOT_AS_DESCRIBED = "not_as_described"
    WRONG_ITEM = "wrong_item"
    WRONG_SIZE = "wrong_size"
    WRONG_VARIANT = "wrong_variant"
    MISSING_PARTS = "missing_parts"
    LOST = "lost"
    LATE = "late"
    OTHER = "other"


class Remedy(StrEnum):
    """What the customer wants or gets."""

    REFUND = "refund"
    REPLACEMENT = "replacement"
    EXCHANGE = "exchange"
    STORE_CREDIT = "store_credit"
    KEEP_ITEM = "keep_item"


# What a remedy comes to: money that goes out, or a new order in the store.
BY_MONEY = frozenset({Remedy.REFUND, Remedy.STORE_CREDIT, Remedy.KEEP_ITEM})
BY_NEW_ORDER = frozenset({Remedy.REPLACEMENT, Remedy.EXCHANGE})


class Route(StrEnum):
    """Where the goods go: to the supplier, nowhere, nowhere and the customer keeps them, to a local centre."""

    RETURN = "return"
    CLAIM = "claim"
    RETURNLESS = "returnless"
    LOCAL = "local"


class Hold(StrEnum):
    """A flag that stops money and never a legal clock."""

    MERCHANT = "merchant"
    FRAUD = "fraud"
    CHARGEBACK = "chargeback"
    DATA = "data"


class Ground(StrEnum):
    """Why a refund may go out."""

    SUPPLIER = "supplier"
    POLICY = "policy"
    LAW = "law"
    OPERATOR = "operator"
