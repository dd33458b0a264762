from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from app.stores.shopify_token import ClientCredentials, StaticToken, TokenRefused, TokenUnavailable
from tests.stores.shopify_shop import OAUTH


class Hands:
    """A monotonic clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def credentials(client: httpx.AsyncClient, hands: Hands) -> ClientCredentials:
    return ClientCredentials(client, OAUTH, "app", "hush", monotonic=hands)


def granted(token: str, life: int | None = 1000) -> httpx.Response:
    return httpx.Response(200, json={"access_token": token, "scope": "write_orders", "expires_in": life})


async def test_a_token_is_asked_for_by_form_and_kept_for_most_of_its_life(respx_mock: respx.Router) -> None:
    route = respx_mock.post(OAUTH).mock(side_effect=[granted("one"), granted("two")])
    hands = Hands()
    async with httpx.AsyncClient() as client:
        tokens = credentials(client, hands)
        assert await asyncio.gather(*(tokens.current() for _ in range(5))) == ["one"] * 5
        hands.now += 799
        assert await tokens.current() == "one"
        hands.now += 1
        assert await tokens.current() == "two"

    assert route.call_count == 2
    assert parse_qs(route.calls[0].request.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["app"],
        "client_secret": ["hush"],
    }


async def test_a_life_that_is_not_told_is_taken_as_short(respx_mock: respx.Router) -> None:
    respx_mock.post(OAUTH).mock(side_effect=[granted("one", None), granted("two")])
    hands = Hands()
    async with httpx.AsyncClient() as client:
        tokens = credentials(client, hands)
        await tokens.current()
        hands.now += 3600
        assert await tokens.current() == "two"


async def test_a_token_that_others_renewed_is_not_renewed_again(respx_mock: respx.Router) -> None:
    route = respx_mock.post(OAUTH).mock(side_effect=[granted("one"), granted("two")])
    async with httpx.AsyncClient() as client:
        tokens = credentials(client, Hands())
        stale = await tokens.current()
        assert set(await asyncio.gather(tokens.renewed(stale), tokens.renewed(stale))) == {"two"}

    assert route.call_count == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_wrong_credentials_are_refused_without_telling_them(respx_mock: respx.Router, status: int) -> None:
    respx_mock.post(OAUTH).mock(return_value=httpx.Response(status, json={"error": "invalid_client"}))
    async with httpx.AsyncClient() as client:
        with pytest.raises(TokenRefused, match="invalid_client") as caught:
            await credentials(client, Hands()).current()

    assert "hush" not in str(caught.value)


async def test_a_refusal_that_is_no_word_is_left_out(respx_mock: respx.Router) -> None:
    respx_mock.post(OAUTH).mock(
        side_effect=[httpx.Response(400, text="<html>hush</html>"), httpx.Response(400, json={"error": "hush it!"})]
    )
    async with httpx.AsyncClient() as client:
        for _ in range(2):
            with pytest.raises(TokenRefused) as caught:
                await credentials(client, Hands()).current()
            assert str(caught.value) == "HTTP 400"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.Response(302),
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"access_token": None}),
    ],
)
async def test_trouble_on_the_way_can_be_tried_again(
    respx_mock: respx.Router, answer: httpx.Response | Exception
) -> None:
    respx_mock.post(OAUTH).mock(side_effect=[answer, granted("one")])
    async with httpx.AsyncClient() as client:
        tokens = credentials(client, Hands())
        with pytest.raises(TokenUnavailable):
            await tokens.current()
        assert await tokens.current() == "one"


async def test_a_static_token_stays_what_it_is() -> None:
    token = StaticToken("shpat_static")

    assert await token.current() == "shpat_static"
    assert await token.renewed("shpat_static") is None
