"""Sending to a real HTTP receiver: signed, at least once, retried as planned, in sequence, in nobody's way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from httpx import AsyncClient

import app.outbound.sending
from app.crashpoints import Point, hooked
from app.outbound.plan import JITTER, LONGEST_LIFE, PAUSE_AFTER, WAITS
from app.outbound.sender import Sender
from app.outbound.sending import AT_ONCE, send_due
from app.outbound.service import store_uninstalled
from app.outbound.tasks import keep_sending, sweep
from app.runtime import Runtime, build_runtime
from app.sandbox.faults import Fault, FaultKind, Gate
from app.sandbox.receiver import EventReceiver
from tests.crashes.mortal import Died
from tests.outbound.conftest import with_events
from tests.outbound.kit import NEXT_SECRET, SECRET, Office, ids, two_cases

DOWN = Fault(FaultKind.STATUS_BEFORE, 503)


async def test_an_event_reaches_each_receiver_signed_and_once(office: Office) -> None:
    await office.tell()
    assert await office.send() == 2
    assert await office.send() == 0
    (event,) = office.crm.taken
    assert ids(office.crm) == ids(office.erp) == [row.event_id for row in await office.sendings()]
    assert set(event.headers) == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert event.headers["webhook-id"] == event.body["id"]
    assert (office.crm.refused, office.erp.refused) == (0, 0)
    (row,) = await office.sendings()
    assert (row.status, row.next_try_at, row.claimed_at) == ("delivered", None, None)
    (attempt,) = await office.attempts()
    assert (attempt.number, attempt.http_status, attempt.body) == (1, 200, "taken")


async def test_what_is_rolled_back_is_told_to_nobody(office: Office) -> None:
    async def fail() -> None:
        async with office.runtime.work() as work:
            await store_uninstalled(work, "alpha", work.now)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await office.send() == 0
    assert office.crm.taken == office.erp.taken == []


async def test_an_event_that_is_never_taken_is_tried_ten_times_in_three_days_and_given_up(office: Office) -> None:
    office.crm.faults.stand("POST", DOWN)
    await office.tell()
    begun = office.clock.now()
    await office.send()
    waits = []
    while (row := (await office.sendings())[0]).next_try_at is not None:
        waits.append(row.next_try_at - (await office.attempts())[-1].started_at)
        # Nothing before it is due; then one call more.
        office.clock.move(row.next_try_at - office.clock.now() - timedelta(seconds=1))
        assert await office.send() == 0
        assert await office.later(seconds=2) == 1
    assert len(await office.attempts()) == len(WAITS) + 1 == 10
    for wait, planned in zip(waits, WAITS, strict=True):
        # A second or so is between taking an event and noting its answer.
        assert planned * (1 - JITTER) <= wait <= planned * (1 + JITTER) + timedelta(seconds=5)
    assert len({wait / planned for wait, planned in zip(waits, WAITS, strict=True)}) > 1
    assert timedelta(days=2, hours=12) < office.clock.now() - begun < LONGEST_LIFE
    assert (row.status, office.crm.taken) == ("failed", [])
    assert [one.http_status for one in await office.attempts()] == [503] * 10
    assert len(office.erp.taken) == 1


async def test_retry_after_is_honoured(office: Office) -> None:
    office.crm.faults.add("POST", Fault(FaultKind.THROTTLE, seconds=3600))
    await office.tell()
    await office.send()
    assert await office.later(minutes=59) == 0
    assert await office.later(minutes=2) == 1
    assert len(office.crm.taken) == 1


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        (Fault(FaultKind.REDIRECT), 301, None),
        (Fault(FaultKind.DROP_BEFORE), None, "no answer: RemoteProtocolError"),
        (Fault(FaultKind.STATUS_BEFORE, 500, text="bad\x00\x1b[31m\nthing " + "x" * 2000), 500, None),
    ],
)
async def test_what_went_wrong_is_kept_cut_and_clean(
    office: Office, fault: Fault, status: int | None, error: str | None
) -> None:
    office.crm.faults.add("POST", fault)
    await office.tell()
    await office.send()
    (attempt,) = await office.attempts()
    assert (attempt.http_status, attempt.error) == (status, error)
    assert attempt.body is None or (attempt.body.isprintable() and len(attempt.body) <= 1024)
    assert (await office.sendings())[0].status == "pending"
    await office.later(seconds=10)
    assert len(office.crm.taken) == 1
    assert len(office.erp.taken) == 1


@pytest.mark.parametrize(("point", "before"), [(Point.EVENT_TAKEN, 0), (Point.EVENT_SENT, 1)])
async def test_a_death_before_the_answer_is_noted_sends_it_again_under_the_same_id(
    office: Office, point: Point, before: int
) -> None:
    del office.runtime.settings.events["erp"]
    await office.tell()

    def die(here: Point) -> None:
        if here is point:
            raise Died

    with hooked(die), pytest.raises(Died):
        await office.send()
    assert len(office.crm.taken) == before
    assert await office.later(seconds=50) == 0
    assert await office.later(seconds=11) == 1
    (event,) = [row.event_id for row in await office.sendings()]
    assert ids(office.crm) == [event] * (before + 1)
    lost, noted = await office.attempts()
    assert (lost.finished_at, lost.number, noted.number, noted.http_status) == (None, 1, 2, 200)
    assert [row.status for row in await office.sendings()] == ["delivered"]


async def test_two_workers_send_each_event_once(office: Office, receivers: tuple[str, EventReceiver, object]) -> None:
    for _ in range(3 * AT_ONCE):
        await office.tell()
    other = build_runtime(with_events(receivers[0]), office.runtime.database.url, pool_size=4)

    async def work(runtime: Runtime) -> None:
        async with Sender() as sender:
            sent = 1
            while sent:
                sent = await send_due(runtime, sender, "crm")

    await asyncio.gather(work(office.runtime), work(other), work(office.runtime), work(other))
    await other.aclose()
    assert sorted(ids(office.crm)) == sorted(row.event_id for row in await office.sendings())
    assert len(office.crm.taken) == 3 * AT_ONCE


async def test_after_a_day_down_everything_comes_in_sequence_and_the_dead_are_left_in_peace(
    office: Office, http: AsyncClient
) -> None:
    office.crm.faults.stand("POST", DOWN)
    await two_cases(http, office.runtime)
    for _ in range(4):
        await office.tell()
    for _ in range(24):
        await office.later(hours=1)
    sick = await office.health()
    assert sick.failing_since is not None
    assert sick.failures >= 10
    assert (await http.get("/api/v1/events/receivers")).json()["items"][0]["state"] == "failing"
    # Ten tries each would be more; one at a time is tried, and five minutes are left between them.
    assert len(await office.attempts()) <= 24 * 2 + AT_ONCE
    office.crm.faults.clear()
    await office.later(hours=1)
    assert {row.status for row in await office.sendings()} == {"delivered"}
    assert len(set(ids(office.crm))) == len(office.crm.taken) == len(office.erp.taken)
    for case in {one.body["data"]["case"]["id"] for one in office.crm.taken if "case" in one.body["data"]}:
        came = [one.body["sequence"] for one in office.crm.taken if one.body["data"].get("case", {}).get("id") == case]
        assert came == sorted(came)
        assert len(came) > 1
    well = await office.health()
    assert (well.failures, well.failing_since, well.last_error) == (0, None, None)


async def test_an_event_waits_for_the_earlier_ones_of_its_case_and_of_no_other(
    office: Office, http: AsyncClient
) -> None:
    office.crm.faults.add("POST", *[DOWN] * 4, about="case.created")
    first, second = await two_cases(http, office.runtime)
    office.crm.faults.clear()
    office.crm.faults.add("POST", *[DOWN] * 4, about="case.created")
    await office.send()
    assert office.crm.taken == []
    assert [one.type for one in office.erp.taken].count("case.created") == 2
    await office.later(seconds=6)
    await office.later(minutes=6)
    cases = [one.body["data"]["case"]["id"] for one in office.crm.taken]
    assert set(cases) == {first["id"], second["id"]}
    for case in (first, second):
        of_case = [one for one in office.crm.taken if one.body["data"]["case"]["id"] == case["id"]]
        assert [one.type for one in of_case][:2] == ["case.created", "case.state_changed"]


# The waits come to 35 minutes and a tenth of it more or less; the receiver, tried with one event at a time, has pauses
# besides.
@pytest.mark.parametrize(("chance", "minutes"), [(0.0, 37), (0.5, 40), (1.0, 44)])
async def test_an_event_that_is_never_taken_holds_its_case_for_half_an_hour_only(
    office: Office, http: AsyncClient, monkeypatch: pytest.MonkeyPatch, chance: float, minutes: int
) -> None:
    monkeypatch.setattr(app.outbound.sending, "random", SimpleNamespace(random=lambda: chance))
    office.crm.faults.stand("POST", Fault(FaultKind.STATUS_BEFORE, 422), about="case.created")
    await two_cases(http, office.runtime)
    for _ in range(25):
        await office.later(minutes=1)
        assert office.crm.taken == []
    for _ in range(minutes - 25):
        await office.later(minutes=1)
    assert {one.type for one in office.crm.taken} >= {"case.state_changed"}
    assert "case.created" not in {one.type for one in office.crm.taken}


async def test_410_disables_a_receiver_until_somebody_tests_it(office: Office, http: AsyncClient) -> None:
    office.crm.faults.stand("POST", Fault(FaultKind.STATUS_BEFORE, 410))
    await office.tell()
    await office.send()
    office.crm.faults.clear()
    await office.tell()
    assert await office.later(days=1) == 1
    assert office.crm.taken == []
    listed = (await http.get("/api/v1/events/receivers")).json()["items"]
    assert [(one["key"], one["state"], one["waiting"]) for one in listed] == [("crm", "disabled", 1), ("erp", "ok", 0)]
    asked = await http.post("/api/v1/events/receivers/CRM/test")
    assert asked.status_code == 202, asked.text
    await office.send()
    # Both are due and about no case: they are sent side by side.
    assert sorted(one.type for one in office.crm.taken) == ["makegood.test", "store.uninstalled"]
    assert [row.status for row in await office.sendings()] == ["failed", "delivered", "delivered"]
    assert "makegood.test" not in {one.type for one in office.erp.taken}


async def test_a_test_is_sent_before_everything_that_waits(office: Office, http: AsyncClient) -> None:
    """One event at a time is tried on a receiver that was down, and a person waits for the test."""
    office.crm.faults.stand("POST", DOWN)
    for _ in range(AT_ONCE):
        await office.tell()
    for _ in range(3):
        await office.later(hours=1)
    assert (await office.health()).failures >= PAUSE_AFTER
    office.crm.faults.clear()
    office.clock.move(timedelta(hours=1))
    assert (await http.post("/api/v1/events/receivers/crm/test")).status_code == 202
    async with Sender() as sender:
        assert await send_due(office.runtime, sender, "crm") == 1
    assert [one.type for one in office.crm.taken] == ["makegood.test"]
    await office.send()
    assert [one.type for one in office.crm.taken[1:]] == ["store.uninstalled"] * AT_ONCE


async def test_a_rotated_secret_is_right_with_either_key(
    office: Office, receivers: tuple[str, EventReceiver, object]
) -> None:
    url, crm, _ = receivers
    office.runtime.settings.events["crm"] = with_events(url, secret=[NEXT_SECRET, SECRET]).events["crm"]
    for secret in (SECRET, NEXT_SECRET):
        crm.rotate(secret)
        await office.tell()
        await office.send()
    assert (len(crm.taken), crm.refused) == (2, 0)
    assert len(crm.taken[0].headers["webhook-signature"].split(" ")) == 2
    crm.rotate("whsec_" + "A" * 32)
    await office.tell()
    await office.send()
    assert crm.refused == 1
    assert [one.http_status for one in await office.attempts()] == [200, 200, 401]


async def test_a_receiver_that_hangs_holds_up_nobody_else(office: Office) -> None:
    gate = Gate()
    office.crm.faults.stand("POST", Fault(FaultKind.SLOW_BEFORE, gate=gate))
    await office.tell()
    sending = asyncio.create_task(keep_sending(office.runtime))
    await gate.reached()
    # The call stands and no transaction is open meanwhile: others work on the same rows.
    await office.tell()
    await sweep(office.runtime)
    async with asyncio.timeout(20):
        while len(office.erp.taken) < 2:  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.05)
    assert office.crm.taken == []
    gate.open()
    async with asyncio.timeout(20):
        while len(office.crm.taken) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_what_waited_too_long_is_given_up_and_what_is_old_is_deleted(office: Office) -> None:
    office.crm.faults.stand("POST", DOWN)
    await office.tell()
    await office.send()
    office.clock.move(LONGEST_LIFE)
    await sweep(office.runtime)
    assert [row.status for row in await office.sendings()] == ["failed"]
    office.clock.move(timedelta(days=office.runtime.settings.retention_event_days))
    await sweep(office.runtime)
    assert (await office.sendings(), await office.attempts()) == ([], [])
