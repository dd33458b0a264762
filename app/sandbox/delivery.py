"""The carrier of the sandbox's webhooks: posts them in order, and loses, repeats, holds or shuffles them on demand."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

import httpx

from app.http import tls_context

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

OnResult = Callable[[int | None], None]
Treatment = Callable[["Delivery"], int | None]
"""How many copies of a delivery are sent (0: it is lost); None keeps it back until `release`."""


class NotLoopback(ValueError):
    """A sandbox never sends to a real host: whatever it says is made up."""


def is_loopback(url: str) -> bool:
    """Whether `url` is an http(s) address on this machine."""
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and parts.hostname in _LOOPBACK


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook as it is sent. `retries` is how often it was sent again after a failure."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    on_result: OnResult | None = None
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver. `status` is the HTTP answer, None when there was none."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it: any 2xx; a redirect is a failure (Shopify and WooCommerce both say so)."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class _Luck:
    """How a courier misbehaves, see there."""

    random: random.Random
    lose: float
    repeat: float
    where: tuple[str, ...]

    def __call__(self, delivery: Delivery) -> int:
        """How often the delivery is sent."""
        if not any(part in delivery.url for part in self.where):
            return 1
        if self.random.random() < self.lose:
            return 0
        return 1 + (self.random.random() < self.repeat)


class Courier:
    """Posts deliveries one after another from a thread of its own. Any thread may use it; `close` it after use."""

    def __init__(self, timeout: float = 5.0, connect_timeout: float = 1.0) -> None:
        """Time-outs in seconds; the defaults are Shopify's (connect within 1 s, answer within 5 s)."""
        self.attempts: list[Attempt] = []
        self.lost: list[Delivery] = []
        self.treatment: Treatment | None = None
        self._timeout = httpx.Timeout(timeout, connect=connect_timeout)
        self._changed = threading.Condition()
        self._waiting: deque[Delivery] = deque()
        self._held: list[Delivery] = []
        self._failed: list[Delivery] = []
        self._holding = self._sending = self._closed = False
        self._to_lose = self._to_repeat = 0
        self._thread = threading.Thread(target=self._run, name="sandbox-courier", daemon=True)
        self._thread.start()

    def post(self, url: str, headers: Mapping[str, str], body: bytes, on_result: OnResult | None = None) -> None:
        """Queues a delivery. `on_result` gets the status of each try, from the courier's thread.

        Raises `NotLoopback` for any host but this machine.
        """
        if not is_loopback(url):
            raise NotLoopback(f"The sandbox delivers to this machine only, not to {urlsplit(url).hostname!r}")
        delivery = Delivery(url, dict(headers), body, on_result)
        with self._changed:
            if self._to_lose:
                self._to_lose -= 1
                self.lost.append(delivery)
                return
            treated = self.treatment(delivery) if self.treatment else 1
            if treated == 0:
                self.lost.append(delivery)
                return
            copies, self._to_repeat = (treated or 1) + self._to_repeat, 0
            (self._held if self._holding or treated is None else self._waiting).extend([delivery] * copies)
            self._changed.notify_all()

    def drop_next(self, count: int = 1) -> None:
        """The next `count` deliveries are lost: never sent, and nobody is told."""
        with self._changed:
            self._to_lose += count

    def repeat_next(self, times: int = 1) -> None:
        """The next delivery arrives `times` more times, unchanged."""
        with self._changed:
            self._to_repeat += times

    def misbehave(self, seed: int, lose: float, repeat: float = 0.0, where: tuple[str, ...] = ("",)) -> None:
        """From now on a delivery whose address contains one of `where` is lost or comes twice with these probabilities.

        What happens to the n-th one depends on the seed alone.
        """
        with self._changed:
            self.treatment = _Luck(random.Random(seed), lose, repeat, where)

    def behave(self) -> None:
        """Ends `misbehave`."""
        with self._changed:
            self.treatment = None

    def hold(self) -> None:
        """Keeps back everything posted from now on, until `release`."""
        with self._changed:
            self._holding = True

    def release(self, shuffle_seed: int | None = None) -> None:
        """Sends what was held: in order, or shuffled the same way for the same seed."""
        with self._changed:
            if shuffle_seed is not None:
                random.Random(shuffle_seed).shuffle(self._held)
            self._waiting.extend(self._held)
            self._held.clear()
            self._holding = False
            self._changed.notify_all()

    def retry_failed(self, most: int = 8) -> int:
        """Sends again what the receiver did not take, unchanged and to the same address, `most` times in all.

        Shopify retries eight times over four hours; here each round is asked for. Answers how many are sent again.
        """
        with self._changed:
            again = [item for item in self._failed if item.retries < most]
            self._failed.clear()
            self._waiting.extend(
                Delivery(item.url, item.headers, item.body, item.on_result, item.retries + 1) for item in again
            )
            self._changed.notify_all()
            return len(again)

    def flush(self, timeout: float = 10.0) -> None:
        """Waits until everything that is not held was tried. Raises `TimeoutError` after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._waiting or self._sending:
                left = deadline - time.monotonic()
                if left <= 0 or self._closed:
                    raise TimeoutError(f"{len(self._waiting)} deliveries still wait to be sent")
                self._changed.wait(left)

    def close(self) -> None:
        """Stops; what still waits is not sent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=10)

    def __enter__(self) -> Courier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        with httpx.Client(
            timeout=self._timeout, follow_redirects=False, trust_env=False, verify=tls_context()
        ) as client:
            while (delivery := self._next()) is not None:
                try:
                    self._send(client, delivery)
                finally:
                    with self._changed:
                        self._sending = False
                        self._changed.notify_all()

    def _next(self) -> Delivery | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            self._sending = True
            return self._waiting.popleft()

    def _send(self, client: httpx.Client, delivery: Delivery) -> None:
        status: int | None = None
        try:
            status = client.post(delivery.url, headers=dict(delivery.headers), content=delivery.body).status_code
        except httpx.HTTPError:
            status = None
        attempt = Attempt(delivery.url, delivery.headers, delivery.body, status)
        with self._changed:
            self.attempts.append(attempt)
            if not attempt.accepted:
                self._failed.append(delivery)
        if delivery.on_result is not None:
            delivery.on_result(status)
