"""Loads the settings, and turns every mistake into one sentence that names the right key."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from app.errors import ConfigError
from app.policy.files import PolicyFault, load
from app.settings import Settings
from app.settings_events import ReceiverSettings
from app.settings_store import StoreSettings
from app.settings_supplier import SupplierSettings

PREFIX = "MAKEGOOD_"
_KEYED: dict[str, type[BaseModel] | None] = {
    "stores": StoreSettings,
    "suppliers": SupplierSettings,
    "events": ReceiverSettings,
    "api_keys": None,
    "api_key_scopes": None,
}

# What is read as JSON before our own words for a mistake would be heard.
_LISTS = ("__VENDORS", "__SKU_PREFIXES", "__TYPES", "__STORES")


class WrongSettings(ConfigError):
    """Settings that cannot be used; `mistakes` has one sentence for each."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(" ".join(self.mistakes))


def config_file_path() -> Path | None:
    """The TOML file named by MAKEGOOD_CONFIG_FILE. Raises `ConfigError` when it is not there."""
    named = os.environ.get(f"{PREFIX}CONFIG_FILE") or dotenv_values(".env").get(f"{PREFIX}CONFIG_FILE")
    if not named:
        return None
    path = Path(named)
    if not path.is_file():
        raise ConfigError(f"{PREFIX}CONFIG_FILE names {named}, and there is no such file.")
    return path


def load_settings(**overrides: Any) -> Settings:
    """Reads environment, `.env` and TOML. Raises `WrongSettings` with one sentence for each mistake."""
    environment = _environment()
    mistakes = [*_unknown_variables(environment), *_bad_lists(environment), *_unknown_in_file()]
    if mistakes:
        raise WrongSettings(mistakes)
    if "database_url" not in overrides and (url := environment.get("DATABASE_URL")):
        overrides["database_url"] = environment.get(f"{PREFIX}DATABASE_URL") or url
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise WrongSettings(_sentence(item) for item in error.errors(include_input=False)) from None
    except (SettingsError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{str(error).splitlines()[0]}.") from None


def require_for_service(settings: Settings) -> None:
    """What `serve` and `worker` need beyond what parses: a secret key, and policies without a fault.

    Raises `ConfigError`; for a policy it names file and line.
    """
    if not any(key.get_secret_value() for key in settings.secret_key):
        raise ConfigError(
            f"{PREFIX}SECRET_KEY is missing: it signs links and encrypts stored tokens. "
            "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    for key, store in settings.stores.items():
        try:
            load(store.policy)
        except PolicyFault as fault:
            raise ConfigError(f"{PREFIX}STORES__{key.upper()}__POLICY: {fault.detail}") from None


def _environment() -> dict[str, str]:
    merged = {key: value for key, value in dotenv_values(".env").items() if value is not None}
    merged.update(os.environ)
    return {key.upper(): value for key, value in merged.items()}


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    found = []
    for name in sorted(environment):
        if name.startswith(PREFIX):
            path = name[len(PREFIX) :].lower().split("__")
            problem = _unknown_part(path)
            if problem is not None:
                part, known = problem
                right = PREFIX + "__".join([*path[: path.index(part)], *_nearest(part, known)]).upper()
                found.append(f"{name} is not a setting; did you mean {right}?")
    return found


def _bad_lists(environment: Mapping[str, str]) -> list[str]:
    found = []
    for name, value in sorted(environment.items()):
        if name.startswith(PREFIX) and name.endswith(_LISTS):
            try:
                good = isinstance(json.loads(value), list)
            except ValueError:
                good = False
            if not good:
                found.append(f'{name} must be a JSON list such as ["Acme", "Bolt"].')
    return found


def _unknown_in_file() -> list[str]:
    path = config_file_path()
    if path is None:
        return []
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not TOML: {error}.") from None
    found = []
    for keys in _paths(content):
        problem = _unknown_part([key.lower() for key in keys])
        if problem is not None:
            part, known = problem
            found.append(f"{'.'.join(keys)} in {path.name} is not a setting; did you mean {_nearest(part, known)[0]}?")
    return found


def _paths(content: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterable[list[str]]:
    for key, value in content.items():
        if isinstance(value, dict) and len(above) < 2:
            yield from _paths(value, (*above, key))
        else:
            yield [*above, key]


def _unknown_part(path: list[str]) -> tuple[str, list[str]] | None:
    """The first part of `path` that names nothing, and what could stand there; None when all is known."""
    top = list(Settings.model_fields)
    if path[0] not in top:
        return path[0], top
    model = _KEYED.get(path[0])
    if model is not None and len(path) >= 3 and path[2] not in model.model_fields:
        return path[2], list(model.model_fields)
    return None


def _nearest(part: str, known: list[str]) -> list[str]:
    return difflib.get_close_matches(part, known, n=1, cutoff=0.0)


def _sentence(item: Any) -> str:
    where = "__".join(str(part).upper() for part in item["loc"]) or "settings"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{PREFIX}{where}: {message}." if item["loc"] else f"{message}."
