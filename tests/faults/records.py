"""What the service has written down about each case, checked against its own invariants."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from app.cases.models import Case, CaseEventRow
from app.cases.service import view_of
from app.cases.states import CaseEvent, replay
from app.cases.view import CaseView, LineView
from app.cases.vocabulary import OPEN, Event, Remedy, Route, State
from app.ledger.models import Account, LedgerEntry
from app.refunds.models import Refund
from app.refunds.states import UNSETTLED, RefundStatus
from app.runtime import Runtime
from app.timers import service as timers


@dataclass
class Records:
    """Everything of a batch, read in a handful of statements."""

    cases: dict[str, Case] = field(default_factory=dict)
    log: dict[UUID, list[CaseEventRow]] = field(default_factory=lambda: defaultdict(list))
    refunds: dict[UUID, list[Refund]] = field(default_factory=lambda: defaultdict(list))
    entries: dict[UUID, list[LedgerEntry]] = field(default_factory=lambda: defaultdict(list))
    timed: set[UUID] = field(default_factory=set)

    @classmethod
    async def read(cls, runtime: Runtime) -> Records:
        """All of it, now."""
        found = cls()
        async with runtime.work() as work:
            found.cases = {str(case.id): case for case in await work.session.scalars(select(Case))}
            for row in await work.session.scalars(select(CaseEventRow).order_by(CaseEventRow.seq)):
                found.log[row.case_id].append(row)
            for refund in await work.session.scalars(select(Refund)):
                found.refunds[refund.case_id].append(refund)
            for entry in await work.session.scalars(select(LedgerEntry)):
                found.entries[entry.case_id].append(entry)
            found.timed = set(await timers.next_due(work, [case.id for case in found.cases.values()]))
        return found

    def complaints(self, case_id: str) -> list[str]:
        """What is wrong with a case that has come to rest, as sentences."""
        case, found = self.cases[case_id], self.contradictions(case_id)
        if case.state in OPEN and not self._is_watched(case):
            found.append(f"case {case.reference} is {case.state} with no timer, no attention and no refund under way")
        return found

    def contradictions(self, case_id: str) -> list[str]:
        """What must not be at any moment."""
        case = self.cases[case_id]
        told = [*self._log(case), *_counters(view_of(case)), *self._ledger(case)]
        return [f"{case.reference}: {text}" for text in told]

    def _is_watched(self, case: Case) -> bool:
        under_way = any(one.next_check_at for one in self.refunds[case.id] if one.status in UNSETTLED)
        return bool(case.attention) or case.id in self.timed or under_way

    def _log(self, case: Case) -> list[str]:
        """Replaying the log from nothing gives the stored case."""
        log = [(CaseEvent(Event(row.type), row.data), State(row.to_state)) for row in self.log[case.id]]
        start = CaseView(
            state=State.REQUESTED,
            lines=tuple(LineView(line.line_id, line.requested) for line in case.lines),
            remedy=Remedy.REFUND,
            requires_rma=case.requires_rma,
            has_supplier=case.supplier is not None,
        )
        return [] if replay(start, log) == view_of(case) else ["its log does not replay to what is stored"]

    def _ledger(self, case: Case) -> list[str]:
        """Every posting adds up to zero, and what counts as paid is in it once."""
        found, sums = [], defaultdict[str, int](int)
        for entry in self.entries[case.id]:
            sums[entry.posting] += entry.amount
        found += [f"the posting {posting} adds up to {total}" for posting, total in sums.items() if total]
        paid = -sum(one.amount for one in self.entries[case.id] if one.account == Account.REFUNDS_PAID)
        proven = sum(one.amount for one in self.refunds[case.id] if one.status == RefundStatus.SUCCEEDED)
        if paid != proven:
            found.append(f"the ledger has {paid} as refunded, and {proven} is proven")
        return found


def _counters(view: CaseView) -> list[str]:
    """Line counters keep their order."""
    found = []
    goods_move = view.route in (Route.RETURN, Route.LOCAL)
    for line in view.lines:
        chain = [line.requested, line.approved, line.shipped, line.received]
        if goods_move:
            chain.append(line.accepted)
        ordered = chain == sorted(chain, reverse=True) and line.accepted <= line.cleared <= line.approved
        if not ordered or min(chain) < 0 or line.refunded > line.approved:
            found.append(f"the counters are out of order: {line}")
    return found
