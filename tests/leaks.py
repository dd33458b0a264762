"""Searches all that the service logs during the tests for secrets and personal data.

Lines are written as production writes them, redaction included, at the level `debug`, and searched after every test.
What real processes say is searched as well.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from pathlib import Path

import structlog

from app.logging import make_handler, quieten, structlog_to_stdlib
from app.sandbox.woocommerce.model import Customer

# Shorter ones would be found in ordinary words.
_SHORTEST = 7
_CUSTOMER = Customer()
_BILLING = json.loads(
    json.loads((Path(__file__).parent / "data/woocommerce/webhook-order.created.json").read_text("utf-8"))["body"]
)["billing"]
PERSONAL = {
    *(_BILLING[name] for name in ("first_name", "last_name", "address_1", "phone", "email")),
    *(_CUSTOMER.first_name, _CUSTOMER.last_name, _CUSTOMER.address, _CUSTOMER.phone, _CUSTOMER.email),
}
LOOKS = {
    "a mail address": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "a bearer or basic credential": re.compile(r"\b(?:Bearer|Basic) [A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE),
    "a supplier's secret": re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]+"),
    "a Shopify token": re.compile(r"\bshp[a-z]{2}_[A-Za-z0-9]+"),
    "a WooCommerce key": re.compile(r"\bc[ks]_(?:test|sandbox|[0-9a-z]*\d[0-9a-z]{7,})\b"),
    "a signed link": re.compile(r"\bA[G-P][A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"),
    "a signature": re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])"),
}
# Programs of the tests' own, which no service runs.
_FOREIGN = ("mail", "hypothesis", "schemathesis", "faker", "filelock", "respx")


class Watch(logging.Handler):
    """Keeps what is logged until it is searched."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.secrets: set[str] = set()
        self._lines: list[str] = []
        self._adding = threading.Lock()
        self.setFormatter(make_handler(as_json=True).formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a line down as it would be written."""
        if record.name.partition(".")[0] not in _FOREIGN:
            self.heard(self.format(record))

    def heard(self, said: str) -> None:
        """Takes down what a process of its own said."""
        with self._adding:
            self._lines += said.splitlines()

    def attach(self) -> None:
        """Has everything logged come here, whatever a test before did to the loggers."""
        root = logging.getLogger()
        if self not in root.handlers:
            root.addHandler(self)
        root.setLevel(logging.DEBUG)
        quieten(logging.WARNING)
        structlog_to_stdlib()

    def detach(self) -> None:
        """Gives the loggers back."""
        logging.getLogger().removeHandler(self)
        structlog.reset_defaults()

    def knows(self, secret: str) -> None:
        """From now on this value must not appear."""
        if len(secret) >= _SHORTEST:
            self.secrets.add(secret)

    def leaks(self) -> list[str]:
        """What must not be in the lines taken down since the last search, each with its line."""
        with self._adding:
            lines, self._lines = self._lines, []
        return [f"{what} in: {line}" for line in lines for what in self._in(line)]

    def _in(self, line: str) -> list[str]:
        known = [f"the secret {value!r}" for value in self.secrets if value in line]
        personal = [f"the personal {value!r}" for value in PERSONAL if value in line]
        return known + personal + [name for name, look in LOOKS.items() if look.search(line)]


WATCH = Watch()
