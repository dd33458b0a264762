"""The search of the logs finds what it is there to find, and the service's own redaction keeps the rest out."""

from __future__ import annotations

import logging

import httpx
import pytest
import structlog
from pydantic import SecretStr

from app.settings import Settings
from tests.conftest import API_KEY
from tests.leaks import PERSONAL, WATCH

SIGNATURE = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.mark.parametrize("planted", [API_KEY, SIGNATURE, *sorted(value for value in PERSONAL if "@" not in value)])
def test_what_is_planted_in_a_line_is_found(settings: Settings, planted: str) -> None:
    assert API_KEY in {key.get_secret_value() for key in settings.api_keys.values()}
    structlog.get_logger("app.planted").debug("said", text=f"it was {planted}, they say")
    logging.getLogger("planted").warning("it was %s", planted)
    try:
        raise ValueError(planted)
    except ValueError:
        structlog.get_logger().exception("broke")
    assert len(WATCH.leaks()) == 3
    assert WATCH.leaks() == []


@pytest.mark.parametrize(
    "said", ["to ana@example.com", "Bearer abcdef123456", "whsec_c2VjcmV0", "shpat_0123abcd", "ck_sandbox", SIGNATURE]
)
def test_what_a_process_says_is_searched_by_its_look(said: str) -> None:
    WATCH.heard(f"first\n{{'event': '{said}'}}\nlast")
    assert len(WATCH.leaks()) == 1


def test_every_secret_that_is_used_is_known() -> None:
    SecretStr("made-for-this-test-only").get_secret_value()
    structlog.get_logger().info("the value is made-for-this-test-only")
    assert len(WATCH.leaks()) == 1


def test_ordinary_lines_and_redacted_ones_are_let_through(settings: Settings) -> None:
    assert settings.stores["alpha"].webhook_secrets == ["alpha-secret"]
    structlog.get_logger().info("call", api_token=API_KEY, customer_email="ana@example.com", store="alpha")
    logging.getLogger("httpx").warning("GET %s", httpx.URL("https://user:hush@beta.example/orders?page=2"))
    structlog.get_logger().info("refund_sent", refund="0199f5a2-0000-7000-8000-000000000006", sha="e3b0c44298fc1c14")
    assert WATCH.leaks() == []
