"""`Idempotency-Key`: a POST that comes again with the same key and body gets the answer of the first one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse

from app.api import Operator
from app.db import idempotency
from app.db.work import Work
from app.runtime import Runtime


class Once:
    """One request that changes something, with its key if it has one."""

    def __init__(self, caller: str, key: str | None, target: str) -> None:
        self._caller = caller
        self._key = key
        self._target = target

    async def carry_out(
        self,
        runtime: Runtime,
        body: BaseModel,
        action: Callable[[Work], Awaitable[BaseModel]],
        status: int = 200,
    ) -> JSONResponse:
        """Does `action` in one transaction and answers what it tells, or what was told before for this key.

        An action that loses a dead-lock is done anew, so it must do nothing outside the database. Raises
        `IdempotencyKeyReused` when the key came with another request before.
        """

        async def done(work: Work) -> JSONResponse:
            replayed = await self._replay(work, body)
            return replayed or await self._answer(work, await action(work), status)

        return await runtime.carry_out(done)

    async def _replay(self, work: Work, body: BaseModel) -> JSONResponse | None:
        if self._key is None:
            return None
        stored = await idempotency.claim(work, self._caller, self._key, f"{self._target}\n{body.model_dump_json()}")
        if stored is None:
            return None
        return JSONResponse(stored["body"], stored["status"], {"Idempotency-Replayed": "true"})

    async def _answer(self, work: Work, told: BaseModel, status: int) -> JSONResponse:
        body = told.model_dump(mode="json")
        if self._key is not None:
            await idempotency.remember(work, self._caller, self._key, {"status": status, "body": body})
        return JSONResponse(body, status)


def _once(
    request: Request,
    caller: Operator,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="The same key and body again get the first answer again, with `Idempotency-Replayed: true`.",
            pattern=r"^[\x20-\x7e]{1,255}$",
            examples=["return-1106-2026-11-20"],
        ),
    ] = None,
) -> Once:
    return Once(caller, key, f"{request.method} {request.url.path}")


InOnce = Annotated[Once, Depends(_once)]
