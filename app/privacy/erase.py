"""Erases what leads to a customer, order by order. Money, states and the order of events stay as they are.

Locks are taken in the one sequence: the order, then its cases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy import case as sql_case

from app.cases import service as cases
from app.cases.models import Case, Evidence
from app.db.work import Work
from app.evidence.models import Photo
from app.feedback.models import Feedback
from app.messages.models import Message, MessageStatus
from app.orders import service as orders
from app.privacy.service import MARK
from app.refunds.models import Refund
from app.remedies.models import Replacement
from app.requests import drafts
from app.requests.models import ReturnRequest
from app.withdrawals.models import Withdrawal

# The name of the count of what could not be erased yet, because it is just being used.
LEFT = "left_for_later"
_PERSONAL_DETAIL = "settled by a person:"


async def erase_order(work: Work, order_pk: UUID, why: dict[str, str]) -> Counter[str]:
    """Erases the customer's data of one order with its requests, cases, mails and evidence; answers counts.

    `why` goes into the audit trail of each case that lost something. Harmless to repeat.
    """
    order = await orders.lock(work, order_pk)
    orders.redact(order, work.now)
    done = Counter(orders=1)
    requests = (await work.session.scalars(select(ReturnRequest).where(ReturnRequest.order_pk == order_pk))).all()
    for request in requests:
        request.email = None
        request.lines = [_without_note(line) for line in request.lines]
    done["return_requests"] += len(requests)
    await drafts.forget(work, order_pk)
    found = await work.session.scalars(select(Case.id).where(Case.order_pk == order_pk).order_by(Case.id))
    for case_id in found.all():
        done += await _erase_case(work, await cases.lock(work, case_id), why)
    ids = [request.id for request in requests]
    done["feedback"] += await _erase_feedback(work, ids)
    done += await _erase_withdrawals(work, Withdrawal.order_pk == order_pk)
    return done + await _erase_messages(work, Message.request_id.in_(ids))


async def erase_declarations(work: Work, store: str, email: str) -> Counter[str]:
    """Erases what somebody of that e-mail declared of an order that was never found."""
    mine = Withdrawal.store == store, Withdrawal.order_pk.is_(None), func.lower(Withdrawal.email) == email.lower()
    return await _erase_withdrawals(work, *mine)


async def _erase_withdrawals(work: Work, *which: ColumnElement[bool]) -> Counter[str]:
    """When it was declared and what became of it stays."""
    statement = select(Withdrawal).where(*which, Withdrawal.erased_at.is_(None)).order_by(Withdrawal.id)
    found = list(await work.session.scalars(statement.with_for_update(key_share=True)))
    receipts = [one.receipt_id for one in found if one.receipt_id]
    done = await _erase_messages(work, Message.id.in_(receipts))
    sending = select(Message.id).where(Message.id.in_(receipts), Message.status == MessageStatus.SENDING)
    # By its e-mail it is found again when its receipt has gone out.
    left = set(await work.session.scalars(sending)) if done[LEFT] else set()
    for one in found:
        if one.receipt_id not in left:
            one.erase(work.now)
            done["withdrawals"] += 1
    return done


async def _erase_feedback(work: Work, request_ids: Sequence[UUID]) -> int:
    """What the customer wrote; how satisfied they were is kept without it."""
    theirs = Feedback.request_id.in_(request_ids), Feedback.text.is_not(None), Feedback.text != MARK
    statement = update(Feedback).where(*theirs).values(text=MARK).returning(Feedback.id)
    return len((await work.session.execute(statement)).all())


def _without_note(line: dict[str, object]) -> dict[str, object]:
    return {**line, "note": MARK} if line.get("note") else line


async def _erase_case(work: Work, case: Case, why: dict[str, str]) -> Counter[str]:
    done = Counter(cases=1)
    for line in case.lines:
        line.note = MARK if line.note else None
    case.tracking = [_without_tracking(parcel) for parcel in case.tracking]
    if (case.supplier_call or {}).get("error"):
        case.supplier_call = {**(case.supplier_call or {}), "error": MARK}
    for kind in (Refund, Replacement):
        settled = kind.detail.startswith(_PERSONAL_DETAIL)
        detail = update(kind).where(kind.case_id == case.id, settled).values(detail=f"{_PERSONAL_DETAIL} {MARK}")
        await work.session.execute(detail)
    done["evidence"] += await _erase_evidence(work, case.id)
    done[LEFT] += await _erase_jobs(work, case.id)
    events = await _erase_events(work, case.id)
    done["events"] += events
    if events:
        await cases.note(work, case, "The customer's data was erased.", "makegood", {"privacy_request": why})
    return done


def _without_tracking(parcel: dict[str, object]) -> dict[str, object]:
    return {name: MARK if name.startswith("tracking") else value for name, value in parcel.items()}


async def _erase_events(work: Work, case_id: UUID) -> int:
    """The database computes what may change in a row of the audit trail, and refuses everything else."""
    await work.session.flush()
    statement = text(
        "UPDATE case_events SET data = makegood_redacted(data, actor) "
        "WHERE case_id = :case_id AND data <> makegood_redacted(data, actor) RETURNING seq"
    )
    return len((await work.session.execute(statement, {"case_id": case_id})).all())


async def _erase_evidence(work: Work, case_id: UUID) -> int:
    """The rows stay; their hashes go too, because a short answer can be guessed from its hash."""
    rows = (await work.session.scalars(select(Evidence).where(Evidence.case_id == case_id))).all()
    for row in rows:
        row.text = MARK if row.text else None
        row.url = MARK if row.url else None
        row.sha256 = f"erased:{row.id}"
    shown = {row.photo_id for row in rows if row.photo_id}
    await _erase_photos(work, shown)
    return len(rows)


async def _erase_photos(work: Work, photo_ids: set[UUID]) -> None:
    statement = select(Photo).where(Photo.id.in_(photo_ids)).order_by(Photo.id).with_for_update(key_share=True)
    for photo in await work.session.scalars(statement):
        photo.empty(work.now)


async def _erase_jobs(work: Work, case_id: UUID) -> int:
    """Failed jobs keep what they were to say; answers how many still have to say it."""
    about = "task_name = 'makegood:stores.sync_return' AND args->>'case_id' = :case_id AND args->>'note' <> ''"
    over = text(
        f"UPDATE procrastinate_jobs SET args = args || jsonb_build_object('note', :mark ::text) "  # noqa: S608
        f"WHERE {about} AND status NOT IN ('todo', 'doing')"
    )
    await work.session.execute(over, {"case_id": str(case_id), "mark": MARK})
    waiting = text(f"SELECT count(*) FROM procrastinate_jobs WHERE {about} AND status IN ('todo', 'doing')")  # noqa: S608
    return int(await work.session.scalar(waiting, {"case_id": str(case_id)}) or 0)


async def _erase_messages(work: Work, which: ColumnElement[bool]) -> Counter[str]:
    """A mail that is being sent this very moment is left for later; one that waits is never sent."""
    mine = which, Message.erased_at.is_(None)
    sending = select(func.count()).select_from(Message).where(*mine, Message.status == MessageStatus.SENDING)
    left = int(await work.session.scalar(sending) or 0)
    waits = Message.status == MessageStatus.QUEUED
    statement = (
        update(Message)
        .where(*mine, Message.status != MessageStatus.SENDING)
        .values(
            **ERASED_MAIL,
            status=sql_case((waits, str(MessageStatus.FAILED)), else_=Message.status),
            error=sql_case((waits, "erased before it was sent"), (Message.error.is_(None), None), else_=MARK),
            next_try_at=None,
            erased_at=work.now,
        )
        .returning(Message.id)
    )
    return Counter({"messages": len((await work.session.execute(statement)).all()), LEFT: left})


# What is left of a mail: that it was sent, when, in which language and about what.
ERASED_MAIL = {"recipient": MARK, "subject": MARK, "text": MARK, "html": MARK}
