"""Rate limits where guessing pays: wrong tries are counted in the database, for every process at once.

Before a try is believed, `refuse_guesser`; after a wrong one, `count_guess`. Right tries write nothing.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Index, case, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.work import Work
from app.errors import AppError

# Rows older than any limit's window mean nothing any more.
LONGEST_WINDOW = timedelta(hours=1)
_LONGEST_CLIENT = 64


class TooManyGuesses(AppError):
    """Too many wrong tries from this address; `retry_after` says in how many seconds another one is looked at."""

    status = 429
    code = "too_many_guesses"
    title = "Too many wrong tries"


@dataclass(frozen=True, slots=True)
class GuessLimit:
    """`most` wrong tries of `what` by one client within `window` (at most an hour), which begins with the first."""

    what: str
    most: int
    window: timedelta


class Guess(Base):
    """The wrong tries of one client since `began_at`."""

    __tablename__ = "guesses"
    __table_args__ = (Index(None, "began_at"),)

    what: Mapped[str] = mapped_column(primary_key=True)
    client: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    began_at: Mapped[datetime]


def client_key(host: str | None) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 address, which one line of a home has whole."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return (host or "unknown").replace("\x00", "")[:_LONGEST_CLIENT]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), 64), strict=False))


async def refuse_guesser(work: Work, limit: GuessLimit, client: str) -> None:
    """Raises `TooManyGuesses` while the client has had its wrong tries. Call it before a right try is let in."""
    row = await work.session.execute(
        select(Guess.failures, Guess.began_at).where(Guess.what == limit.what, Guess.client == client)
    )
    found = row.one_or_none()
    if found is None or found.failures < limit.most:
        return
    left = (found.began_at + limit.window - work.now).total_seconds()
    if left > 0:
        seconds = math.ceil(left)
        raise TooManyGuesses(f"Too many wrong tries from this address; try again in {seconds} s.", retry_after=seconds)


async def count_guess(work: Work, limit: GuessLimit, client: str) -> None:
    """Counts a wrong try. Commit it although the request fails."""
    over = Guess.began_at <= work.now - limit.window
    counted = insert(Guess).values(what=limit.what, client=client, failures=1, began_at=work.now)
    await work.session.execute(
        counted.on_conflict_do_update(
            index_elements=["what", "client"],
            set_={
                "failures": case((over, 1), else_=Guess.failures + 1),
                "began_at": case((over, work.now), else_=Guess.began_at),
            },
        )
    )


async def forget_guesses(work: Work) -> None:
    """Deletes what no window holds any more."""
    await work.session.execute(delete(Guess).where(Guess.began_at < work.now - LONGEST_WINDOW))
