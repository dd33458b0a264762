"""Many deliveries in one commit: none acknowledged that is not stored, and no trouble of one is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import psycopg
import pytest

import app.webhooks.intake
import app.webhooks.line
from app.webhooks import bulk, inbox
from app.webhooks.intake import Intake, NotStored
from app.webhooks.packing import unpack
from tests.webhooks.kit import PATIENCE, arrival, blocked, outcomes, rows, soon, store, until_waiting
from tests.webhooks.postgres_proxy import proxied


def execute(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(statement)


async def test_what_arrives_together_is_stored_together(
    intake: Intake, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    async def counted(line: Any, batch: Sequence[Any]) -> set[bytes]:
        sizes.append(len(batch))
        return await insert(line, batch)

    insert = bulk.insert
    monkeypatch.setattr(bulk, "insert", counted)
    assert outcomes(await store(intake, *(arrival(number) for number in range(100)))) == ["stored"] * 100
    assert rows(database_url) == {str(number): 0 for number in range(100)}
    assert sum(sizes) == 100
    assert len(sizes) < 10


async def test_a_row_holds_what_was_sent(intake: Intake, database_url: str) -> None:
    headers = {
        "x-shopify-topic": "orders/é\x00",
        "x-shopify-webhook-id": "w",
        "user-agent": "\xff\x00x",
        "cookie": "no",
    }
    now = datetime(2026, 11, 20, 10, 0, 0, 123456, UTC)
    sent = inbox.shopify_arrival("alpha", headers, b"\x00\xff{'")
    await intake.store(replace(sent, event_id="e", delivery_id="d", trace="t"), now)
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT source_kind, source, dedupe_key, topic, webhook_id, event_id, delivery_id, trace, headers, body, "
            "status, attempts, duplicates, received_at FROM deliveries"
        ).fetchone()
    kept = {"x-shopify-topic": "orders/é", "x-shopify-webhook-id": "w", "user-agent": "\xffx"}
    ids = ("w", "orders/é", "w", "e", "d", "t")
    assert found == ("store", "alpha", *ids, kept, b"\x00\xff{'", "pending", 0, 0, now)


async def test_bodies_that_the_socket_cannot_take_at_once_arrive_whole(intake: Intake, database_url: str) -> None:
    bodies = [Random(number).randbytes(inbox.MAX_BODY) for number in range(4)]
    sent = [arrival(number, body=body) for number, body in enumerate(bodies)]
    assert outcomes(await store(intake, *sent)) == ["stored"] * 4
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT body FROM deliveries ORDER BY dedupe_key").fetchall()
    assert [unpack(row[0]) for row in found] == bodies


async def test_a_server_that_is_being_stopped_is_waited_for_once(intake: Intake, database_url: str) -> None:
    """It answers the statement with its word before it hangs up; the delivery goes over the next connection."""
    await store(intake, arrival("before"))
    async with blocked(database_url):
        meanwhile = asyncio.create_task(store(intake, arrival("meanwhile")))
        await until_waiting(database_url)
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s"
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            asked = f"{ended} AND datname = current_database()"
            assert await (await connection.execute(asked, ["makegood intake"])).fetchone() == (2,)
        await until_waiting(database_url)
    assert outcomes(await meanwhile) == ["stored"]
    assert rows(database_url) == {"before": 0, "meanwhile": 0}


async def test_the_same_delivery_twice_in_one_batch_is_one_and_a_repeat(intake: Intake, database_url: str) -> None:
    found = await store(intake, arrival("a"), arrival("b"), arrival("a"), arrival("a"))
    assert outcomes(found) == ["stored"] * 4
    assert rows(database_url) == {"a": 2, "b": 0}
    await store(intake, arrival("c"), arrival("a"), arrival("a"))
    assert rows(database_url) == {"a": 4, "b": 0, "c": 0}


async def test_a_poison_row_fails_alone(intake: Intake, database_url: str) -> None:
    execute(database_url, "ALTER TABLE deliveries ADD CONSTRAINT ck_test CHECK (topic <> 'poison')")
    sent = [arrival(number, "poison" if number in (3, 11) else "orders/updated") for number in range(20)]
    found = outcomes(await store(intake, *sent))
    assert [number for number, outcome in enumerate(found) if outcome == "NotStored"] == [3, 11]
    assert len(rows(database_url)) == 18


async def test_news_do_not_wait_for_whoever_reads_a_repeated_delivery(intake: Intake, database_url: str) -> None:
    await store(intake, arrival("read"))
    async with await psycopg.AsyncConnection.connect(database_url) as reader:
        await reader.execute("SELECT 1 FROM deliveries FOR UPDATE")
        repeat = asyncio.create_task(store(intake, arrival("read")))
        await until_waiting(database_url)
        assert outcomes(await store(intake, arrival("news"))) == ["stored"]
        assert rows(database_url) == {"read": 0, "news": 0}
    assert outcomes(await repeat) == ["stored"]
    await soon(lambda: rows(database_url) == {"read": 1, "news": 0})


async def test_a_full_queue_turns_away_at_once(
    intake: Intake, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.webhooks.intake, "MOST_WAITING", 3)
    monkeypatch.setattr(app.webhooks.intake, "MOST_WAITING_BYTES", 100_000)
    async with blocked(database_url):
        few = asyncio.create_task(store(intake, *(arrival(number) for number in range(3))))
        await until_waiting(database_url)
        (refusal,) = await store(intake, arrival("too many"))
        assert isinstance(refusal, NotStored)
        assert refusal.extra == {"retry_after": 5}
    assert outcomes(await few) == ["stored"] * 3
    # What counts is what the requests hold, however little is kept of it.
    async with blocked(database_url):
        large = asyncio.create_task(store(intake, arrival("large", body=b"x" * 90_000)))
        await until_waiting(database_url)
        assert outcomes(await store(intake, arrival("too large", body=b"x" * 10_100))) == ["NotStored"]
    assert outcomes(await large) == ["stored"]
    # Room again, and what was turned away is not there.
    assert outcomes(await store(intake, arrival("x", body=b"x" * 100_000))) == ["stored"]
    assert rows(database_url).keys() == {"0", "1", "2", "large", "x"}


async def test_a_sender_who_hangs_up_harms_nobody(intake: Intake, database_url: str) -> None:
    async with blocked(database_url):
        one, other = (asyncio.create_task(intake.store(arrival(name), datetime.now(UTC))) for name in ("one", "other"))
        await until_waiting(database_url)
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
    await other
    assert rows(database_url).keys() == {"one", "other"}


async def test_what_was_taken_is_stored_and_answered_before_the_end(database_url: str) -> None:
    intake = Intake(database_url)
    async with blocked(database_url):
        taken = asyncio.create_task(store(intake, *(arrival(number) for number in range(5))))
        await until_waiting(database_url)
        ending = asyncio.create_task(intake.aclose())
        await asyncio.sleep(0)
        assert outcomes(await store(intake, arrival("late"))) == ["NotStored"]
        assert not ending.done()
    assert outcomes(await taken) == ["stored"] * 5
    await ending
    assert len(rows(database_url)) == 5


@pytest.mark.parametrize("limit", ["_LOCK_TIMEOUT_MS", "_STATEMENT_TIMEOUT_MS"])
async def test_what_takes_too_long_is_not_acknowledged(
    database_url: str, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(app.webhooks.line, limit, 100)
    intake = Intake(database_url)
    async with blocked(database_url):
        assert outcomes(await store(intake, arrival("a"), arrival("b"))) == ["NotStored"] * 2
    assert rows(database_url) == {}
    assert outcomes(await store(intake, arrival("a"))) == ["stored"]
    await intake.aclose()


async def test_a_database_that_is_down_is_found_again(database_url: str) -> None:
    async with proxied(database_url) as (proxy, url):
        intake = Intake(url)
        assert outcomes(await store(intake, arrival("before"))) == ["stored"]
        proxy.refuses = True
        proxy.cut()
        assert outcomes(await store(intake, arrival("meanwhile"))) == ["NotStored"]
        assert outcomes(await store(intake, arrival("meanwhile"))) == ["NotStored"]
        proxy.refuses = False
        assert outcomes(await store(intake, arrival("after"))) == ["stored"]
        await intake.aclose()
    assert rows(database_url).keys() == {"before", "after"}


async def test_a_connection_that_died_at_rest_costs_no_delivery(intake: Intake, database_url: str) -> None:
    await store(intake, *(arrival(number) for number in range(3)))
    execute(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert outcomes(await store(intake, arrival("next"))) == ["stored"]
    assert rows(database_url)["next"] == 0


async def test_a_commit_whose_answer_is_lost_is_recognised_on_the_next_connection(database_url: str) -> None:
    async with proxied(database_url) as (proxy, url):
        intake = Intake(url)
        await store(intake, arrival("before"))
        proxy.cuts_answers = True
        assert outcomes(await store(intake, arrival("a"), arrival("a"))) == ["stored"] * 2
        assert not proxy.cuts_answers
        await intake.aclose()
    # Stored by the attempt whose answer was lost, with its repeat; the second attempt is none.
    assert rows(database_url) == {"before": 0, "a": 1}


async def test_a_commit_of_unknown_outcome_is_not_acknowledged(database_url: str) -> None:
    async with proxied(database_url) as (proxy, url):
        intake = Intake(url)
        await store(intake, arrival("before"))
        proxy.refuses = proxy.cuts_answers = True
        assert outcomes(await store(intake, arrival("a"))) == ["NotStored"]
        await soon(lambda: rows(database_url) == {"before": 0, "a": 0})
        proxy.refuses = False
        assert outcomes(await store(intake, arrival("a"))) == ["stored"]
        await intake.aclose()
    assert rows(database_url) == {"before": 0, "a": 1}


async def test_a_database_that_falls_silent_is_given_up_in_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.webhooks.line, "_ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(app.webhooks.line, "_RETRY_SECONDS", 0.1)
    async with proxied(database_url) as (proxy, url):
        intake = Intake(url)
        await store(intake, arrival("before"))
        proxy.is_deaf = True
        assert outcomes(await store(intake, arrival("a"))) == ["NotStored"]
        proxy.is_deaf = False
        assert outcomes(await store(intake, arrival("b"))) == ["stored"]
        await intake.aclose()


async def test_two_processes_that_are_sent_the_same_store_each_once(database_url: str) -> None:
    one, other = Intake(database_url), Intake(database_url)
    names = [str(number) for number in range(60)]
    found = await asyncio.gather(
        store(one, *map(arrival, names)), store(other, *map(arrival, reversed(names))), store(one, *map(arrival, names))
    )
    assert all(outcomes(each) == ["stored"] * 60 for each in found)
    assert rows(database_url) == dict.fromkeys(names, 2)
    await one.aclose()
    await other.aclose()


async def test_readers_are_woken_after_the_commit(intake: Intake, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as reader:
        await reader.execute(f"LISTEN {inbox.CHANNEL}")
        await store(intake, *(arrival(number) for number in range(50)))
        heard = [notice.channel async for notice in reader.notifies(timeout=PATIENCE, stop_after=1)]
        assert heard == [inbox.CHANNEL]
        assert len(rows(database_url)) == 50
