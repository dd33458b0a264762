"""Reads a rendered page back: what it claims, from the attributes of its sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from app.cases.vocabulary import Reason, Route
from app.policy.terms import Outcome

VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})


@dataclass
class Element:
    """An element of a page with all that is in it."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def everything(self) -> Iterator[Element]:
        """The element and all below it, in the page's order."""
        yield self
        for child in self.children:
            yield from child.everything()

    def all(self, tag: str | None = None, attribute: str | None = None) -> list[Element]:
        """All with that tag and that attribute."""
        return [
            one
            for one in self.everything()
            if (tag is None or one.tag == tag) and (attribute is None or attribute in one.attributes)
        ]

    def text(self) -> str:
        """All words in it."""
        return " ".join(" ".join(word for one in self.everything() for word in one.words).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("root", {})
        self.here = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        if tag not in VOID:
            self.here = element

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag, f"<{self.here.tag}> is ended by </{tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.words.append(data)


def read(html: str) -> Element:
    """The page as a tree. Fails when an element is not ended where it should be."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.tag}> is never ended"
    return reader.root


@dataclass(frozen=True)
class ReadSpan:
    first: int
    last: int | None
    outcome: Outcome


@dataclass(frozen=True)
class ReadClaim:
    """What one card of the page says."""

    reason: Reason
    starts: str
    spans: tuple[ReadSpan, ...]
    routes: frozenset[Route]
    way_back: str | None
    fee_percent: str
    fee_most: int | None
    evidence: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class ReadLimits:
    approve: int | None
    keep: int | None
    may_keep: int | None
    keep_reasons: frozenset[Reason]


def claims(page: Element) -> tuple[ReadClaim, ...]:
    """Every claim of the page."""
    return tuple(_claim(card) for card in page.all("li", "data-claim"))


def _claim(card: Element) -> ReadClaim:
    spans = card.all("li", "data-first")
    [routes] = card.all("dd", "data-routes")
    [fee] = card.all("dd", "data-fee-percent")
    ways = card.all("dd", "data-way-back")
    shown = card.all("li", "data-evidence")
    return ReadClaim(
        reason=Reason(card.attributes["data-claim"]),
        starts=spans[0].attributes["data-starts"],
        spans=tuple(
            ReadSpan(
                int(one.attributes["data-first"]),
                _number(one.attributes["data-last"]),
                Outcome(one.attributes["data-outcome"]),
            )
            for one in spans
        ),
        routes=frozenset(Route(route) for route in routes.attributes["data-routes"].split()),
        way_back=ways[0].attributes["data-way-back"] if ways else None,
        fee_percent=fee.attributes["data-fee-percent"],
        fee_most=_number(fee.attributes["data-fee-most"]),
        evidence=tuple(
            (one.attributes["data-evidence"], one.attributes["data-kind"], int(one.attributes["data-count"]))
            for one in shown
        ),
    )


def limits(page: Element) -> ReadLimits:
    """The amounts that the page tells."""
    told = {
        name: int(one.attributes[name])
        for name in ("data-approve", "data-keep", "data-may-keep")
        for one in page.all("li", name)
    }
    reasons = {word for one in page.all("li", "data-reasons") for word in one.attributes["data-reasons"].split()}
    return ReadLimits(
        told.get("data-approve"),
        told.get("data-keep"),
        told.get("data-may-keep"),
        frozenset(Reason(one) for one in reasons),
    )


def _number(text: str) -> int | None:
    return int(text) if text else None
