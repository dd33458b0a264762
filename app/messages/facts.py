"""What messages are about and what each of them tells. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from app.money import Money


class MessageKind(StrEnum):
    """What a message is about; also the name of its template."""

    RECEIPT = "receipt"
    RMA_ISSUED = "rma_issued"
    REFUND_SENT = "refund_sent"
    CREDIT_SENT = "credit_sent"
    REPLACEMENT_SENT = "replacement_sent"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    LEGAL_ALARM = "legal_alarm"
    EVIDENCE_WANTED = "evidence_wanted"
    SHIP_REMINDER = "ship_reminder"
    STILL_REVIEWING = "still_reviewing"
    SUPPLIER_LATE = "supplier_late"
    OPERATOR_TASK = "operator_task"
    APPROVED = "approved"
    RECEIVED = "received"
    VERDICT = "verdict"
    THANK_YOU = "thank_you"
    NEEDS_ATTENTION = "needs_attention"
    DIGEST = "digest"
    WITHDRAWAL_RECEIPT = "withdrawal_receipt"
    WITHDRAWAL_TASK = "withdrawal_task"
    SUPPLIER_REQUEST = "supplier_request"
    SUPPLIER_REMINDER = "supplier_reminder"
    SUPPLIER_WITHDRAWN = "supplier_withdrawn"
    SUPPLIER_CREDIT_DUE = "supplier_credit_due"


# What only the operator reads.
TO_OPERATOR = frozenset(
    {
        MessageKind.LEGAL_ALARM,
        MessageKind.OPERATOR_TASK,
        MessageKind.NEEDS_ATTENTION,
        MessageKind.DIGEST,
        MessageKind.WITHDRAWAL_TASK,
    }
)

# What only suppliers read.
TO_SUPPLIERS = frozenset(
    {
        MessageKind.SUPPLIER_REQUEST,
        MessageKind.SUPPLIER_REMINDER,
        MessageKind.SUPPLIER_WITHDRAWN,
        MessageKind.SUPPLIER_CREDIT_DUE,
    }
)


class Ask(StrEnum):
    """What a supplier is asked for: an RMA number, to await goods, a verdict on goods or on a claim, a credit."""

    AUTHORISE = "authorise"
    EXPECT = "expect"
    VERDICT = "verdict"
    CLAIM = "claim"
    CREDIT = "credit"


class Task(StrEnum):
    """What the operator is asked to do by an `operator_task`."""

    ASK_SUPPLIER = "ask_supplier"
    DECIDE = "decide"
    OVERDUE = "overdue"
    SUPPLIER_SILENT = "supplier_silent"
    PARCEL_STALLED = "parcel_stalled"
    CREDIT_DUE = "credit_due"
    CREDIT_OVERDUE = "credit_overdue"
    CLAIM_WINDOW = "claim_window"
    CLAIM_MISSED = "claim_missed"


@dataclass(frozen=True, slots=True)
class CouponFacts:
    """An offer: `code` is what the customer types, `percent` or `amount` what it takes off, `until` its last day."""

    code: str
    until: date
    percent: Decimal | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A product of the same store; `url` is its page in the shop where that is known."""

    title: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class DigestCase:
    """One case that needs a person: why in the stable words of attention, and the nearest date."""

    reference: str
    order_number: str
    why: Sequence[str]
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DigestFacts:
    """A day of the operator's. `waiting` counts all cases that need a person, `cases` shows the most urgent of them.

    The other numbers are of the 24 hours before, but for `legal_soon` (refunds due by law within three days) and
    `credits_overdue`, which are as of now.
    """

    day: date
    waiting: int
    cases: Sequence[DigestCase] = ()
    legal_soon: int = 0
    credits_overdue: int = 0
    bounced: int = 0
    opened: int = 0
    resolved: int = 0
    refunds: int = 0
    refunded: Sequence[Money] = ()
    scores: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What a message tells. Texts may come from customers and suppliers: they are cleaned and cut when rendered.

    `locale` is the reader's, in any spelling (`fr-CA`, `he_IL`), `country` where they are: times are told in its main
    zone, in UTC where it is not known. `store` is the store's key, `colour` its colour.
    `lines` is title and quantity. `reference` is the
    case's; a receipt lists `case_references` instead when the request was split. Where a supplier gives no RMA number
    the reference stands for it. `by_hand` says that the store's payment method
    cannot send money back, so that the merchant sends it some other way. `due_at`, `articles` and `holds` are for the
    operator: when a refund is due by law, by which articles, and what stops its money. `items` are things still wanted
    from the customer. `last_day` is until when something is to be done, `days_left` how many days that is, `final` that
    no other reminder comes. `task` is what the operator is to do, `supplier` with whom. `route` and `remedy` are the
    case's; `verdict` is `all`, `part` or `none`, with the units in `lines` that the supplier accepts and those in
    `declined` that it does not. `status_url` leads to the customer's page of the request, `survey_url` to the question
    how it went. `why` are the words of attention of a case. `consumer`, `consumer_email` and `goods` are what somebody
    wrote who withdraws from a contract; no `goods`: from all of the order. Suppliers are told what is asked of them
    (`ask`, `again` when they have answered before), why the customer returns it (`reasons`), and where to answer:
    `answer_url` for the case, `all_url` for their `open_cases` where there are several. `credit_code` is the coupon
    that holds a store credit, where the store keeps credit so; `new_order` the order in place of what was bought.
    """

    kind: MessageKind
    locale: str | None
    store_name: str
    order_number: str
    support_email: str | None = None
    reference: str | None = None
    received_at: datetime | None = None
    lines: Sequence[tuple[str, int]] = ()
    rma_number: str | None = None
    return_address: Mapping[str, str] | None = None
    instructions: str | None = None
    amount: Money | None = None
    by_hand: bool = False
    reason: str | None = None
    case_references: Sequence[str] = ()
    due_at: datetime | None = None
    articles: Sequence[str] = ()
    holds: Sequence[str] = ()
    items: Sequence[str] = ()
    last_day: date | None = None
    days_left: int = 0
    final: bool = False
    task: Task | None = None
    supplier: str | None = None
    store: str = ""
    country: str | None = None
    colour: str | None = None
    status_url: str | None = None
    survey_url: str | None = None
    route: str | None = None
    remedy: str = "refund"
    verdict: str | None = None
    declined: Sequence[tuple[str, int]] = ()
    coupon: CouponFacts | None = None
    suggestions: Sequence[Suggestion] = ()
    why: Sequence[str] = ()
    digest: DigestFacts | None = None
    consumer: str | None = None
    consumer_email: str | None = None
    goods: str | None = None
    ask: Ask | None = None
    again: bool = False
    reasons: Sequence[str] = ()
    answer_url: str | None = None
    all_url: str | None = None
    open_cases: int = 0
    credit_code: str | None = None
    new_order: str | None = None
