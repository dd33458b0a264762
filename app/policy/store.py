"""Keeps policies and decisions, and reads them again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from app.db.work import Work
from app.policy.decision import Decision
from app.policy.files import PolicyFault, PolicyFile, load, parse
from app.policy.models import DecisionRow, PolicyVersion


@lru_cache(maxsize=100)
def current(named: str) -> PolicyFile:
    """The policy of a store, read once by each process. Raises `PolicyFault`; `check_policies` at the start tells."""
    return load(named)


async def pin(work: Work, store: str) -> PolicyFile:
    """The present policy of a store, kept so that its version can be read for ever."""
    file = current(work.settings.stores[store].policy)
    values = {"version": file.version, "name": file.policy.name, "body": file.body, "first_seen_at": work.now}
    await work.session.execute(insert(PolicyVersion).values(**values).on_conflict_do_nothing())
    return file


async def version(work: Work, named: str) -> PolicyFile | None:
    """The policy of a version; None when it is not kept, or this Makegood cannot read it any more."""
    body = await work.session.scalar(select(PolicyVersion.body).where(PolicyVersion.version == named))
    return None if body is None else _parsed(body, named)


@lru_cache(maxsize=200)
def _parsed(body: str, named: str) -> PolicyFile | None:
    try:
        return parse(body, named)
    except PolicyFault:
        return None


async def keep(work: Work, case_id: UUID, decision: Decision, applied: bool) -> int:
    """Adds a decision to a locked case; answers its number within the case."""
    last = select(func.coalesce(func.max(DecisionRow.seq), 0)).where(DecisionRow.case_id == case_id)
    seq = int(await work.session.scalar(last) or 0) + 1
    row = DecisionRow(
        case_id=case_id,
        seq=seq,
        at=decision.decided_at,
        outcome=decision.outcome,
        applied=applied,
        policy_version=decision.policy_version,
        law_version=decision.law_version,
        data=decision.to_json(),
    )
    work.session.add(row)
    await work.session.flush()
    return seq


Kept = tuple[DecisionRow, PolicyFile | None]


async def latest(work: Work, case_ids: Sequence[UUID]) -> dict[UUID, Kept]:
    """The last decision of each case that has one, with the policy that it was decided by."""
    statement = (
        select(DecisionRow, PolicyVersion.body)
        .join(PolicyVersion, PolicyVersion.version == DecisionRow.policy_version)
        .where(DecisionRow.case_id.in_(case_ids))
        .ext(distinct_on(DecisionRow.case_id))
        .order_by(DecisionRow.case_id, DecisionRow.seq.desc())
    )
    found = (await work.session.execute(statement)).all()
    return {row.case_id: (row, _parsed(body, row.policy_version)) for row, body in found}


async def decisions(work: Work, case_id: UUID, after: int, limit: int) -> list[Kept]:
    """A case's decisions after the number `after`, oldest first, each with its policy."""
    statement = (
        select(DecisionRow, PolicyVersion.body)
        .join(PolicyVersion, PolicyVersion.version == DecisionRow.policy_version)
        .where(DecisionRow.case_id == case_id, DecisionRow.seq > after)
        .order_by(DecisionRow.seq)
        .limit(limit)
    )
    return [(row, _parsed(body, row.policy_version)) for row, body in await work.session.execute(statement)]
