"""The law packs as shipped, and which of them hold for a customer. Pure but for reading the packaged files.

`packs/` holds one file per law as it is now; `packs/past/` keeps every version that was ever shipped, under any file
name, so that a case stays on the version that it was pinned to.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.errors import AppError
from app.policy.law.calendar import country_code, region_code
from app.policy.law.pack import Pack

PACKS = Path(__file__).parent / "packs"
NO_PACK = "none"
_ABOUT = frozenset({"id", "name", "version", "as_of", "status", "extends", "applies"})


class DamagedPack(AppError):
    """A law pack cannot be read; the text names the file and the key."""

    code = "damaged_law_pack"
    title = "Damaged law pack"


class UnknownLaw(AppError):
    """A law or a version of it that is not shipped."""

    status = 404
    code = "unknown_law"
    title = "Unknown law"


@dataclass(frozen=True, slots=True)
class Law:
    """One law that may hold for a customer: its figures, and the packs (id, version) they come from, the base first."""

    pack: Pack
    chain: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        """The id of the pack, `eu-fr`."""
        return self.pack.id


class Library:
    """All packs of one folder."""

    def __init__(self, folder: Path) -> None:
        now, past = _read_all(folder), _read_all(folder / "past")
        self._now = {raw["id"]: raw for raw in now.values()}
        for name, raw in now.items():
            if name != raw["id"]:
                raise DamagedPack(f"{name}.toml: id: a file is named as its pack, and this one is {raw['id']}")
        self._every = {(raw["id"], raw["version"]): raw for raw in [*past.values(), *now.values()]}
        self._built: dict[tuple[tuple[str, str], ...], Law] = {}
        self._laws = {id_: self._build(id_, {}) for id_ in self._now}

    def laws(self) -> tuple[Law, ...]:
        """Every law there is, by id."""
        return tuple(self._laws[id_] for id_ in sorted(self._laws))

    def law(self, id_: str) -> Law:
        """One law as it is now. Raises `UnknownLaw`."""
        if id_ not in self._laws:
            raise UnknownLaw(f"There is no law pack {id_}; there are {', '.join(sorted(self._laws))}")
        return self._laws[id_]

    def laws_for(self, country: str | None, region: str | None = None, version: str | None = None) -> tuple[Law, ...]:
        """The candidate laws for a customer; empty when no pack holds for the country.

        Of an unknown country every law is a candidate, and of an unknown state every law of the country. `version`: as
        on a case; a pack that it names is taken in that version. Raises `UnknownLaw` for one that is not shipped.
        """
        code, state = country_code(country), region_code(country, region)
        chosen = [law for law in self.laws() if code is None or _holds(law.pack, code, state)]
        several = code is None or (state is None and any(law.pack.applies.regions for law in chosen))
        pinned = dict(versions(version))
        return tuple(self._build(law.id, pinned) for law in (chosen if several else _closest(chosen)))

    def named(self, version: str) -> tuple[Law, ...]:
        """The laws of the packs that `version` names. Raises `UnknownLaw`."""
        pinned = dict(versions(version))
        return tuple(self._build(id_, pinned) for id_ in pinned)

    def _build(self, id_: str, pinned: Mapping[str, str]) -> Law:
        raws = self._chain(id_, pinned)
        chain = tuple((raw["id"], raw["version"]) for raw in raws)
        if chain not in self._built:
            self._built[chain] = self._merged(id_, raws, chain)
        return self._built[chain]

    @staticmethod
    def _merged(id_: str, raws: Sequence[dict[str, Any]], chain: tuple[tuple[str, str], ...]) -> Law:
        merged = raws[0]
        for raw in raws[1:]:
            merged = _merge(merged, raw)
        try:
            pack = Pack.model_validate(merged)
        except ValidationError as error:
            raise _damage(id_, merged, error) from error
        return Law(pack, chain)

    def _chain(self, id_: str, pinned: Mapping[str, str]) -> list[dict[str, Any]]:
        """The packs from the base to `id_`, each in its pinned version."""
        chain: list[dict[str, Any]] = []
        wanted: str | None = id_
        while wanted is not None:
            raw = self._every.get((wanted, pinned[wanted])) if wanted in pinned else self._now.get(wanted)
            if raw is None and wanted in pinned:
                raise UnknownLaw(f"Version {pinned[wanted]} of law pack {wanted} is not shipped")
            if raw is None:
                raise DamagedPack(f"{id_}.toml: extends: there is no pack {wanted}")
            if raw in chain:
                raise DamagedPack(f"{id_}.toml: extends: {wanted} extends itself")
            chain.insert(0, raw)
            wanted = raw.get("extends")
        return chain


@lru_cache(maxsize=1)
def shipped() -> Library:
    """The library that comes with Makegood, read once."""
    return Library(PACKS)


def laws_for(country: str | None, region: str | None = None, version: str | None = None) -> tuple[Law, ...]:
    """The candidate laws of the shipped library; see `Library.laws_for`."""
    return shipped().laws_for(country, region, version)


def versions(text: str | None) -> list[tuple[str, str]]:
    """The packs that a version text names: `eu@2026-11-21+eu-fr@2026-11-21`. Raises `UnknownLaw` for anything else."""
    if not text or text == NO_PACK:
        return []
    parts = [part.partition("@") for part in text.split("+")]
    if not all(id_ and at and version for id_, at, version in parts):
        raise UnknownLaw(f"{text[:80]!r} is not a law version")
    return [(id_, version) for id_, _, version in parts]


def version_of(laws: tuple[Law, ...]) -> str:
    """The text by which the same packs are found again."""
    packs = sorted({pack for law in laws for pack in law.chain})
    return "+".join(f"{id_}@{version}" for id_, version in packs) or NO_PACK


def _holds(pack: Pack, country: str, state: str | None) -> bool:
    regions = pack.applies.regions
    return country in pack.applies.countries and (not regions or state is None or state in regions)


def _closest(laws: list[Law]) -> list[Law]:
    """Without the bases of others that hold too: a law contains the figures of what it extends."""
    bases = {law.pack.extends for law in laws}
    return [law for law in laws if law.id not in bases]


def _read_all(folder: Path) -> dict[str, dict[str, Any]]:
    return {file.stem: _read(file) for file in sorted(folder.glob("*.toml"))}


def _read(file: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DamagedPack(f"{file.name}: {error}") from error
    for key in ("id", "version"):
        if not isinstance(raw.get(key), str) or not raw[key]:
            raise DamagedPack(f"{file.name}: {key}: a text is needed")
    for name, section in raw.items():
        if name in _ABOUT:
            continue
        if not isinstance(section, dict) or not all(isinstance(figure, dict) for figure in section.values()):
            raise DamagedPack(f"{file.name}: {name}: a section of figures is needed")
        for rule, figure in section.items():
            figure |= {"pack": raw["id"], "rule": f"{name}.{rule}"}
    return raw


def _merge(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """`own` on top of `base`, figure by figure; what a pack says about itself is its own only."""
    sections = {name: section for name, section in base.items() if name not in _ABOUT}
    for name, section in own.items():
        sections[name] = {**sections.get(name, {}), **section} if name not in _ABOUT else section
    return sections


def _damage(id_: str, merged: dict[str, Any], error: ValidationError) -> DamagedPack:
    """The first fault with the file and the key that it is in."""
    first = error.errors(include_url=False, include_input=False)[0]
    at: Any = merged
    owner = id_
    for step in first["loc"]:
        at = at.get(step) if isinstance(at, dict) else None
        owner = at["pack"] if isinstance(at, dict) and "pack" in at else owner
    key = ".".join(str(step) for step in first["loc"]) or "the pack"
    return DamagedPack(f"{owner}.toml: {key}: {first['msg']}")
