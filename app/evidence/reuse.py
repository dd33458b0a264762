"""Points out photos that were shown in another request before. A hint for a person; it decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import literal_column, or_, select

from app.cases import service as cases
from app.cases.models import Case, Evidence
from app.db.work import Work
from app.evidence.likeness import NEAR, candidate_bands, distance
from app.evidence.models import Photo

PROBLEM = "photo_reused"
# A picture that is everywhere (a logo, a form) is told of once, not a hundred times.
_MOST_CANDIDATES = 500
_MOST_NAMED = 5


async def point_out(work: Work, case: Case, photos: Sequence[Photo]) -> None:
    """Has a person look at the case when one of its new photos was evidence of another request."""
    named: dict[str, None] = {}
    for photo in photos:
        named |= dict.fromkeys(await shown_before(work, photo, case.request_id))
    if not named:
        return
    listed = ", ".join(list(named)[:_MOST_NAMED]) + (" and others" if len(named) > _MOST_NAMED else "")
    text = f"A photo of this case was shown before, or one that looks the same: see {listed}."
    await cases.add_problem(work, case, PROBLEM, text)


async def shown_before(work: Work, photo: Photo, request_id: UUID) -> list[str]:
    """The references of cases of other requests with the same file or nearly the same picture, oldest first."""
    alike = [Photo.sha256 == photo.sha256]
    if photo.likeness is not None:
        parts = enumerate(candidate_bands(photo.likeness), start=1)
        alike += [Photo.bands[literal_column(str(place))].in_(near) for place, near in parts]
    statement = (
        select(Photo.sha256, Photo.likeness, Case.reference)
        .join(Evidence, Evidence.photo_id == Photo.id)
        .join(Case, Case.id == Evidence.case_id)
        .where(or_(*alike), Photo.id != photo.id, Case.request_id != request_id)
        .order_by(Case.id)
        .limit(_MOST_CANDIDATES)
    )
    rows = (await work.session.execute(statement)).all()
    return list(dict.fromkeys(reference for digest, other, reference in rows if _same(photo, digest, other)))


def _same(photo: Photo, digest: str, likeness: int | None) -> bool:
    if digest == photo.sha256:
        return True
    return photo.likeness is not None and likeness is not None and distance(photo.likeness, likeness) <= NEAR
