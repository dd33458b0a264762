"""Policies and decisions as stored: what was decided, and every policy that anything was decided by. Only added to."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class PolicyVersion(Base):
    """The text of a policy as it was when a case was first decided by it."""

    __tablename__ = "policy_versions"

    version: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    body: Mapped[str]
    first_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DecisionRow(Base):
    """One decision about a case; `data` is `decision.Decision` as JSON, and holds nothing about a person.

    `applied` says that the machine acted on it; else it is advice to the operator (after a case was opened again).
    """

    __tablename__ = "decisions"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    outcome: Mapped[str]
    applied: Mapped[bool]
    policy_version: Mapped[str] = mapped_column(ForeignKey("policy_versions.version"))
    law_version: Mapped[str | None]
    data: Mapped[dict[str, Any]]
