"""Reads policy files: shipped ones by name, others by path. Every fault is named with its file and line."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from app.errors import ConfigError
from app.policy.conditions import BadCondition, compiled
from app.policy.locate import Path as KeyPath
from app.policy.locate import key_lines, line_of
from app.policy.model import Policy

SHIPPED = ("default", "eu", "uk", "il", "us", "au")
_HASH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a policy file, where, and what to do about it."""

    source: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.message}"


class PolicyFault(ConfigError):
    """A policy file cannot be used. The text names file, line and what to do for each fault."""

    code = "policy_fault"
    title = "A policy cannot be used"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(" ".join(f"{fault}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy with its text. `version` is pinned by cases: `name@version+` and the hash of the content."""

    policy: Policy
    version: str
    body: str
    source: str


def load(named: str) -> PolicyFile:
    """The policy that `named` means: a shipped name, else the path of a TOML file. Raises `PolicyFault`."""
    if named in SHIPPED:
        return shipped(named)
    path = Path(named).expanduser()
    try:
        body = path.read_text("utf-8")
    except OSError:
        near = difflib.get_close_matches(named, SHIPPED, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        message = f"there is no such file, and no shipped policy of that name ({', '.join(SHIPPED)}){hint}"
        raise PolicyFault([Fault(named, 1, "no_such_policy", message)]) from None
    except UnicodeDecodeError:
        raise PolicyFault([Fault(named, 1, "not_toml", "the file is not text in UTF-8; save it as UTF-8.")]) from None
    return parse(body, str(path))


@lru_cache(maxsize=len(SHIPPED))
def shipped(name: str) -> PolicyFile:
    """A policy that comes with Makegood."""
    body = resources.files("app.policy").joinpath("policies", f"{name}.toml").read_text("utf-8")
    return parse(body, f"{name}.toml")


def parse(body: str, source: str) -> PolicyFile:
    """Reads a policy from its text. Raises `PolicyFault` with every fault of form, each at its line."""
    try:
        content = tomllib.loads(body)
    except tomllib.TOMLDecodeError as error:
        raise PolicyFault([Fault(source, _line_in(error), "not_toml", f"this is not TOML: {error}.")]) from None
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        lines = key_lines(body)
        faults = [_fault(source, lines, item) for item in error.errors(include_input=False)]
        raise PolicyFault(sorted(faults, key=lambda fault: fault.line)) from None
    bad = _bad_conditions(policy, body, source)
    if bad:
        raise PolicyFault(bad)
    digest = hashlib.sha256(body.encode()).hexdigest()[:_HASH_DIGITS]
    return PolicyFile(policy, f"{policy.name}@{policy.version}+{digest}", body, source)


def _bad_conditions(policy: Policy, body: str, source: str) -> list[Fault]:
    found, lines = [], key_lines(body)
    for kind, index, part in policy.parts():
        try:
            compiled(part.when or "true")
        except BadCondition as error:
            line = line_of(lines, (kind, index, "when"))
            found.append(Fault(source, line, "bad_condition", f"{kind}[{index}].when: {error.detail}."))
    return found


def _line_in(error: tomllib.TOMLDecodeError) -> int:
    """The line that tomllib's message names: `… (at line 3, column 7)`."""
    _, _, after = str(error).rpartition("at line ")
    digits = after.partition(",")[0]
    return int(digits) if digits.isdigit() else 1


def _fault(source: str, lines: dict[KeyPath, int], item: Any) -> Fault:
    path = tuple(part for part in item["loc"] if part != "[key]")
    where = ".".join(str(part) for part in path) or "the file"
    line = line_of(lines, path)
    if item["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.0)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        return Fault(source, line, "unknown_key", f"{where} is not a key of a policy{hint}")
    message = str(item["msg"]).removeprefix("Value error, ")
    return Fault(source, line, "missing_key" if item["type"] == "missing" else "bad_value", f"{where}: {message}.")


def _known_keys(path: KeyPath) -> list[str]:
    """The keys that may stand in the section at `path`."""
    model: type[BaseModel] = Policy
    for part in path:
        if isinstance(part, int):
            continue
        field = next((one for name, one in model.model_fields.items() if part in (name, one.alias)), None)
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not inner:
            return []
        model = inner[0]
    return [field.alias or name for name, field in model.model_fields.items()]
