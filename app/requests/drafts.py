"""Requests that customers are filling in, step by step. Nothing of it binds anybody until it is confirmed, once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import delete, select

from app.cases.actions import QuantityNotFree
from app.cases.vocabulary import Reason, Remedy
from app.db.base import new_id
from app.db.work import Work
from app.errors import Conflict, NotFound
from app.evidence.service import Shown
from app.orders import service as orders
from app.orders.models import Order
from app.policy.question import Present
from app.requests import service
from app.requests.models import ReturnDraft, ReturnRequest
from app.requests.preview import Asked, preview
from app.requests.service import Wanted, WantedLine

CUSTOMER = "customer"
# A draft that nobody touched for so long is forgotten.
KEPT = timedelta(days=1)
_BATCH = 200


class DraftGone(NotFound):
    """There is no such draft any more: it was pruned, or its order's data was erased."""

    code = "draft_gone"
    title = "This form was left too long ago"


class DraftChanged(Conflict):
    """What is to be confirmed is not what was shown: another tab changed it."""

    code = "draft_changed"
    title = "Something has changed"


@dataclass(frozen=True, slots=True)
class ChosenLine:
    """Units of a line that the customer wants to return, and why as soon as that is said."""

    line_id: str
    quantity: int
    reason: Reason | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What was filled in so far.

    `answers` is by supplier (empty text: nobody), then by item of the policy; `photos` are ids of photos, by supplier.
    `variants` is what a line is to be exchanged for: id and title by line.
    """

    lines: tuple[ChosenLine, ...] = ()
    remedy: Remedy | None = None
    answers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    variants: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    photos: Mapping[str, tuple[UUID, ...]] = field(default_factory=dict)

    @property
    def asked(self) -> list[Asked]:
        """The lines whose reason is told."""
        return [
            Asked(one.line_id, one.quantity, one.reason, self.variants.get(one.line_id, (None, None))[0])
            for one in self.lines
            if one.reason is not None
        ]

    @property
    def explained(self) -> bool:
        """Whether something is chosen, and every line has a reason."""
        return bool(self.lines) and all(one.reason is not None for one in self.lines)


_WISH: TypeAdapter[Wish] = TypeAdapter(Wish)


async def start(work: Work, order: Order, email: str | None) -> ReturnDraft:
    """A new draft for an order that its customer has named."""
    draft = ReturnDraft(
        id=new_id(), store=order.store, order_pk=order.id, email=email, wish={}, created_at=work.now,
        updated_at=work.now,
    )  # fmt: skip
    work.session.add(draft)
    await work.session.flush()
    return draft


async def get(work: Work, store: str, draft_id: UUID) -> ReturnDraft:
    """The draft to look at. Raises `DraftGone`."""
    return _alive(work, store, await work.session.get(ReturnDraft, draft_id))


async def lock(work: Work, store: str, draft_id: UUID) -> ReturnDraft:
    """The draft to change, locked before its order. Raises `DraftGone`."""
    statement = select(ReturnDraft).where(ReturnDraft.id == draft_id).with_for_update()
    found = await work.session.scalar(statement.execution_options(populate_existing=True))
    return _alive(work, store, found)


def _alive(work: Work, store: str, draft: ReturnDraft | None) -> ReturnDraft:
    if draft is None or draft.store != store or draft.updated_at < work.now - KEPT:
        raise DraftGone("This form was left too long ago; please begin again.")
    return draft


def wish_of(draft: ReturnDraft) -> Wish:
    """What was filled in so far."""
    return _WISH.validate_python(draft.wish)


def keep(work: Work, draft: ReturnDraft, wish: Wish) -> None:
    """Stores what was filled in."""
    draft.wish = _WISH.dump_python(wish, mode="json")
    draft.updated_at = work.now


def choose(wish: Wish, units: Mapping[str, int]) -> Wish:
    """The wish for other lines; what was said of those that stay is kept."""
    known = {one.line_id: one for one in wish.lines}
    lines = tuple(
        replace(known.get(line_id, ChosenLine(line_id, count)), quantity=count)
        for line_id, count in units.items()
        if count > 0
    )
    return replace(wish, lines=lines)


def present(wish: Wish) -> dict[str | None, Present]:
    """How much evidence each supplier's part has."""
    return {
        key or None: Present(photos=len(wish.photos.get(key, ())), answers=len(_told(wish, key)))
        for key in {*wish.answers, *wish.photos}
    }


def _told(wish: Wish, key: str) -> list[str]:
    return [text for text in wish.answers.get(key, {}).values() if text]


def fingerprint(draft: ReturnDraft) -> str:
    """Names exactly what a customer was shown, so that nothing else is confirmed."""
    content = json.dumps([str(draft.id), draft.wish], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


async def confirm(work: Work, draft: ReturnDraft, shown: str, locale: str) -> ReturnRequest:
    """Makes a locked draft a return request, once: again it answers the same request. `shown` is its fingerprint.

    Raises `DraftChanged`, and `QuantityNotFree` for units that were returned meanwhile.
    """
    if draft.request_id is not None:
        return await work.session.get_one(ReturnRequest, draft.request_id)
    wish = wish_of(draft)
    order = await orders.lock(work, draft.order_pk)
    if not wish.explained or wish.remedy is None or fingerprint(draft) != shown:
        raise DraftChanged("What is to be confirmed is not what was shown.")
    free = (await preview(work, order)).known.free
    if any(one.quantity > free.get(one.line_id, 0) for one in wish.lines):
        raise QuantityNotFree("Some of the units were returned meanwhile.")
    exchange = wish.variants if wish.remedy is Remedy.EXCHANGE else {}
    lines = [
        WantedLine(one.quantity, one.reason or Reason.OTHER, one.line_id, None, one.note, exchange.get(one.line_id))
        for one in wish.lines
    ]
    shown_by = {
        key or None: Shown(answers=_told(wish, key), photos=wish.photos.get(key, ()))
        for key in {*wish.answers, *wish.photos}
    }
    wanted = Wanted(wish.remedy, lines, "page", CUSTOMER, email=draft.email, locale=locale, shown=shown_by)
    request, _ = await service.submit(work, order, wanted)
    draft.request_id, draft.updated_at = request.id, work.now
    return request


async def prune(work: Work) -> None:
    """Deletes drafts that nobody touched for a day; a few in one run."""
    old = (
        select(ReturnDraft.id)
        .where(ReturnDraft.updated_at < work.now - KEPT)
        .order_by(ReturnDraft.updated_at)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    await work.session.execute(delete(ReturnDraft).where(ReturnDraft.id.in_(old)))


async def forget(work: Work, order_pk: UUID) -> None:
    """Deletes the drafts of an order."""
    await work.session.execute(delete(ReturnDraft).where(ReturnDraft.order_pk == order_pk))
