"""The sandbox's suppliers: the contract's paths, keys and signatures, their characters, and the events they send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from app.sandbox.delivery import Courier
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.server import LoopbackServer
from app.sandbox.suppliers.bot import SupplierBot
from app.sandbox.suppliers.model import Character, Sending
from tests.sandbox.woo_kit import Receiver

TOKEN, SECRET = "acme-token", "whsec_c2FuZGJveC1zdXBwbGllci1zZWNyZXQ="


@dataclass
class Acme:
    """A supplier, its address, and what its events reached."""

    bot: SupplierBot
    base: str
    callback_url: str
    receiver: Receiver
    courier: Courier

    def request(self, return_id: str = "r-1", **changes: Any) -> dict[str, Any]:
        """What Makegood asks for: two lamps and one shade."""
        return {
            "return_id": return_id,
            "reference": "MG-7K3F9Q",
            "route": "return",
            "store": "alpha",
            "order": {"number": "#1106", "placed_at": "2026-11-02T08:14:05Z"},
            "lines": [
                {"line_id": "11", "sku": "LAMP-01", "title": "Lamp", "quantity": 2, "reason": "defective"},
                {"line_id": "12", "sku": "SHADE-01", "title": "Shade", "quantity": 1, "reason": "defective"},
            ],
            "callback_url": self.callback_url,
            **changes,
        }

    def post(
        self, path: str, body: Any, key: str = "r-1", token: str = TOKEN, secret: str | None = SECRET
    ) -> httpx.Response:
        """A signed call; `secret` None sends no signature."""
        content = json.dumps(body)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        if secret is not None:
            now = datetime.now(UTC)
            headers |= {"webhook-id": f"msg_{key}", "webhook-timestamp": str(int(now.timestamp()))}
            headers["webhook-signature"] = Webhook(secret).sign(f"msg_{key}", now, content)
        return httpx.post(self.base + path, content=content, headers=headers)

    def open(self, **changes: Any) -> httpx.Response:
        """Asks for authorisation."""
        return self.post("/returns", self.request(**changes))

    def poll(self, return_id: str = "r-1") -> Any:
        """What the supplier says when it is asked."""
        return httpx.get(f"{self.base}/returns/{return_id}", headers={"Authorization": f"Bearer {TOKEN}"}).json()

    def events(self) -> list[Any]:
        """Every event that came, verified."""
        self.courier.flush()
        return [Webhook(SECRET).verify(body, headers) for headers, body in self.receiver.got]


@contextmanager
def open_supplier(character: Character = Character.PROMPT) -> Iterator[Acme]:
    receiver = Receiver()
    with Courier() as courier:
        bot = SupplierBot("acme", TOKEN, SECRET, courier=courier, character=character)
        hook = Route("/webhooks/suppliers/acme", receiver.receive, methods=["POST"])
        with LoopbackServer(Starlette(routes=[Mount("/suppliers/acme", routes=bot.routes()), hook])) as url:
            yield Acme(bot, f"{url}/suppliers/acme", f"{url}/webhooks/suppliers/acme", receiver, courier)


@pytest.fixture
def acme() -> Iterator[Acme]:
    with open_supplier() as opened:
        yield opened


def test_a_prompt_supplier_authorises_at_once(acme: Acme) -> None:
    answer = acme.open()
    assert answer.status_code == 201
    assert answer.json()["status"] == "authorized"
    assert answer.json()["rma_number"] == "ACME-7K3F9Q"
    assert set(answer.json()["return_address"]) == {
        *("name", "line1", "line2", "city"),
        *("region", "postal_code", "country"),
    }
    assert acme.poll() == answer.json()
    (call, _) = acme.bot.calls
    assert (call.path, call.idempotency_key, call.signature, call.status) == (
        "/suppliers/acme/returns",
        "r-1",
        "ok",
        201,
    )


def test_the_same_key_gets_the_same_answer_and_another_body_a_conflict(acme: Acme) -> None:
    first = acme.open()
    acme.bot.receive("r-1")
    again = acme.open()
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert acme.open(reference="MG-OTHER1").status_code == 409
    assert len(acme.bot.returns) == 1


def test_only_the_bearer_with_the_right_signature_comes_in(acme: Acme) -> None:
    wrong = "whsec_" + "d3Jvbmcgc2VjcmV0"
    assert acme.post("/returns", acme.request(), token="nobody").status_code == 401
    assert acme.post("/returns", acme.request(), secret=wrong).status_code == 401
    assert acme.post("/returns", acme.request(), secret=None).status_code == 401
    assert [call.signature for call in acme.bot.calls] == ["ok", "wrong", "missing"]
    assert acme.bot.returns == {}
    assert acme.post("/returns", {"return_id": "r-1"}).status_code == 422
    assert acme.post("/returns", acme.request(), key="").status_code == 422


def test_cancelling_withdraws_and_stops_the_supplier(acme: Acme) -> None:
    acme.open()
    assert acme.post("/returns/r-1/cancel", {"return_id": "r-1"}).status_code == 200
    assert acme.poll()["status"] == "refused"
    assert acme.bot.step() == []
    assert acme.post("/returns/none/cancel", {}).status_code == 404


@pytest.mark.parametrize("character", [Character.SLOW, Character.SILENT])
def test_some_say_pending_first(character: Character) -> None:
    with open_supplier(character) as acme:
        answer = acme.open()
        assert (answer.status_code, answer.json()) == (202, {"status": "pending"})
        steps = acme.bot.step()
        assert steps == ([] if character is Character.SILENT else ["return.authorized"])
        assert [event["type"] for event in acme.events()] == steps


def test_a_refusing_supplier_says_why_and_no_more() -> None:
    with open_supplier(Character.REFUSING) as acme:
        assert acme.open().json()["status"] == "refused"
        assert acme.poll()["reason"]
        assert acme.bot.step() == []


def test_a_flaky_supplier_is_busy_twice_for_each_key() -> None:
    with open_supplier(Character.FLAKY) as acme:
        answers = [acme.open() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 503, 201]
    assert answers[0].headers["Retry-After"] == "1"
    assert answers[2].json()["status"] == "authorized"


def test_left_to_itself_a_supplier_plays_to_the_end(acme: Acme) -> None:
    acme.open()
    steps = [acme.bot.step() for _ in range(4)]
    assert steps == [["return.received"], ["return.confirmed"], ["return.credited"], []]
    received, confirmed, credited = (event["data"] for event in acme.events())
    assert received["lines"][0] == {"line_id": "11", "quantity": 2, "condition": "used"}
    assert [line["accepted_quantity"] for line in confirmed["lines"]] == [2, 1]
    assert (confirmed["credit"]["amount"], confirmed["credit"]["currency"]) == ("29.40", "USD")
    assert (credited["credit"]["amount"], credited["return_id"]) == ("29.40", "r-1")
    assert "paid_at" in credited["credit"]
    assert acme.poll()["status"] == "credited"


def test_where_no_goods_move_the_verdict_comes_at_once(acme: Acme) -> None:
    acme.open(route="claim")
    assert acme.bot.step("r-1") == ["return.confirmed"]


def test_a_partial_supplier_accepts_a_unit_less() -> None:
    with open_supplier(Character.PARTIAL) as acme:
        acme.open()
        acme.bot.step()
        acme.bot.step()
        confirmed = acme.events()[-1]["data"]
    assert [line["accepted_quantity"] for line in confirmed["lines"]] == [1, 1]
    assert confirmed["credit"]["amount"] == "19.60"


def test_a_nonsense_supplier_breaks_the_contract_in_every_way() -> None:
    with open_supplier(Character.NONSENSE) as acme:
        answers = [acme.open() for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        with pytest.raises(ValueError, match="Expecting value"):
            answers[0].json()
        assert answers[2].json() == {"status": "perhaps"}
        while acme.bot.step():
            acme.courier.flush()
        events = acme.events()
    assert events[0]["type"] == "return.pondered"
    assert [event["data"]["lines"][0] for event in events[1:3]] == [
        {"line_id": "11", "accepted_quantity": 7},
        {"line_id": "no-such-line", "accepted_quantity": 1},
    ]


def test_by_hand_a_supplier_says_what_it_is_told_to(acme: Acme) -> None:
    acme.open()
    acme.bot.authorize("r-1")
    acme.bot.confirm("r-1", {"11": 1}, credit="5.00")
    acme.bot.reject("r-1", "Not ours")
    acme.bot.refuse("r-1", "Too late")
    acme.bot.credit("r-1", "4.00")
    authorized, confirmed, rejected, refused, credited = acme.events()
    assert authorized["data"]["rma_number"] == "ACME-7K3F9Q"
    assert [line["accepted_quantity"] for line in confirmed["data"]["lines"]] == [1]
    assert (rejected["data"]["reason"], refused["data"]["reason"]) == ("Not ours", "Too late")
    assert credited["data"]["credit"]["amount"] == "4.00"
    with pytest.raises(KeyError):
        acme.bot.authorize("unknown")


def test_events_come_twice_late_out_of_order_or_wrongly_signed(acme: Acme) -> None:
    acme.open()
    acme.bot.receive("r-1", sending=Sending(times=2))
    first, second = acme.events()
    assert first == second
    assert len({headers["webhook-id"] for headers, _ in acme.receiver.got}) == 1
    acme.bot.confirm("r-1", sending=Sending(postpone=True))
    acme.bot.credit("r-1", "1.00", sending=Sending(postpone=True))
    assert acme.poll()["status"] == "credited"
    acme.bot.send_postponed()
    assert [event["type"] for event in acme.events()[2:]] == ["return.credited", "return.confirmed"]
    for sending in (Sending(bad_signature=True), Sending(age=timedelta(minutes=6))):
        acme.bot.receive("r-1", sending=sending)
        acme.courier.flush()
        headers, body = acme.receiver.got.pop()
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body, headers)


def test_faults_on_the_way_leave_the_return_known_or_not(acme: Acme) -> None:
    acme.bot.faults.add("POST /returns", Fault(FaultKind.DROP_BEFORE), Fault(FaultKind.DROP_AFTER))
    for known in (False, True):
        with pytest.raises(httpx.TransportError):
            acme.open()
        assert ("r-1" in acme.bot.returns) is known
    acme.bot.faults.add("GET /returns", Fault(FaultKind.STATUS_BEFORE, status=503))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"{acme.base}/returns/r-1", headers=headers).status_code == 503
    assert acme.open().json()["status"] == "authorized"
    assert [call.status for call in acme.bot.calls] == [None, 201, None, 201]
