"""What is told when a transaction has been committed, and not at all when it was undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

_KEY = "told_after_commit"
_Told = list[tuple[Context, Callable[[], None]]]


def after_commit(session: AsyncSession | Session, tell: Callable[[], None]) -> None:
    """Has `tell` called after the commit, with the context variables of now."""
    _told(session).append((copy_context(), tell))


def tell_all(session: AsyncSession | Session) -> None:
    """The transaction was committed."""
    for context, tell in session.info.pop(_KEY, []):
        context.run(tell)


@contextmanager
def unless_undone(session: AsyncSession | Session) -> Iterator[None]:
    """Around a savepoint: what it wanted to tell is forgotten when it raises."""
    before = len(_told(session))
    try:
        yield
    except BaseException:
        del _told(session)[before:]
        raise


def _told(session: AsyncSession | Session) -> _Told:
    told: _Told = session.info.setdefault(_KEY, [])
    return told
