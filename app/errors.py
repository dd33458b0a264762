"""The one family of errors that Makegood raises on purpose.

An error knows its HTTP status and a stable code, so that it is declared where it arises and turned into
`application/problem+json` (RFC 9457) in one place, `app.main`.
"""

from __future__ import annotations

from typing import Any, ClassVar


class AppError(Exception):
    """Something that Makegood refuses, with a sentence a person can act on."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class NotFound(AppError):
    """There is no such thing, or the caller may not know that there is."""

    status = 404
    code = "not_found"
    title = "Not found"


class Unauthorized(AppError):
    """The caller did not say who they are, or said it wrongly."""

    status = 401
    code = "unauthorized"
    title = "Unauthorized"


class Forbidden(AppError):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"
    title = "Forbidden"


class Conflict(AppError):
    """The thing is not in a state that allows this."""

    status = 409
    code = "conflict"
    title = "Conflict"


class Invalid(AppError):
    """The request can be read but does not make sense."""

    status = 422
    code = "invalid"
    title = "Invalid request"


class Unavailable(AppError):
    """Something Makegood depends on does not answer now; trying again later is right."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"


class ConfigError(AppError):
    """A setting is missing or wrong. The text names the setting and never its value."""

    code = "configuration_error"
    title = "Configuration error"
