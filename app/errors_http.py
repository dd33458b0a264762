"""Every error as `application/problem+json` (RFC 9457), those of the framework too; on pages, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import InternalError as DatabaseInternalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from app.api import AUTH_ERRORS, errors_of
from app.db.engine import database_is_away
from app.errors import AppError, Invalid, NotFound, Unauthorized, Unavailable
from app.logging import place_of
from app.pages.shell import error_page, is_page, problem_page

PROBLEM_JSON = "application/problem+json"
_MOST_ERRORS = 20
# Seconds after which a database that was restarted or failed over most likely answers again.
_RETRY_SECONDS = 5
log = structlog.get_logger()


class InvalidRequest(Invalid):
    """The request cannot be read or breaks the documented schema; `errors` says where."""

    code = "invalid_request"
    title = "The request is not valid"


class MethodNotAllowed(AppError):
    """The path exists for other methods; the header `Allow` names them."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


class RequestTooLarge(AppError):
    """The body is larger than this path takes."""

    status = 413
    code = "body_too_large"
    title = "The body is too large"


class InternalError(AppError):
    """A fault of Makegood itself; the log has it."""


class DatabaseUnavailable(Unavailable):
    """The database does not answer, or a lock was not free in time."""

    code = "database_unavailable"
    title = "The database does not answer"


def refusals(*kinds: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of an endpoint under /api/v1: its own errors and those that every endpoint has."""
    return errors_of(*AUTH_ERRORS, *kinds, InvalidRequest, InternalError, DatabaseUnavailable)


def answer_to(request: Request, error: AppError) -> Response:
    """The answer for an error: a page where people read, a problem everywhere else."""
    answer = error_page(request, error) if is_page(request.url.path) else problem(error)
    if "retry_after" in error.extra:
        answer.headers["Retry-After"] = str(error.extra["retry_after"])
    return answer


def problem(error: AppError) -> JSONResponse:
    """The answer for an error, for programs."""
    headers = None
    if isinstance(error, Unauthorized):
        headers = {"WWW-Authenticate": "Bearer"}
    elif "retry_after" in error.extra:
        headers = {"Retry-After": str(error.extra["retry_after"])}
    return _answer(error.status, error.code, error.title, error.detail, headers, **error.extra)


def _answer(
    status: int, code: str, title: str, detail: str, headers: Mapping[str, str] | None = None, **extra: Any
) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, **extra}
    return JSONResponse(body, status, headers, PROBLEM_JSON)


def add_error_handlers(app: FastAPI) -> None:
    """Has every error of this application answered as a problem."""
    app.add_exception_handler(AppError, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(ClientDisconnect, _hung_up)
    for kind in (OperationalError, InterfaceError, PoolTimeout, ConnectorException):
        app.add_exception_handler(kind, _database)
    app.add_exception_handler(DatabaseInternalError, _perhaps_a_standby)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(request: Request, error: Exception) -> Response:
    return answer_to(request, error if isinstance(error, AppError) else InternalError("Something went wrong."))


async def _not_valid(request: Request, error: Exception) -> Response:
    """Says where and why. What was sent is never repeated: it may hold secrets."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [
        {
            "location": ".".join(_name(part) for part in one["loc"]),
            "message": str(one["msg"]).removeprefix("Value error, "),
        }
        for one in found[:_MOST_ERRORS]
    ]
    where = "; ".join(f"{one['location']}: {one['message']}" for one in errors[:3])
    return answer_to(request, InvalidRequest(f"The request is not valid. {where}", errors=errors))


def _name(part: object) -> str:
    """A field's name may be the caller's own: as long as they like, and no text that can be sent."""
    return str(part).encode("utf-8", "replace").decode("utf-8")[:60]


async def _framework(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return answer_to(request, InternalError("Something went wrong."))
    known = _known(request, error)
    status = HTTPStatus(error.status_code)
    if known:
        answer = answer_to(request, known)
    elif is_page(request.url.path):
        answer = problem_page(request, status, status.name.lower())
    else:
        answer = _answer(status, status.name.lower(), status.phrase, str(error.detail or status.phrase))
    if error.headers:
        answer.headers.update(error.headers)
    return answer


def _known(request: Request, error: HTTPException) -> AppError | None:
    """Our own word for an error of the framework."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("There is nothing at this path.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed(f"This path does not take {request.method[:20]}.")
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return RequestTooLarge(str(error.detail))
    if error.status_code == HTTPStatus.BAD_REQUEST:
        # The framework answers 400 to a body that it cannot parse; here that is the same mistake as any other.
        return InvalidRequest("The body cannot be read.", errors=[{"location": "body", "message": "cannot be read"}])
    return None


async def _hung_up(request: Request, _error: Exception) -> Response:
    """Nobody is there to read it; but whoever hangs up is no fault of ours that the log should tell."""
    return answer_to(request, InvalidRequest("The body ended before it was complete."))


async def _database(request: Request, error: Exception) -> Response:
    log.warning("database_unavailable", error=type(error).__name__)
    reason = "The database does not answer now; try again in a moment."
    return answer_to(request, DatabaseUnavailable(reason, retry_after=_RETRY_SECONDS))


async def _perhaps_a_standby(request: Request, error: Exception) -> Response:
    """After a fail-over a connection may lead to a server that only reads, until it is made anew."""
    return await (_database if database_is_away(error) else _unexpected)(request, error)


async def _unexpected(request: Request, error: Exception) -> Response:
    """The log gets the kind of error and where it was; its text may hold what a customer wrote."""
    log.error("unexpected_error", error=type(error).__name__, method=request.method, where=place_of(error))
    return answer_to(request, InternalError("Something went wrong here; the log of the service has the details."))
