"""The settings of one receiver of events. Errors name the setting and never its value."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from app.outbound.vocabulary import names_nothing
from app.settings_types import EventUrl, SecretList, Strict, TextList

# As Standard Webhooks has it: 24 to 64 random bytes, in base64 behind whsec_.
_SHORTEST, _LONGEST = 24, 64


class ReceiverSettings(Strict):
    """One system of the merchant's own that is told of events."""

    url: EventUrl = Field(description="Where events are posted to, to the letter; its path and query are kept secret.")
    secret: Annotated[SecretList, NoDecode] = Field(
        description="Signs the events: `whsec_` and 24 to 64 bytes in base64, as in Standard Webhooks. "
        "A JSON list rotates: each one signs, so that a receiver may know any of them."
    )
    types: TextList = Field(
        [],
        description='JSON list of event types or groups, such as `["refund", "case.created"]`; unset: all of them.',
    )
    stores: TextList = Field(
        [], description="JSON list of stores whose events it wants; unset: all, and what is about no store."
    )

    @field_validator("secret")
    @classmethod
    def _signs(cls, value: list[SecretStr]) -> list[SecretStr]:
        if not value or not all(_is_key(one.get_secret_value()) for one in value):
            raise ValueError(
                "must be whsec_ followed by 24 to 64 bytes in base64; make one with: python3 -c "
                "'import base64, secrets; print(\"whsec_\" + base64.b64encode(secrets.token_bytes(32)).decode())'"
            )
        return value

    @field_validator("types")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        unknown = names_nothing(value)
        if unknown:
            raise ValueError(f"names no type of event: {', '.join(unknown)}; docs/events.md lists them")
        return value

    @field_validator("stores")
    @classmethod
    def _lower(cls, value: list[str]) -> list[str]:
        return [store.lower() for store in value]

    @property
    def secrets(self) -> list[str]:
        """The secrets that sign, the newest first."""
        return [one.get_secret_value() for one in self.secret]

    @property
    def host(self) -> str:
        """Where events go, without what may be secret: scheme and host."""
        parts = urlsplit(self.url.get_secret_value())
        return f"{parts.scheme}://{parts.netloc}"


def _is_key(secret: str) -> bool:
    if not secret.startswith("whsec_"):
        return False
    text = secret.removeprefix("whsec_").rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return _SHORTEST <= len(key) <= _LONGEST
