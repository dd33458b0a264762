"""`events`: listed, sent again, and a receiver tested at once."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.receiver import EventReceiver
from app.sandbox.server import LoopbackServer
from tests.cli.conftest import Makegood
from tests.outbound.kit import SECRET


@pytest.fixture
def crm() -> Iterator[tuple[EventReceiver, dict[str, str]]]:
    """A receiver and the settings that name it."""
    receiver = EventReceiver(SECRET)
    with LoopbackServer(Starlette(routes=[Mount("/crm", routes=receiver.routes())])) as url:
        yield receiver, {"MAKEGOOD_EVENTS__CRM__URL": f"{url}/crm/", "MAKEGOOD_EVENTS__CRM__SECRET": SECRET}


def test_a_test_is_sent_at_once_and_listed(
    makegood: Makegood, database_url: str, crm: tuple[EventReceiver, dict[str, str]]
) -> None:
    receiver, told = crm
    settings = {"DATABASE_URL": database_url, **told}
    done = makegood("events", "test", "CRM", **settings)
    assert (done.code, done.out) == (0, "CRM took the test: HTTP 200.\n"), done.err
    assert [one.type for one in receiver.taken] == ["makegood.test"]
    (listed,) = json.loads(makegood("events", "list", "--json", **settings).out)
    assert (listed["id"], listed["sendings"][0]["status"]) == (receiver.taken[0].id, "delivered")
    line = makegood("events", "list", "--type", "makegood.test", "--receiver", "crm", **settings).out
    assert line.rstrip().split("\t")[1:] == ["makegood.test", "-", line.split("\t")[3], "crm delivered (1)"]
    assert makegood("events", "list", "--status", "failed", **settings).out == ""
    (shown,) = json.loads(makegood("events", "receivers", "--json", **settings).out)
    assert (shown["key"], shown["state"]) == ("crm", "ok")


def test_a_receiver_that_does_not_take_a_test_is_told_in_one_sentence(
    makegood: Makegood, database_url: str, crm: tuple[EventReceiver, dict[str, str]]
) -> None:
    receiver, told = crm
    receiver.faults.add("POST", Fault(FaultKind.STATUS_BEFORE, 500, text="out of order"))
    done = makegood("events", "test", "crm", DATABASE_URL=database_url, **told)
    assert (done.code, done.err) == (1, "makegood: crm did not take the test: HTTP 500. out of order\n")
    done = makegood("events", "test", "erp", DATABASE_URL=database_url, **told)
    assert (done.code, done.err) == (1, "makegood: No receiver is configured under the key 'erp'.\n")


def test_events_are_queued_again(
    makegood: Makegood, database_url: str, crm: tuple[EventReceiver, dict[str, str]]
) -> None:
    receiver, told = crm
    settings = {"DATABASE_URL": database_url, **told}
    makegood("events", "test", "crm", **settings)
    done = makegood("events", "replay", receiver.taken[0].id, **settings)
    assert done.code == 0, done.err
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT status, tries FROM outbound_sendings").fetchall() == [("pending", 0)]
        done = makegood("events", "replay", "--since", "2026-11-20", "--until", "2026-11-21", "--failed", **settings)
        assert done.code == 0, done.err
        task = "SELECT args->>'since', args->>'failed_only' FROM procrastinate_jobs"
        assert connection.execute(task).fetchall() == [("2026-11-20T00:00:00+00:00", "true")]
    for arguments in ([], [receiver.taken[0].id, "--since", "2026-11-20"]):
        done = makegood("events", "replay", *arguments, **settings)
        assert done.code == 2
        assert "--since" in done.err
