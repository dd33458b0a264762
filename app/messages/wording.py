"""Where the words of messages come from: our templates, and beside them a store's own in `MAKEGOOD_WORDING_DIR`.

A store's files are `<folder>/<store>/<language>/<kind>.txt`; a `layout.txt` there changes the frame of all its messages
of that language. They are templates by the store's people: they run in a sandbox, may use only the names that a message
of that kind has, and one that cannot be used is left aside for ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = ("en", "fr", "he")
LAYOUT = "layout"
# Bytes. No message is that long, and a file of gigabytes would be read before it could be refused.
_LARGEST = 64_000


class BadWording(Exception):
    """A store's own wording cannot be used. The text names file, line and what is wrong."""


def _environment(loader: BaseLoader) -> Environment:
    return ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=lambda name: bool(name) and str(name).endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


OURS = _environment(FileSystemLoader(TEMPLATES))


@lru_cache(maxsize=64)
def _theirs(folder: Path) -> Environment:
    """A store's files before ours; a file that is changed is read anew."""
    return _environment(ChoiceLoader([FileSystemLoader(folder), FileSystemLoader(TEMPLATES)]))


def words_of(language: str, kind: str, values: Mapping[str, Any]) -> str:
    """The message in our words."""
    return OURS.get_template(f"{language}/{kind}.txt").render(values)


def own_words_of(folder: Path, store: str, language: str, kind: str, values: Mapping[str, Any]) -> str | None:
    """The message in the store's own words; None when it has none for it. Raises `BadWording`."""
    base = folder / store
    own = [path for path in (base / language / f"{kind}.txt", base / language / f"{LAYOUT}.txt") if path.is_file()]
    if not own:
        return None
    try:
        for path in own:
            if path.stat().st_size > _LARGEST:
                raise BadWording(f"{path}: is larger than {_LARGEST} bytes")
        return _theirs(base).get_template(f"{language}/{kind}.txt").render(values)
    except BadWording:
        raise
    except Exception as error:
        # A template may fail in any way that its author finds.
        raise BadWording(f"{_place(error, base) or own[0]}: {error or type(error).__name__}") from error


def _place(error: Exception, base: Path) -> str | None:
    """The file and line of the store's where it went wrong."""
    filename, line = getattr(error, "filename", None), getattr(error, "lineno", None)
    if filename and line:
        return f"{filename}:{line}"
    found, trace = None, error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if Path(name).is_relative_to(base):
            found = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def files_in(folder: Path) -> Iterator[tuple[Path, str, str, str]]:
    """Every file below the folder, with the store, language and kind that its place names; "" where it names none."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            parts = path.relative_to(folder).parts
            fits = len(parts) == 3 and path.suffix == ".txt"
            yield (path, parts[0], parts[1], path.stem) if fits else (path, "", "", "")
