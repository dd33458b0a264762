"""The order of the cases that need attention, and the marks at which its pages are cut. Pure.

Most urgent first: the nearest legal date that can still be kept, then the nearest end of a clock, then the oldest case.
The two dates stand in the mark, so that a page goes on where the one before ended, whatever became of its last case.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.cases.models import Case
from app.cases.vocabulary import ENDED, State

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Two dates in microseconds, and an id.
_MARK = struct.Struct(">qq16s")
_NEVER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the list: a case's legal date, the end of its nearest clock (None: no such date), and its id."""

    legal: datetime | None
    due: datetime | None
    id: UUID

    @classmethod
    def of(cls, case: Case) -> Mark:
        """The place of a case."""
        settled = case.state == State.RESOLVED or case.state in ENDED
        return cls(None if settled else case.legal_due_at, case.due_at, case.id)

    @classmethod
    def read(cls, cursor: str) -> Mark:
        """The mark that `written` wrote. Raises `ValueError`."""
        try:
            legal, due, case_id = _MARK.unpack(base64.b64decode(cursor, b"-_", validate=True))
            return cls(_instant(legal), _instant(due), UUID(bytes=case_id))
        except (binascii.Error, struct.error, OverflowError) as error:
            raise ValueError("not a mark") from error

    def written(self) -> str:
        """The mark as a text for URLs."""
        packed = _MARK.pack(_number(self.legal), _number(self.due), self.id.bytes)
        return base64.urlsafe_b64encode(packed).decode()


def _number(at: datetime | None) -> int:
    return _NEVER if at is None else (at - _EPOCH) // _MICROSECOND


def _instant(number: int) -> datetime | None:
    return None if number == _NEVER else _EPOCH + number * _MICROSECOND
