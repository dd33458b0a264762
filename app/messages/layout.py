"""The HTML part of a message, made from the paragraphs of its text: the two can never say different things. Pure.

A paragraph that ends with one of our own links on a line of its own becomes a button with the words above it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from app.messages.foreign import FSI, LRI, PDI
from app.pages.colour import ENOUGH, contrast

ACCENT = "#2f6f62"
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph in HTML; with `url` it is a button that leads there."""

    html: Markup
    url: str | None = None


def blocks_of(paragraphs: Sequence[str], links: Sequence[str]) -> list[Block]:
    """The paragraphs as HTML. Only `links`, which are ours, become links; no other text does."""
    return [_block(paragraph, links) for paragraph in paragraphs]


def _block(paragraph: str, links: Sequence[str]) -> Block:
    label, _, last = paragraph.rpartition("\n")
    if label and last in links:
        return Block(_html(label.rstrip().removesuffix(":").rstrip()), last)
    html = _html(paragraph)
    for link in sorted(links, key=len, reverse=True):
        html = html.replace(escape(link), Markup('<a href="{0}" style="color:inherit">{0}</a>').format(link))
    return Block(html)


def _html(text: str) -> Markup:
    """The text's line breaks and isolates as HTML; all else escaped."""
    return (
        escape(text)
        .replace("\n", Markup("<br>\n"))
        .replace(LRI, Markup('<bdi dir="ltr">'))
        .replace(FSI, Markup("<bdi>"))
        .replace(PDI, Markup("</bdi>"))
    )


def colours(accent: str | None) -> tuple[str, str]:
    """The store's colour, and the one of black and white that can be read on it."""
    chosen = accent if accent and _HEX.fullmatch(accent) else ACCENT
    return chosen, "#ffffff" if contrast(chosen, "#ffffff") >= ENOUGH else "#000000"
