"""One unit of work: a transaction, the settings and the time, handed to services together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Work:
    """Everything a service may use: no adapter, so that nothing is called inside a transaction."""

    session: AsyncSession
    settings: Settings
    now: datetime
