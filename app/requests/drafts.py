"""Requests that customers are filling in, step by step. Nothing of it binds anybody until it is confirmed, once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import undefer

from app.cases.evidence import Shown
from app.cases.photos import Photo
from app.cases.vocabulary import Reason, Remedy
from app.db.base import new_id
from app.db.work import Work
from app.errors import Conflict, NotFound
from app.orders import service as orders
from app.orders.models import Order
from app.policy.question import Present
from app.requests import service
from app.requests.models import DraftPhoto, ReturnDraft, ReturnRequest
from app.requests.preview import Asked, preview
from app.requests.service import Wanted, WantedLine

CUSTOMER = "customer"
# A draft that nobody touched for so long is forgotten.
KEPT = timedelta(days=1)
MOST_PHOTOS = 10
_BATCH = 200


class DraftGone(NotFound):
    """There is no such draft any more: it was pruned, or its order's data was erased."""

    code = "draft_gone"
    title = "This form was left too long ago"


class DraftChanged(Conflict):
    """What is to be confirmed is not what was shown: another tab changed it, or units were returned meanwhile."""

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
    """What was filled in so far. `answers` is by supplier (empty text: nobody), then by item of the policy."""

    lines: tuple[ChosenLine, ...] = ()
    remedy: Remedy | None = None
    answers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def asked(self) -> list[Asked]:
        """The lines whose reason is told."""
        return [Asked(one.line_id, one.quantity, one.reason) for one in self.lines if one.reason is not None]

    @property
    def explained(self) -> bool:
        """Whether something is chosen, and every line has a reason."""
        return bool(self.lines) and all(one.reason is not None for one in self.lines)


_WISH: TypeAdapter[Wish] = TypeAdapter(Wish)


@dataclass(frozen=True, slots=True)
class PhotoName:
    """A photo of a draft without its content."""

    id: UUID
    supplier: str
    sha256: str


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


async def photos(work: Work, draft: ReturnDraft) -> list[PhotoName]:
    """The draft's photos, oldest first."""
    statement = select(DraftPhoto.id, DraftPhoto.supplier, DraftPhoto.sha256).where(DraftPhoto.draft_id == draft.id)
    return [PhotoName(*row) for row in await work.session.execute(statement.order_by(DraftPhoto.id))]


async def photo(work: Work, draft: ReturnDraft, photo_id: UUID) -> bytes | None:
    """The picture of one of the draft's photos, a JPEG."""
    statement = select(DraftPhoto.content).where(DraftPhoto.draft_id == draft.id, DraftPhoto.id == photo_id)
    return await work.session.scalar(statement)


async def add_photos(work: Work, draft: ReturnDraft, supplier: str, added: Sequence[Photo]) -> int:
    """Adds photos to a locked draft, each once and `MOST_PHOTOS` at most; answers how many there are then."""
    count = await work.session.scalar(select(func.count()).where(DraftPhoto.draft_id == draft.id)) or 0
    for one in added[: max(0, MOST_PHOTOS - count)]:
        values = {
            "id": new_id(), "draft_id": draft.id, "supplier": supplier, "sha256": one.digest, "content": one.content,
            "created_at": work.now,
        }  # fmt: skip
        row = insert(DraftPhoto).values(**values).on_conflict_do_nothing().returning(DraftPhoto.id)
        count += (await work.session.execute(row)).scalar_one_or_none() is not None
    draft.updated_at = work.now
    return count


async def drop_photo(work: Work, draft: ReturnDraft, photo_id: UUID) -> None:
    """Takes a photo away; one that is gone already changes nothing."""
    statement = delete(DraftPhoto).where(DraftPhoto.draft_id == draft.id, DraftPhoto.id == photo_id)
    await work.session.execute(statement)


def present(wish: Wish, taken: Sequence[PhotoName]) -> dict[str | None, Present]:
    """How much evidence each supplier's part has."""
    keys = {*wish.answers, *(one.supplier for one in taken)}
    return {
        key or None: Present(
            photos=sum(one.supplier == key for one in taken),
            answers=len([text for text in wish.answers.get(key, {}).values() if text]),
        )
        for key in keys
    }


def fingerprint(draft: ReturnDraft, taken: Sequence[PhotoName]) -> str:
    """Names exactly what a customer was shown, so that nothing else is confirmed."""
    content = [str(draft.id), draft.wish, [str(one.id) for one in taken]]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


async def confirm(work: Work, draft: ReturnDraft, shown: str, locale: str) -> ReturnRequest:
    """Makes a locked draft a return request, once: again it answers the same request. `shown` is its fingerprint.

    Raises `DraftChanged`.
    """
    if draft.request_id is not None:
        return await work.session.get_one(ReturnRequest, draft.request_id)
    wish, taken = wish_of(draft), await photos(work, draft)
    order = await orders.lock(work, draft.order_pk)
    if not wish.explained or wish.remedy is None or fingerprint(draft, taken) != shown:
        raise DraftChanged("What is to be confirmed is not what was shown.")
    free = (await preview(work, order)).known.free
    if any(one.quantity > free.get(one.line_id, 0) for one in wish.lines):
        raise DraftChanged("Some of the units were returned meanwhile.")
    lines = [WantedLine(one.quantity, one.reason or Reason.OTHER, one.line_id, None, one.note) for one in wish.lines]
    wanted = Wanted(
        wish.remedy, lines, "page", CUSTOMER, email=draft.email, locale=locale, shown=await _shown(work, draft, wish)
    )
    request, _ = await service.submit(work, order, wanted)
    await work.session.execute(delete(DraftPhoto).where(DraftPhoto.draft_id == draft.id))
    draft.request_id, draft.updated_at = request.id, work.now
    return request


async def _shown(work: Work, draft: ReturnDraft, wish: Wish) -> dict[str | None, Shown]:
    statement = select(DraftPhoto).where(DraftPhoto.draft_id == draft.id).options(undefer(DraftPhoto.content))
    rows = list(await work.session.scalars(statement.order_by(DraftPhoto.id)))
    found: dict[str | None, Shown] = {}
    for key in {*wish.answers, *(row.supplier for row in rows)}:
        answers = [text for text in wish.answers.get(key, {}).values() if text]
        mine = [Photo(row.content, row.sha256) for row in rows if row.supplier == key]
        found[key or None] = Shown(answers=answers, photos=mine)
    return found


async def prune(work: Work) -> None:
    """Deletes drafts that nobody touched for a day, with their photos; a few in one run."""
    old = (
        select(ReturnDraft.id)
        .where(ReturnDraft.updated_at < work.now - KEPT)
        .order_by(ReturnDraft.updated_at)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    await work.session.execute(delete(ReturnDraft).where(ReturnDraft.id.in_(old)))


async def forget(work: Work, order_pk: UUID) -> None:
    """Deletes the drafts of an order, with their photos."""
    await work.session.execute(delete(ReturnDraft).where(ReturnDraft.order_pk == order_pk))
