"""Load: a process of its own that sends signed webhooks over many connections and notes when each is acknowledged.

`python -m tests.benchmarks.load` reads a `Plan` as JSON from stdin and prints a `Result` as JSON.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import asdict, dataclass, field
from random import Random
from typing import IO, Any, cast
from urllib.parse import urlsplit

import uvloop

# Different bodies that are sent in turn; each has its signature made beforehand, so that sending costs next to nothing.
_BODIES = 8
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Plan:
    """What is sent. Without a `rate`, each connection sends as soon as it was answered; with one (requests a second,
    all connections together) at fixed times, and waiting for a connection counts as waiting.
    """

    url: str
    connections: int
    size: int
    seconds: float
    secret: str
    warm_up: float = 0.5
    rate: float | None = None
    path: str = "/webhooks/shopify/alpha"
    domain: str = "alpha.myshopify.com"
    wants_ids: bool = False


@dataclass(frozen=True)
class Result:
    """What came of it. `acknowledged`: answers 200 a second; latencies in seconds; `cpu`: cores that sending took."""

    acknowledged: float
    median: float
    p99: float
    statuses: dict[str, int]
    lost: int
    cpu: float
    ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sender:
    """A process that sends, and the file that it writes its result into: a pipe of which one end is set not to block,
    as event loops do it, holds 64 kB and loses the rest.
    """

    process: subprocess.Popen[str]
    told: IO[str]


def send(plan: Plan) -> Result:
    """Carries out the plan in a process of its own."""
    return result_of(started(plan))


def started(plan: Plan) -> Sender:
    """The sending process, which goes on by itself until its time is over; `result_of` waits for it."""
    told = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `result_of`
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.load"], stdin=subprocess.PIPE, stdout=told, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(plan)))
    process.stdin.close()
    return Sender(process, told)


def result_of(sender: Sender) -> Result:
    """What the process has to say when its time is over."""
    with sender.told:
        if sender.process.wait() != 0:
            raise RuntimeError("the sender of the load ended badly")
        sender.told.seek(0)
        return Result(**json.load(sender.told))


def order_body(size: int, number: int) -> bytes:
    """An order as Shopify sends it, of about `size` bytes: as many lines as fit. Equal numbers give equal bodies."""
    dice = Random(number)
    order: dict[str, Any] = {
        "id": 5_196_695_000_000 + number,
        "admin_graphql_api_id": f"gid://shopify/Order/{5_196_695_000_000 + number}",
        "name": f"#{1000 + number}",
        "email": f"customer-{number}@example.com",
        "created_at": "2026-11-02T09:14:05+01:00",
        "updated_at": "2026-11-20T10:00:00+01:00",
        "cancelled_at": None,
        "currency": "EUR",
        "presentment_currency": "EUR",
        "financial_status": "paid",
        "taxes_included": True,
        "total_price": "0.00",
        "shipping_lines": [],
        "fulfillments": [],
        "refunds": [],
        "line_items": [],
    }
    total = 0
    while len(json.dumps(order)) < size - 200:
        step = max(1, (size - len(json.dumps(order))) // 700)
        for _ in range(step):
            price = dice.randrange(100, 90_000)
            total += price
            order["line_items"].append(_line(dice, price))
        order["total_price"] = f"{total // 100}.{total % 100:02}"
    return json.dumps(order).encode()


def _line(dice: Random, price: int) -> dict[str, Any]:
    text = f"{price // 100}.{price % 100:02}"
    money = {"amount": text, "currency_code": "EUR"}
    return {
        "id": dice.randrange(10**13, 10**14),
        "admin_graphql_api_id": f"gid://shopify/LineItem/{dice.randrange(10**13, 10**14)}",
        "product_id": dice.randrange(10**12, 10**13),
        "variant_id": dice.randrange(10**13, 10**14),
        "sku": f"SKU-{dice.getrandbits(40):X}",
        "title": " ".join(f"{dice.getrandbits(28):x}" for _ in range(4)),
        "vendor": "Acme",
        "quantity": 1,
        "price": text,
        "price_set": {"shop_money": money, "presentment_money": money},
        "total_discount": "0.00",
        "requires_shipping": True,
        "properties": [{"name": "engraving", "value": f"{dice.getrandbits(96):x}"}],
        "tax_lines": [{"title": "VAT", "rate": 0.19, "price": "0.00"}],
    }


class _Sending:
    """All connections of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        bodies = [order_body(plan.size, number) for number in range(_BODIES)]
        self.requests = [(_head(plan, body), body) for body in bodies]
        self.run = uuid.uuid4().hex[:12]
        self.sent = 0
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.lost = 0
        self.ids: list[str] = []
        self.begin = self.end = 0.0

    def next(self) -> tuple[str, bytes, bytes]:
        """A delivery that was never sent before: its id, its head and its body."""
        self.sent += 1
        name = f"{self.run}-{self.sent}"
        head, body = self.requests[self.sent % _BODIES]
        return name, b"%s%s%s" % (head, name.encode(), _HEAD_END), body

    def answered(self, name: str, status: str, since: float, now: float) -> None:
        """Notes one answer; only 200 acknowledges."""
        if status == "200" and self.plan.wants_ids:
            self.ids.append(name)
        if self.begin <= now <= self.end:
            self.statuses[status] += 1
            if status == "200":
                self.latencies.append(now - since)

    async def carry_out(self) -> Result:
        address = urlsplit(self.plan.url)
        loop = asyncio.get_running_loop()
        began = time.perf_counter()
        self.begin = began + self.plan.warm_up
        self.end = self.begin + self.plan.seconds
        cpu = time.process_time()
        tasks = [
            loop.create_task(_keep_sending(self, number, address.hostname or "", address.port or 80))
            for number in range(self.plan.connections)
        ]
        await asyncio.gather(*tasks)
        cpu = (time.process_time() - cpu) / (time.perf_counter() - began)
        found = sorted(self.latencies) or [float("nan")]
        return Result(
            acknowledged=self.statuses["200"] / self.plan.seconds,
            median=found[len(found) // 2],
            p99=found[min(len(found) - 1, len(found) * 99 // 100)],
            statuses=dict(self.statuses),
            lost=self.lost,
            cpu=cpu,
            ids=self.ids,
        )


def _head(plan: Plan, body: bytes) -> bytes:
    """Everything before the delivery's id, which is not signed."""
    signature = base64.b64encode(hmac.new(plan.secret.encode(), body, hashlib.sha256).digest()).decode()
    lines = (
        f"POST {plan.path} HTTP/1.1",
        f"Host: {urlsplit(plan.url).netloc}",
        "User-Agent: Shopify-Captain-Hook",
        "Accept: */*",
        "Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "X-Shopify-API-Version: 2026-10",
        "X-Shopify-Event-Id: 98880550-7158-44d4-b7cd-2c97c8a091b5",
        f"X-Shopify-Hmac-Sha256: {signature}",
        f"X-Shopify-Shop-Domain: {plan.domain}",
        "X-Shopify-Topic: orders/updated",
        "X-Shopify-Triggered-At: 2026-11-20T09:00:00.123456789Z",
        "X-Shopify-Webhook-Id: ",
    )
    return "\r\n".join(lines).encode()


async def _keep_sending(sending: _Sending, number: int, host: str, port: int) -> None:
    """One connection, made anew whenever it is lost, until the time is over."""
    loop = asyncio.get_running_loop()
    while time.perf_counter() < sending.end:
        try:
            _, connection = await loop.create_connection(lambda: _Connection(sending, number), host, port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        await connection.over
        if time.perf_counter() < sending.end:
            await asyncio.sleep(0.02)


class _Connection(asyncio.Protocol):
    """Sends one delivery after the other."""

    def __init__(self, sending: _Sending, number: int) -> None:
        self._sending = sending
        self._loop = asyncio.get_running_loop()
        self._name = ""
        self._received = b""
        self.over: asyncio.Future[None] = self._loop.create_future()
        rate = sending.plan.rate
        self._step = sending.plan.connections / rate if rate else 0.0
        self._due = time.perf_counter() + self._step * number / sending.plan.connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def _next(self) -> None:
        now = time.perf_counter()
        if now >= self._sending.end:
            self._transport.close()
        elif self._due > now:
            self._loop.call_later(self._due - now, self._send)
        else:
            self._send()

    def _send(self) -> None:
        if self._transport.is_closing():
            return
        self._since = self._due if self._step else time.perf_counter()
        self._due += self._step
        self._name, head, body = self._sending.next()
        self._transport.writelines([head, body])

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(_HEAD_END)
        if not end or len(rest) < _length(head):
            return
        status = head[9:12].decode("ascii")
        self._sending.answered(self._name, status, self._since, time.perf_counter())
        self._received, self._name = b"", ""
        if status == "200":
            self._next()
        else:
            self._loop.call_later(0.02, self._next)

    def connection_lost(self, exc: Exception | None) -> None:
        self._sending.lost += bool(self._name)
        self.over.set_result(None)


def _length(head: bytes) -> int:
    lowered = head.lower()
    if b"transfer-encoding" in lowered:
        raise ValueError("an answer in chunks is more than this sender reads")
    _, found, rest = lowered.partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


if __name__ == "__main__":
    json.dump(asdict(uvloop.run(_Sending(Plan(**json.load(sys.stdin))).carry_out())), sys.stdout)
