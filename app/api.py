"""What every endpoint shares: who calls, what an error looks like, money and pages on the wire."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, Generic, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from app.db.guesses import GuessLimit, TooManyGuesses, client_key, count_guess, refuse_guesser
from app.db.work import Work
from app.errors import AppError, Forbidden, Invalid, Unauthorized
from app.money import Money
from app.runtime import Runtime
from app.settings import Settings

T = TypeVar("T")

_HOW_TO_CALL = "Send `Authorization: Bearer <token>` with a token from MAKEGOOD_API_KEYS__<NAME>."
_RANK = {"read": 0, "operate": 1, "admin": 2}
# A caller with an old token in its settings tries again and again; a person mistypes a few times.
TOKEN_GUESSES = GuessLimit("api_token", 60, timedelta(minutes=10))
# A token of so many characters is found by nobody who guesses; a shorter one may be a word.
GUESSABLE_BELOW = 24
_bearer = HTTPBearer(auto_error=False, description="One of the tokens in `MAKEGOOD_API_KEYS__<NAME>`.")


class Problem(BaseModel):
    """An error, as RFC 9457 has it; `code` is stable."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["not_found"])
    detail: str = Field(examples=["There is no case MG-7K3F9QXY."])


def errors_of(*kinds: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of an endpoint that can raise these errors."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        described = f"{kind.title} (`{kind.code}`)"
        if kind.status in found:
            described = f"{found[kind.status]['description']}; {described}"
        found[kind.status] = {
            "description": described,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return found


def runtime_from(request: Request) -> Runtime:
    """The process's runtime."""
    return cast(Runtime, request.app.state.runtime)


InRuntime = Annotated[Runtime, Depends(runtime_from)]


async def work_of(request: Request) -> AsyncIterator[Work]:
    """One transaction for a request that reads; one that changes something uses `Runtime.carry_out`."""
    async with runtime_from(request).work() as work:
        yield work


# With the default scope the commit would come after the answer: a caller could see success and then lose it.
InWork = Annotated[Work, Depends(work_of, scope="function")]


class MissingToken(Unauthorized):
    """No bearer token, or one that is not configured."""

    code = "missing_token"
    title = "A bearer token is needed"


class MissingScope(Forbidden):
    """The token's scope does not reach so far."""

    code = "missing_scope"
    title = "The token may not do this"


def client_of(request: Request) -> str:
    """Whose wrong tries are counted together. Behind a proxy, uvicorn puts the forwarded address here."""
    return client_key(request.client.host if request.client else None)


def _owner(settings: Settings, token: str) -> str | None:
    """The name of the token; None when it is not configured."""
    given, name = token.encode(), None
    for key, secret in settings.api_keys.items():
        # Every key is compared, so that the time taken tells nothing about which one matched.
        if hmac.compare_digest(secret.get_secret_value().encode(), given):
            name = key
    return name


def _caller(scope: str) -> Callable[..., Awaitable[str]]:
    async def check(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> str:
        runtime = runtime_from(request)
        settings, client = runtime.settings, client_of(request)
        if given is None:
            raise MissingToken(_HOW_TO_CALL)
        name = _owner(settings, given.credentials)
        if name is None or len(given.credentials) < GUESSABLE_BELOW:
            # Transactions of their own: the request's own is rolled back when the token is wrong.
            async with runtime.work() as work:
                await refuse_guesser(work, TOKEN_GUESSES, client)
        if name is None:
            async with runtime.work() as work:
                await count_guess(work, TOKEN_GUESSES, client)
            raise MissingToken(_HOW_TO_CALL)
        has = settings.api_key_scopes.get(name, "operate")
        if _RANK[has] < _RANK[scope]:
            raise MissingScope(f"The token {name} has the scope {has}; this needs {scope}.")
        return name

    return check


Reader = Annotated[str, Depends(_caller("read"))]
Operator = Annotated[str, Depends(_caller("operate"))]
Admin = Annotated[str, Depends(_caller("admin"))]
AUTH_ERRORS = (MissingToken, MissingScope, TooManyGuesses)


class MoneyOut(BaseModel):
    """An amount: always a decimal text, never a number."""

    amount: str = Field(examples=["12.50"])
    currency: str = Field(examples=["EUR"])

    @classmethod
    def of(cls, money: Money) -> MoneyOut:
        """The amount on the wire."""
        return cls(amount=money.text, currency=money.currency)


class Page(BaseModel, Generic[T]):
    """One page of a list. `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None = None


class BadCursor(Invalid):
    """The cursor was not made by this list."""

    code = "bad_cursor"
    title = "Not a cursor"


class PageWish(BaseModel):
    """Which page a caller wants: newest first, `limit` items, after the item of `cursor`."""

    limit: int = 50
    cursor: str | None = None

    @property
    def after(self) -> UUID | None:
        """The id of the last item of the page before. Raises `BadCursor`."""
        if self.cursor is None:
            return None
        try:
            return UUID(bytes=base64.urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4)))
        except (ValueError, binascii.Error):
            raise BadCursor("The cursor was not made by this list; start without one.") from None

    def page(self, rows: list[Any], shown: list[T]) -> Page[T]:
        """Cuts the one row too many that tells whether there is a next page. `rows` have an `id`."""
        more = len(rows) > self.limit
        cursor = base64.urlsafe_b64encode(rows[self.limit - 1].id.bytes).decode().rstrip("=") if more else None
        return Page(items=shown[: self.limit], next_cursor=cursor)


def _page_wish(
    limit: Annotated[int, Query(ge=1, le=200, description="Items on a page.")] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=64)] = None,
) -> PageWish:
    return PageWish(limit=limit, cursor=cursor)


Paging = Annotated[PageWish, Depends(_page_wish)]
