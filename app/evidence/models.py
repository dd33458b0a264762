"""Photos as stored."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId


class Photo(HasId, Base):
    """One photo; evidence of cases points to it, and one photo may be evidence of several cases of a request.

    `content` is None while it is in the bucket under `bucket_key`, and once it was erased. `thumbnail` is None for
    photos that are older than thumbnails. `sha256` is of the file as it was uploaded, `likeness` the perceptual hash
    and `bands` its four parts for looking it up, each with an index of its own: of a part PostgreSQL knows how many
    photos share it, of an array it only guesses, and then reads every photo rather than the few.

    At `sweep_at` the photo is deleted: unless it became evidence by then, or, after its evidence was erased, from the
    bucket. None: it is kept.
    """

    __tablename__ = "photos"
    __table_args__ = (
        Index("ix_photos_sweep", "sweep_at", postgresql_where=text("sweep_at IS NOT NULL")),
        Index("ix_photos_kept", "created_at", postgresql_where=text("erased_at IS NULL")),
        Index("ix_photos_sha256", "sha256"),
        *(Index(f"ix_photos_band_{place}", text(f"(bands[{place}])")) for place in range(1, 5)),
    )

    content: Mapped[bytes | None] = mapped_column(deferred=True)
    thumbnail: Mapped[bytes | None] = mapped_column(deferred=True)
    bucket_key: Mapped[str | None]
    sha256: Mapped[str]
    likeness: Mapped[int | None] = mapped_column(BigInteger)
    bands: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    width: Mapped[int | None]
    height: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sweep_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]

    def empty(self, now: datetime) -> None:
        """Erases a locked photo that was evidence; its object in the bucket follows with the next sweep."""
        self.content = self.thumbnail = None
        self.likeness, self.bands, self.width, self.height = None, [], None, None
        self.sha256 = f"erased:{self.id}"
        self.erased_at = self.erased_at or now
        self.sweep_at = now if self.bucket_key else None
