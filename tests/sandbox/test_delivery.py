"""The courier of the sandbox's webhooks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.sandbox.delivery import Courier, NotLoopback
from app.sandbox.server import LoopbackServer


@dataclass
class Receiver:
    status: int = 200
    bodies: list[str] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.bodies.append((await request.body()).decode())
        return Response(status_code=self.status)


@contextmanager
def listening(receiver: Receiver) -> Iterator[tuple[Courier, str]]:
    app = Starlette(routes=[Route("/in", receiver.take, methods=["POST"])])
    with LoopbackServer(app) as url, Courier() as courier:
        yield courier, f"{url}/in"


def post(courier: Courier, url: str, *names: str) -> None:
    for name in names:
        courier.post(url, {"x-topic": name}, name.encode())


def test_posts_in_order_and_keeps_a_log() -> None:
    receiver = Receiver()
    heard: list[int | None] = []
    with listening(receiver) as (courier, url):
        post(courier, url, "a", "b")
        courier.post(url, {}, b"c", heard.append)
        courier.flush()
        assert receiver.bodies == ["a", "b", "c"]
        assert [(item.status, item.accepted) for item in courier.attempts] == [(200, True)] * 3
        assert courier.attempts[0].headers == {"x-topic": "a"}
    assert heard == [200]


def test_refuses_every_host_but_this_machine() -> None:
    with Courier() as courier:
        for url in ("https://hooks.example.com/in", "http://127.0.0.1.example.com/in", "ftp://127.0.0.1/in"):
            with pytest.raises(NotLoopback):
                courier.post(url, {}, b"x")
        assert courier.attempts == []


def test_loses_repeats_and_shuffles_on_demand() -> None:
    receiver = Receiver()
    with listening(receiver) as (courier, url):
        courier.drop_next(1)
        post(courier, url, "lost", "a")
        courier.repeat_next(2)
        post(courier, url, "b", "c")
        courier.flush()
        assert receiver.bodies == ["a", "b", "b", "b", "c"]
        assert [item.body for item in courier.lost] == [b"lost"]

        receiver.bodies.clear()
        courier.hold()
        post(courier, url, "1", "2", "3", "4")
        courier.flush()
        assert receiver.bodies == []
        courier.release(shuffle_seed=7)
        courier.flush()
        assert sorted(receiver.bodies) == ["1", "2", "3", "4"]
        assert receiver.bodies != ["1", "2", "3", "4"]


def test_treats_each_delivery_as_it_is_told() -> None:
    receiver = Receiver()
    with listening(receiver) as (courier, url):
        courier.treatment = lambda delivery: {b"lost": 0, b"twice": 2, b"kept": None}.get(delivery.body, 1)
        post(courier, url, "lost", "kept", "twice", "plain")
        courier.flush()
        assert receiver.bodies == ["twice", "twice", "plain"]
        assert [one.body for one in courier.lost] == [b"lost"]
        courier.release()
        courier.flush()
        assert receiver.bodies[-1] == "kept"


def test_sends_again_what_was_refused_until_the_tries_are_used_up() -> None:
    receiver = Receiver(status=302)
    heard: list[int | None] = []
    with listening(receiver) as (courier, url):
        courier.post(url, {}, b"x", heard.append)
        courier.flush()
        assert courier.retry_failed(most=2) == 1
        courier.flush()
        receiver.status = 500
        assert courier.retry_failed(most=2) == 1
        courier.flush()
        assert courier.retry_failed(most=2) == 0
        assert heard == [302, 302, 500]
        assert receiver.bodies == ["x", "x", "x"]


def test_a_connection_that_fails_has_no_status() -> None:
    heard: list[int | None] = []
    with LoopbackServer(Starlette()) as url:
        gone = f"{url}/in"
    with Courier() as courier:
        courier.post(gone, {}, b"x", heard.append)
        courier.flush()
    assert heard == [None]


def test_flush_says_when_it_takes_too_long() -> None:
    release = threading.Event()

    class Slow(Receiver):
        async def take(self, request: Request) -> Response:
            while not release.is_set():
                await request.is_disconnected()
            return Response()

    with listening(Slow()) as (courier, url):
        post(courier, url, "x")
        with pytest.raises(TimeoutError):
            courier.flush(timeout=0.05)
        release.set()
        courier.flush()


def test_a_courier_that_misbehaves_does_the_same_for_the_same_seed() -> None:
    def arrived(seed: int) -> list[str]:
        receiver = Receiver()
        with listening(receiver) as (courier, url):
            courier.misbehave(seed, lose=0.3, repeat=0.2, where=("/in",))
            post(courier, url, *(str(number) for number in range(40)))
            courier.behave()
            post(courier, url, "last")
            courier.flush()
            assert len(set(receiver.bodies)) == 41 - len(courier.lost)
        return receiver.bodies

    first = arrived(7)
    assert arrived(7) == first != arrived(8)
    assert 20 < len(set(first)) < 37
    assert len(first) > len(set(first))
    assert first[-1] == "last"


def test_a_courier_misbehaves_only_where_it_is_told_to() -> None:
    receiver = Receiver()
    with listening(receiver) as (courier, url):
        courier.misbehave(1, lose=1.0, where=("/elsewhere",))
        post(courier, url, "a")
        courier.flush()
    assert (receiver.bodies, courier.lost) == (["a"], [])
