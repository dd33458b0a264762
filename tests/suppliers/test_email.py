"""The channel `email`: who is written to, when, how often, and what happens where nobody can be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from app.cases import service as cases
from app.links import LinkInvalid
from app.suppliers import links
from app.suppliers.links import Reach
from tests.e2e.conftest import staged
from tests.e2e.stage import Stage
from tests.suppliers.kit import lamp_case, letters, links_in, mailing, text_of, written_to


def subjects(mailbox: Any) -> list[str]:
    return [str(letter["Subject"]) for letter in letters(mailbox)]


async def notes(stage: Stage, case: dict[str, Any]) -> list[str]:
    rows = await stage.get(f"/cases/{case['id']}/events", limit=200)
    return [row["data"]["text"] for row in rows["items"] if row["type"] == "note_added"]


async def reach(stage: Stage, url: str) -> Reach:
    async with stage.runtime.work() as work:
        return await links.read(work, urlsplit(url).path.rpartition("/")[2])


async def test_a_supplier_is_asked_by_mail_once_with_a_link_to_its_case_alone(database_url: str) -> None:
    async with mailing(database_url) as (stage, mailbox):
        case = await lamp_case(stage)
        assert (case["state"], case["attention"]) == ("authorizing", [])
        [letter] = letters(mailbox)
        text = text_of(letter)
        assert case["reference"] in letter["Subject"]
        assert "please authorise" in letter["Subject"]
        assert "We need your answer by " in text
        assert "Lamp (LAMP-01)" in text
        assert "changed their mind" in text
        [link] = links_in(text)
        assert await reach(stage, link) == Reach(case_id=UUID(case["id"]))
        # Nothing of the customer, no price, no note of theirs.
        for private in ("@example", "EUR", "does not light"):
            assert private not in text.replace("help@alpha.example", "")
        await stage.settle()
        assert len(letters(mailbox)) == 1


async def test_it_is_reminded_and_told_when_the_case_is_withdrawn(database_url: str) -> None:
    async with mailing(database_url) as (stage, mailbox):
        case = await lamp_case(stage)
        await stage.later(days=4)
        assert ["reminder" in one.lower() for one in subjects(mailbox)] == [False, True]
        assert any("reminded by mail" in text for text in await notes(stage, case))
        [reminder] = letters(mailbox)[1:]
        assert len(links_in(text_of(reminder))) == 1
        await stage.act(case, "cancel")
        assert "withdrawn" in subjects(mailbox)[-1]
        assert len(letters(mailbox)) == 3
        await stage.later(days=20)
        assert len(letters(mailbox)) == 3


async def test_a_reminder_leads_to_all_that_is_open_where_that_is_more(database_url: str) -> None:
    async with mailing(database_url) as (stage, mailbox):
        case, other = await lamp_case(stage), await lamp_case(stage)
        assert all(len(links_in(text_of(letter))) == 1 for letter in letters(mailbox))
        await stage.later(days=4)
        [mine] = [text_of(one) for one in letters(mailbox)[2:] if case["reference"] in str(one["Subject"])]
        alone, everything = links_in(mine)
        assert await reach(stage, alone) == Reach(case_id=UUID(case["id"]))
        assert await reach(stage, everything) == Reach(supplier="byhand")
        assert "2 open cases" in mine
        assert other["id"] != case["id"]


@pytest.mark.parametrize(("locale", "words"), [("fr-FR", "autorisation d"), ("he", "בקשה לאישור החזרה")])
async def test_it_is_written_to_in_its_language(database_url: str, locale: str, words: str) -> None:
    async with mailing(database_url, locale=locale) as (stage, mailbox):
        await lamp_case(stage)
        [letter] = letters(mailbox)
        assert words in letter["Subject"]
        [link] = links_in(text_of(letter))
        assert urlsplit(link).query == f"lang={locale[:2]}"
        html = letter.get_body(("html",))
        assert html is not None
        assert f'dir="{"rtl" if locale == "he" else "ltr"}"' in html.get_content()


async def test_a_claim_is_filed_by_the_mail(database_url: str) -> None:
    async with mailing(database_url, claim_window_days=20) as (stage, mailbox):
        case = await lamp_case(stage, "damaged_in_transit")
        assert case["state"] == "claiming"
        assert case["claim"]["filed_at"] is not None
        assert "claim" in subjects(mailbox)[0]


async def test_a_supplier_that_is_asked_again_is_told_so(database_url: str) -> None:
    async with mailing(database_url) as (stage, mailbox):
        case = await lamp_case(stage, "damaged_in_transit")
        case = await stage.act(case, "record-verdict", lines=[{"line_id": case["lines"][0]["line_id"],
                                                               "accepted_quantity": 0}])  # fmt: skip
        await stage.act(case, "appeal")
        first, second = letters(mailbox)
        assert "once more" not in text_of(first)
        assert "once more" in text_of(second)


async def test_a_credit_is_chased_by_mail(database_url: str) -> None:
    async with mailing(database_url) as (stage, mailbox):
        case = await lamp_case(stage)
        line = {"line_id": case["lines"][0]["line_id"], "accepted_quantity": 1}
        expected = stage.clock.now() + timedelta(days=5)
        credit = {"amount": "9.80", "currency": "USD", "expected_at": f"{expected:%Y-%m-%d}"}
        case = await stage.act(case, "record-verdict", lines=[line], credit=credit)
        assert case["state"] == "resolved"
        await stage.later(days=14)
        [due] = [one for one in letters(mailbox) if "credit" in one["Subject"]]
        assert "$9.80" in text_of(due)
        assert (await stage.case(case["id"]))["credit"]["status"] == "overdue"


async def test_without_a_mail_server_mails_are_kept_and_a_person_asks(database_url: str) -> None:
    async with staged(database_url) as stage:
        written_to(stage)
        case = await lamp_case(stage)
        assert case["attention"] == ["supplier_by_hand"]
        kept = (await stage.get("/messages", case=case["id"]))["items"]
        assert {one["status"] for one in kept} == {"stored"}
        assert "supplier_request" in await stage.mails(case["id"])
        await stage.later(days=6)
        kinds = await stage.mails(case["id"])
        reminded = kinds.index("supplier_reminder")
        assert kinds[reminded : reminded + 2] == ["supplier_reminder", "operator_task"]


async def test_a_revoked_link_is_not_sent_again(database_url: str) -> None:
    async with mailing(database_url) as (stage, mailbox):
        case = await lamp_case(stage)
        [link] = links_in(text_of(letters(mailbox)[0]))
        async with stage.runtime.work() as work:
            await cases.lock(work, UUID(case["id"]))
            await links.revoke(work, Reach(case_id=UUID(case["id"])))
        with pytest.raises(LinkInvalid):
            await reach(stage, link)
        await stage.later(days=4)
        assert len(letters(mailbox)) == 1
        assert "operator_task" in await stage.mails(case["id"])
        async with stage.runtime.work() as work:
            fresh = await links.renew(work, Reach(case_id=UUID(case["id"])))
        assert await reach(stage, fresh.url) == Reach(case_id=UUID(case["id"]))
        with pytest.raises(LinkInvalid):
            await reach(stage, link)


async def test_in_a_dry_run_nobody_is_written_to(database_url: str) -> None:
    async with mailing(database_url) as (stage, mailbox):
        for store in stage.runtime.settings.stores.values():
            store.dry_run = True
        case = await lamp_case(stage)
        assert "problem:dry_run" in case["attention"]
        assert letters(mailbox) == []
        assert "supplier_request" not in await stage.mails(case["id"])
