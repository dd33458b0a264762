"""The kinds of value that settings have. Errors say what is wrong and never repeat the value."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from app.cases.vocabulary import Reason

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


def is_loopback_host(host: str | None) -> bool:
    """True for this machine's own names and addresses, where plain http is allowed."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost" or (host or "").endswith(".localhost")


def _country(value: object) -> object:
    if not isinstance(value, str) or not _COUNTRY.fullmatch(value):
        raise ValueError("must be a country code of two capital letters")
    return value


def _event_url(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a URL")
    parts = urlsplit(value.strip())
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL that starts with https://")
    if parts.scheme.lower() == "http" and not is_loopback_host(parts.hostname):
        raise ValueError("must be https (plain http is accepted only for this machine itself)")
    if parts.username or parts.password:
        raise ValueError("must not carry a user name or password")
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl()


def _web_url(value: object) -> object:
    return str(_event_url(value)).rstrip("/")


def _text_list(value: object) -> object:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('must be a JSON list such as ["Acme", "Bolt"]') from None
    return value


def _networks(value: object) -> object:
    found = _text_list(value)
    for one in found if isinstance(found, list) else []:
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError:
            raise ValueError('must be addresses or networks such as ["10.0.0.7", "10.1.0.0/16"]') from None
    return found


def _day_table(value: object) -> object:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('must be a JSON object such as {"damaged_in_transit": 3, "lost": 30}') from None
    return value


def _address(value: object) -> object:
    if isinstance(value, str):
        return json.loads(value) if value.lstrip().startswith("{") else {"line1": value}
    return value


def _secret_list(value: object) -> object:
    if isinstance(value, str):
        return json.loads(value) if value.lstrip().startswith("[") else [value]
    return value


Country = Annotated[str, BeforeValidator(_country)]
WebUrl = Annotated[str, BeforeValidator(_web_url)]
# Kept to the letter: a receiver may answer a missing slash with a redirect, which is not followed.
EventUrl = Annotated[SecretStr, BeforeValidator(_event_url)]
TextList = Annotated[list[str], BeforeValidator(_text_list)]
NetworkList = Annotated[list[str], BeforeValidator(_networks)]
Address = Annotated[dict[str, str] | None, BeforeValidator(_address)]
DayTable = Annotated[dict[Reason, Annotated[int, Field(ge=1, le=720)]], BeforeValidator(_day_table)]
SecretList = Annotated[list[SecretStr], BeforeValidator(_secret_list)]


class Strict(BaseModel):
    """A part of the settings: an unknown key is an error, and no error repeats a value."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)


def filled(value: object) -> bool:
    """Whether a setting holds anything but blanks."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return bool(text.strip() if isinstance(text, str) else text)
