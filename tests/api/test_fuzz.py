"""Every operation, asked for sense and nonsense made from its own documentation, over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import hypothesis
import pytest
import requests
import schemathesis
import uvicorn
from httpx import AsyncClient
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, negative_data_rejection, positive_data_acceptance
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

import app.api
from app.api import TOKEN_GUESSES
from app.cases.models import Case
from app.cases.vocabulary import Ground
from app.db.work import Work
from app.main import create_app
from app.orders.models import Order
from app.outbound import service as outbound
from app.privacy import service as privacy
from app.privacy.models import PrivacyKind
from app.refunds.states import RefundStatus
from app.remedies import service as remedies
from app.runtime import Runtime, build_runtime
from app.settings import Settings
from app.stores.asked import NewOrderLine, PreparedNewOrder
from app.webhooks import inbox
from app.withdrawals import service as withdrawals
from app.withdrawals.service import Declaration
from tests.api.kit import LAMP, V1, FakeStore, FakeStores, case_in, refund_in
from tests.conftest import API_KEY, BASE_SETTINGS
from tests.webhooks.kit import received

EXAMPLES = 4
SENSE, NONSENSE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
EVENTS = {"crm": {"url": "http://127.0.0.1:9", "secret": BASE_SETTINGS["suppliers"]["acme"]["webhook_secret"]}}
TOKEN = {"Authorization": f"Bearer {API_KEY}"}


@dataclass
class Service:
    """A running service, and ids of things that it knows."""

    url: str
    document: dict[str, Any]
    known: dict[str, str]


async def _replacement(work: Work, case_id: UUID) -> str:
    """One lamp to be sent again, in doubt; answers its id."""
    case = await work.session.get_one(Case, case_id)
    order = await work.session.get_one(Order, case.order_pk)
    wish = remedies.Plan(case.id, [NewOrderLine(LAMP, 1, None)], Ground.OPERATOR, {})
    planned = await remedies.plan(work, order, wish)
    await remedies.begin(work, planned, PreparedNewOrder(planned.id, order.order_id, {"sent": "as it was"}))
    remedies.doubt(work, planned, "no answer", timedelta(0))
    remedies.hand_over(planned, "no machine can know")
    return str(planned.id)


async def _fill(runtime: Runtime, url: str) -> dict[str, str]:
    """One case with a refund and a replacement in doubt, a message, a delivery and a withdrawal."""
    async with AsyncClient(base_url=url, headers=TOKEN) as client:
        case = await case_in(client, runtime, "resolving")
        refund = await refund_in(runtime, case, RefundStatus.NEEDS_REVIEW)
        message = (await client.get(f"{V1}/messages")).json()["items"][0]["id"]
    async with runtime.work() as work:
        delivery, _ = await received(runtime, inbox.shopify_arrival("alpha", {"x-shopify-webhook-id": "w"}, b"{}"))
        wish = privacy.Wish("alpha", PrivacyKind.DATA_REQUEST, "operator:root", orders=["1106"])
        asked = await privacy.ask(work, wish)
        told = Declaration("alpha", "page", "form-1", "Ann", "1106", "ann@example.com", "fr", work.now)
        withdrawal = await withdrawals.declare(work, told)
        event = await outbound.test(work, "crm")
        replacement = await _replacement(work, UUID(case["id"]))
    return {
        "replacements": replacement,
        "privacy-requests": str(asked.id if asked else ""),
        "case": case["reference"],
        "order": "1106",
        "store": "alpha",
        "supplier": "acme",
        "receiver": "crm",
        "events": str(event),
        "return-requests": case["request_id"],
        "refunds": refund,
        "messages": message,
        "deliveries": str(delivery),
        "withdrawals": str(withdrawal.id),
        "evidence": str(delivery),
    }


@pytest.fixture
def service(database_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The service on a port of its own, in a thread with a loop of its own."""
    # One of the checks tries wrong tokens at every operation, and must go on being told that they are wrong.
    monkeypatch.setattr(app.api, "TOKEN_GUESSES", replace(TOKEN_GUESSES, most=10**6))
    runtime = build_runtime(Settings(**BASE_SETTINGS, events=EVENTS), database_url, pool_size=4)
    runtime.stores = FakeStores(FakeStore("alpha"), FakeStore("beta"))
    application = create_app(runtime)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="on"))
        known: dict[str, str] = {}
        up = threading.Event()

        async def serve() -> None:
            # The socket listens from here on, so a request waits in its queue until the server takes it.
            listener.listen()
            running = asyncio.create_task(server.serve(sockets=[listener]))
            known.update(await _fill(runtime, url))
            up.set()
            await running

        thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
        thread.start()
        assert up.wait(30)
        yield Service(url, application.openapi(), known)
        server.should_exit = True
        thread.join(30)


def _known_path(service: Service, path: str) -> dict[str, str]:
    """The path's parameters with values that exist."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return {name: service.known[path.split("/")[3] if name == "id" else name] for name in names}


def _ask(service: Service, session: requests.Session, strategy: SearchStrategy[Any]) -> None:
    """Sends a few cases and checks every answer against the document."""

    @given(case=strategy)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        # Rules that join fields (one of two, `other` needs a note) are told in words, not in the schema; and a name
        # in a query that means nothing here is passed over.
        excluded = [positive_data_acceptance, *([negative_data_rejection] if case.method == "GET" else [])]
        case.call_and_validate(base_url=service.url, session=session, headers=TOKEN, excluded_checks=excluded)

    # An operation that takes nothing cannot be asked for nonsense.
    with contextlib.suppress(Unsatisfiable):
        ask()


def test_every_operation_keeps_its_word(service: Service) -> None:
    """Sense or nonsense, for things that exist and things that do not: no 5xx, and only documented answers."""
    load_all_checks()
    schema = schemathesis.openapi.from_dict(service.document)
    failures = []
    with requests.Session() as session:
        for result in schema.get_all_operations():
            assert isinstance(result, Ok)
            operation = result.ok()
            known = _known_path(service, operation.path)
            for mode, path_parameters in ((SENSE, None), (SENSE, known), (NONSENSE, known)):
                strategy = operation.as_strategy(generation_mode=mode, path_parameters=path_parameters or None)
                try:
                    _ask(service, session, strategy)
                except FailureGroup as group:
                    failures += [f"{operation.label}: {one}" for one in group.exceptions]
    assert not failures, "\n\n".join(failures)
