"""`makegood doctor`: looks at everything that must be right, and says what to do about what is not.

A finding that is not ok is a fault. One that is ok and has a mend is a warning. No finding shows a secret.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from app.doctor_address import check_address, check_store_clocks
from app.doctor_database import check_database
from app.doctor_mail import check_mail
from app.doctor_outside import check_photos, check_stores
from app.doctor_settings import check_settings, unreadable
from app.doctor_suppliers import check_suppliers
from app.errors import ConfigError
from app.settings import Settings
from app.settings_load import load_settings
from app.stores.base import Finding


def level_of(finding: Finding) -> str:
    """`ok`, `warning` or `fault`."""
    if not finding.ok:
        return "fault"
    return "warning" if finding.mend else "ok"


def code_of(finding: Finding) -> str:
    """The fault's stable name, the same for every store and supplier; "ok" for what is right."""
    if level_of(finding) == "ok":
        return "ok"
    about = finding.subject.rpartition(": ")[2]
    return finding.code or re.sub(r"[^a-z0-9]+", "_", about.casefold()).strip("_")


def examine(progress: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Every check, in the order in which faults should be mended. `progress` is told what is being looked at."""
    try:
        settings = load_settings()
    except ConfigError as error:
        return unreadable(error)
    found = [Finding("configuration", True, "every setting can be read"), *check_settings(settings)]
    progress("database")
    found += check_database(settings)
    return found + asyncio.run(_outside(settings, progress))


async def _outside(settings: Settings, progress: Callable[[str], None]) -> list[Finding]:
    progress("public URL")
    found = await check_address(settings)
    progress("stores")
    found += await check_stores(settings)
    found += await check_store_clocks(settings)
    progress("suppliers")
    found += await check_suppliers(settings)
    progress("photos")
    found += await check_photos(settings)
    progress("mail")
    return [*found, await check_mail(settings)]
