"""Finds the line on which each key of a TOML text stands. Pure.

The reader of the standard library tells no positions. This one walks a text that it has already accepted, so it only
has to know where keys are: table headers, arrays of tables, keys at the beginning of a line, and what is inside strings
or brackets (which may span lines). Keys inside an inline table have the line of the key they belong to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

Path = tuple[str | int, ...]

_BARE = r"[A-Za-z0-9_-]+"
_PART = rf"""(?:{_BARE}|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=", re.ASCII)
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_PART}(?:\s*\.\s*{_PART})*)\s*\]\]?", re.ASCII)
_TOKENS = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]|\n', re.DOTALL
)


def key_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every key and header: `("window", "days")`, `("rule", 2, "when")`."""
    found: dict[Path, int] = {}
    above: Path = ()
    counts: dict[Path, int] = {}
    for number, line in _statements(text):
        if header := _HEADER.match(line):
            path = _resolve(_split(header[2]), counts)
            if header[1] == "[[":
                counts[path] = counts.get(path, -1) + 1
                path = (*path, counts[path])
            above = path
            found.setdefault(above, number)
        elif key := _KEY.match(line):
            path = (*above, *_split(key[1]))
            for length in range(len(above) + 1, len(path) + 1):
                found.setdefault(path[:length], number)
    return found


def line_of(lines: Mapping[Path, int], path: Sequence[str | int]) -> int:
    """The line of a key, else of the nearest thing above it, else 1."""
    for length in range(len(path), 0, -1):
        if (number := lines.get(tuple(path[:length]))) is not None:
            return number
    return 1


def _split(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in re.findall(_PART, dotted))


def _resolve(path: Path, counts: Mapping[Path, int]) -> Path:
    """The path of a header with the index of each array of tables that it goes through."""
    real: Path = ()
    for position, part in enumerate(path):
        real = (*real, part)
        if real in counts and position < len(path) - 1:
            real = (*real, counts[real])
    return real


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """The lines on which a statement begins, not those inside a string or brackets, with their numbers."""
    number, depth = 1, 0
    lines = text.split("\n")
    yield 1, lines[0]
    for token in _TOKENS.finditer(text):
        found = token[0]
        number += found.count("\n")
        if found == "\n" and not depth:
            yield number, lines[number - 1]
        elif found in ("[", "{"):
            depth += 1
        elif found in ("]", "}"):
            depth -= 1
