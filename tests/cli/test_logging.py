"""Logs: JSON or lines, in UTC, from everybody, without secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from app import links
from app.links import LinkPurpose
from app.logging import configure_logging, redact_text
from app.settings import Settings

LINK = links.sign(
    Settings(secret_key=["a-secret-for-tests-0123456789"]),
    LinkPurpose.REQUEST,
    "0199f5a2-7c1e-7d5a-9c55-0123456789ab",
    datetime(2026, 11, 22, tzinfo=UTC),
    days=400,
)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    said = capsys.readouterr()
    assert said.out == ""
    return [json.loads(line) for line in said.err.splitlines()]


def test_one_json_object_a_line_with_the_time_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    structlog.get_logger("app.refunds").info("refund_sent", refund="0199f5a2", attempt=2)
    [line] = lines(capsys)
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() == timedelta(0)
    assert line == {
        "event": "refund_sent", "refund": "0199f5a2", "attempt": 2, "level": "info", "logger": "app.refunds",
    }  # fmt: skip


def test_lines_for_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", as_json=False)
    structlog.get_logger().warning("job_taken_over", job=7)
    said = capsys.readouterr().err
    assert "job_taken_over" in said
    assert not said.startswith("{")


def test_the_level_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning")
    structlog.get_logger().info("nothing")
    structlog.get_logger().warning("something")
    assert [line["event"] for line in lines(capsys)] == ["something"]


def test_libraries_take_the_same_way_and_are_quiet_below_warning(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug")
    for name in ("uvicorn.error", "procrastinate.worker", "sqlalchemy.engine", "httpx", "alembic.runtime"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("%s is slow", name)
    said = lines(capsys)
    assert [line["event"] for line in said] == [f"{line['logger']} is slow" for line in said]
    assert len(said) == 5


@pytest.mark.parametrize(
    "key",
    ["token", "api_token", "access-token", "Authorization", "client_secret", "password", "x_signature", "email",
     "customer_email", "body", "api_key", "consumer_key"],
)  # fmt: skip
def test_values_of_secret_keys_are_hidden_at_any_depth(capsys: pytest.CaptureFixture[str], key: str) -> None:
    configure_logging("info")
    structlog.get_logger().info("call", **{key: "hush"}, sent={"headers": [{key: "hush"}]}, store="alpha")
    [line] = lines(capsys)
    assert line[key] == "…"
    assert line["sent"] == {"headers": [{key: "…"}]}
    assert line["store"] == "alpha"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("sent Bearer abc.DEF-123=", "sent Bearer …"),
        ("key whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw is wrong", "key … is wrong"),
        ("shpat_0123456789abcdef refused", "… refused"),
        ("?consumer_key=ck_0a1b2c3d4e5f&consumer_secret=cs_9f8e7d6c5b4a", "?consumer_key=…&consumer_secret=…"),
        ("at postgresql://user:hush@db/shop", "at postgresql://…@db/shop"),
        ("no mail to ann.lee+x@example.co.uk today", "no mail to … today"),
        (f"404 at /returns/alpha/r/{LINK}?lang=fr", "404 at /returns/alpha/r/…?lang=fr"),
        (f"GET /supplier/{LINK}", "GET /supplier/…"),
        ("violates ck_deliveries of 2 rows", "violates ck_deliveries of 2 rows"),
        ("GET https://alpha.myshopify.com/admin", "GET https://alpha.myshopify.com/admin"),
    ],
)
def test_secrets_are_hidden_within_texts(said: str, shown: str) -> None:
    assert redact_text(said) == shown


def test_every_signed_link_looks_like_one_for_eighty_years() -> None:
    settings = Settings(secret_key=["a-secret-for-tests-0123456789"])
    for year in range(2026, 2106, 3):
        for subject in ("1", "alpha:#1106", "x" * 80):
            token = links.sign(settings, LinkPurpose.PHOTO, subject, datetime(year, 1, 1, tzinfo=UTC), days=1)
            assert redact_text(token) == "…"


def test_tracebacks_are_there_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    token = "hush-hush"
    try:
        raise ValueError(f"cannot use Bearer {token} for ann@example.com")
    except ValueError:
        structlog.get_logger().exception("broke")
    [line] = lines(capsys)
    assert "ValueError: cannot use Bearer … for …" in line["exception"]
    assert "hush" not in json.dumps(line)


def test_what_libraries_log_is_redacted_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    logging.getLogger("urllib3").warning("retry %s", "https://user:hush@site.example/?consumer_secret=cs_0123456789")
    [line] = lines(capsys)
    assert line["event"] == "retry https://…@site.example/?consumer_secret=…"
