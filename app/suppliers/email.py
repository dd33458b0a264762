"""The channel `email`: mails to a supplier, with the link to the page where it answers.

A mail is a message like any other: written in the transaction of what it tells, sent by a job, once for each event.
Each function answers whether the supplier is told by it; where it is not (another channel, no mail server, a dry run, a
revoked link) a person has to speak to the supplier. Without a mail server the mail is kept, to be read and passed on.
"""

from __future__ import annotations

from dataclasses import replace

from app.cases.models import Case
from app.cases.vocabulary import Route, State
from app.db.work import Work
from app.ledger import service as ledger
from app.messages.facts import Ask, MessageKind
from app.messages.render import reader_language
from app.messages.service import Reminder
from app.messages.supplier import SupplierLetter, to_supplier
from app.money import Money
from app.suppliers import links, queries
from app.suppliers.links import Reach

_ASKED: dict[str | None, Ask] = {Route.CLAIM: Ask.CLAIM, Route.RETURNLESS: Ask.CREDIT}


async def ask(work: Work, case: Case) -> bool:
    """Asks the supplier about a case that was just opened with it, or opened again."""
    letter = await _letter(work, case, f"{case.id}:{_opening(case)}")
    if letter is None or letter.answer_url is None:
        return False
    last_day = await queries.answer_due(work, case)
    letter = replace(letter, ask=_asked(case), again=_opening(case) > 1, last_day=last_day)
    await to_supplier(work, case, MessageKind.SUPPLIER_REQUEST, letter)
    return _goes_out(work, case)


async def withdraw(work: Work, case: Case) -> bool:
    """Tells the supplier that the case is over."""
    letter = await _letter(work, case, f"{case.id}:{_opening(case)}")
    if letter is None:
        return False
    await to_supplier(work, case, MessageKind.SUPPLIER_WITHDRAWN, letter)
    return _goes_out(work, case)


async def remind(work: Work, case: Case, reminder: Reminder) -> bool:
    """Reminds the supplier of an answer that it owes."""
    letter = await _reminding(work, case, reminder)
    if letter is None:
        return False
    asked = replace(letter, ask=Ask.VERDICT if case.state == State.INSPECTING else _asked(case))
    await to_supplier(work, case, MessageKind.SUPPLIER_REMINDER, asked)
    return _goes_out(work, case)


async def chase_credit(work: Work, case: Case, reminder: Reminder) -> bool:
    """Reminds the supplier of a credit that it owes."""
    letter = await _reminding(work, case, reminder)
    if letter is None:
        return False
    credit = await ledger.credit_of(work, case.id)
    if credit is not None and credit.amount and credit.currency:
        letter = replace(letter, amount=Money(credit.amount - credit.paid, credit.currency, credit.exponent or 0))
    await to_supplier(work, case, MessageKind.SUPPLIER_CREDIT_DUE, letter)
    return _goes_out(work, case)


async def _letter(work: Work, case: Case, key: str) -> SupplierLetter | None:
    """A letter with the case's link; None where the supplier is not written to."""
    terms = work.settings.suppliers.get(case.supplier or "")
    if terms is None or terms.channel != "email" or not terms.email:
        return None
    made = await links.make(work, Reach(case_id=case.id), reader_language(terms.locale)[0])
    return SupplierLetter(key, recipient=terms.email, locale=terms.locale, answer_url=made.url if made else None)


async def _reminding(work: Work, case: Case, reminder: Reminder) -> SupplierLetter | None:
    """A letter about something that was asked before, with a link to all that is open where that is more."""
    letter = await _letter(work, case, reminder.key)
    if letter is None or letter.answer_url is None or not (case.supplier_call or {}).get("opened"):
        return None
    letter = replace(letter, last_day=reminder.last_day, final=reminder.final)
    count = await queries.count_open(work, case.supplier or "")
    if count < 2:
        return letter
    made = await links.make(work, Reach(supplier=case.supplier), reader_language(letter.locale)[0])
    return replace(letter, all_url=made.url if made else None, open_cases=count)


def _goes_out(work: Work, case: Case) -> bool:
    return work.settings.smtp_url is not None and not work.settings.stores[case.store].dry_run


def _opening(case: Case) -> int:
    return int((case.supplier_call or {}).get("openings", 0))


def _asked(case: Case) -> Ask:
    if case.state == State.CLAIMING:
        return Ask.CLAIM
    return _ASKED.get(case.route) or (Ask.AUTHORISE if case.requires_rma else Ask.EXPECT)
