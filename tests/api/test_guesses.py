"""Guessing tokens: a client that keeps trying wrong ones is not listened to for a while; nobody else notices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr
from sqlalchemy import select

from app.api import GUESSABLE_BELOW, TOKEN_GUESSES
from app.clock import MovableClock
from app.db.guesses import Guess, client_key
from app.main import create_app
from app.runtime import Runtime, build_runtime
from app.settings import Settings
from app.worker import sweep_once
from tests.conftest import API_KEY

WEAK = "open sesame"

HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"


@asynccontextmanager
async def caller(runtime: Runtime, address: str) -> AsyncIterator[AsyncClient]:
    """A client that calls from that address."""
    transport = ASGITransport(app=create_app(runtime), client=(address, 4711))
    async with AsyncClient(transport=transport, base_url="http://makegood.test") as http:
        yield http


async def ask(http: AsyncClient, token: str) -> int:
    return (await http.get("/api/v1/cases", headers={"Authorization": f"Bearer {token}"})).status_code


async def counted(runtime: Runtime) -> dict[str, int]:
    async with runtime.work() as work:
        rows = await work.session.execute(select(Guess.client, Guess.failures))
        return dict(rows.all())


@pytest.fixture(autouse=True)
def weak_token(settings: Settings) -> None:
    """One caller has a token that somebody could think of."""
    settings.api_keys["weak"] = SecretStr(WEAK)
    assert len(WEAK) < GUESSABLE_BELOW <= len(API_KEY)


@pytest.fixture
def clock(runtime: Runtime) -> MovableClock:
    moved = MovableClock()
    runtime.clock = moved
    return moved


async def test_wrong_tokens_are_counted_until_even_the_right_one_waits(runtime: Runtime, clock: MovableClock) -> None:
    async with caller(runtime, HOME) as http:
        assert [await ask(http, f"guess-{number}") for number in range(TOKEN_GUESSES.most)] == [
            401
        ] * TOKEN_GUESSES.most
        refused = await http.get("/api/v1/cases", headers={"Authorization": f"Bearer {WEAK}"})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_guesses")
        assert refused.headers["content-type"] == "application/problem+json"
        assert 0 < int(refused.headers["retry-after"]) <= TOKEN_GUESSES.window.total_seconds()
        assert refused.json()["retry_after"] == int(refused.headers["retry-after"])
        clock.move(timedelta(seconds=int(refused.headers["retry-after"])))
        assert await ask(http, WEAK) == 200
        # A new window has begun: one more wrong token is the first of it.
        assert await ask(http, "guess") == 401
        assert await ask(http, WEAK) == 200
    assert await counted(runtime) == {HOME: 1}


async def test_a_refused_client_writes_nothing_and_harms_nobody_else(runtime: Runtime) -> None:
    async with caller(runtime, HOME) as guesser, caller(runtime, ELSEWHERE) as owner:
        for number in range(TOKEN_GUESSES.most + 5):
            await ask(guesser, f"guess-{number}")
        assert await ask(owner, WEAK) == 200
        assert await ask(guesser, API_KEY) == 200
        assert (await guesser.get("/healthz")).status_code == 200
    assert await counted(runtime) == {HOME: TOKEN_GUESSES.most}


async def test_every_process_counts_together(runtime: Runtime, database_url: str, settings: Settings) -> None:
    other = build_runtime(settings, database_url, pool_size=2)
    async with caller(runtime, HOME) as one, caller(other, HOME) as two:
        for number in range(TOKEN_GUESSES.most // 2):
            assert await ask(one, f"guess-{number}") == 401
            assert await ask(two, f"guess-{number}") == 401
        assert (await ask(one, WEAK), await ask(two, WEAK)) == (429, 429)
    await other.aclose()


async def test_no_token_at_all_is_no_guess(runtime: Runtime) -> None:
    async with caller(runtime, HOME) as http:
        for _ in range(3):
            assert (await http.get("/api/v1/cases")).status_code == 401
        assert await ask(http, WEAK) == 200
    assert await counted(runtime) == {}


async def test_old_counts_are_forgotten(runtime: Runtime, clock: MovableClock) -> None:
    async with caller(runtime, HOME) as http:
        await ask(http, "guess")
    clock.move(timedelta(minutes=61))
    async with caller(runtime, ELSEWHERE) as http:
        await ask(http, "guess")
    await sweep_once(runtime)
    assert await counted(runtime) == {ELSEWHERE: 1}


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        (None, "unknown"),
        ("", "unknown"),
        ("a\x00b" + "c" * 99, "ab" + "c" * 62),
    ],
)
def test_what_counts_as_one_client(host: str | None, key: str) -> None:
    assert client_key(host) == key
