"""Links to a supplier's page: signed, for one case or for all that is open with a supplier, and taken back at will."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app import links
from app.db.work import Work
from app.links import LinkInvalid, LinkPurpose
from app.suppliers.models import SupplierLink

# Long enough for a return from another continent with its credit; every mail brings a new one.
DAYS = 90


@dataclass(frozen=True, slots=True)
class Reach:
    """What a link leads to: one case, or whatever is open with a supplier."""

    case_id: UUID | None = None
    supplier: str | None = None

    @property
    def scope(self) -> str:
        """As links and their table name it. The keys of suppliers have no colon."""
        return f"case:{self.case_id.hex}" if self.case_id else f"supplier:{self.supplier}"


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link to give away, and until when it works."""

    url: str
    expires_at: datetime


async def make(work: Work, reach: Reach, language: str | None = None) -> MadeLink | None:
    """A new link beside those that are out; None while links of that reach are revoked."""
    row = await _row(work, reach)
    if row is not None and row.revoked_at is not None:
        return None
    subject = f"{reach.scope}:{row.serial if row else 0}"
    token = links.sign(work.settings, LinkPurpose.SUPPLIER, subject, work.now, days=DAYS)
    wish = f"?lang={language}" if language else ""
    return MadeLink(links.url(work.settings, f"/supplier/{token}{wish}"), work.now + timedelta(days=DAYS))


async def renew(work: Work, reach: Reach, language: str | None = None) -> MadeLink:
    """As `make`; links of that reach may be made again from now on, those that were revoked stay so."""
    row = await _row(work, reach)
    if row is not None:
        row.revoked_at = None
    found = await make(work, reach, language)
    assert found is not None
    return found


async def revoke(work: Work, reach: Reach) -> None:
    """Every link of that reach stops working now, and none is made until `renew`."""
    first = insert(SupplierLink).values(scope=reach.scope, serial=1, revoked_at=work.now)
    again = {"serial": SupplierLink.serial + 1, "revoked_at": work.now}
    await work.session.execute(first.on_conflict_do_update(index_elements=["scope"], set_=again))


async def read(work: Work, token: str) -> Reach:
    """Where a link leads. Raises `LinkInvalid` for one that was revoked too, or `LinkExpired`."""
    subject = links.read(work.settings, LinkPurpose.SUPPLIER, token, work.now)
    scope, _, serial = subject.rpartition(":")
    kind, _, name = scope.partition(":")
    reach = Reach(case_id=UUID(name)) if kind == "case" else Reach(supplier=name)
    row = await _row(work, reach)
    if int(serial) != (row.serial if row else 0):
        raise LinkInvalid("This link was taken back.")
    return reach


async def _row(work: Work, reach: Reach) -> SupplierLink | None:
    statement = select(SupplierLink).where(SupplierLink.scope == reach.scope)
    return await work.session.scalar(statement.execution_options(populate_existing=True))
