"""Lists as Shopify's GraphQL shows them: connections with cursors, and plain lists cut at `first`."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from app.sandbox.shopify.answers import top_error

T = TypeVar("T")
View = dict[str, Any]
_MOST = 250


def connection(items: Sequence[T], view: Callable[[T], View], number: Callable[[T], int]) -> Callable[..., View]:
    """A resolver of a connection over `items`; `number` is what a cursor stands for.

    A cursor whose item is gone from its place still names the place, where items are in the order of their numbers.

    As at Shopify one of `first` and `last` must be given, and neither may be more than 250.
    """

    def resolve(
        info: Any,  # noqa: ARG001 (graphql-core hands it over)
        first: int | None = None,
        last: int | None = None,
        after: str | None = None,
        before: str | None = None,
        reverse: bool = False,
        **_: Any,
    ) -> View:
        _check(first, last)
        ordered = list(reversed(items)) if reverse else list(items)
        cursors = [_cursor(number(item)) for item in ordered]
        start = _start(cursors, [number(item) for item in ordered], after)
        stop = cursors.index(before) if before in cursors else len(ordered)
        if first is not None:
            stop = min(stop, start + first)
        if last is not None:
            start = max(start, stop - last)
        nodes = [view(item) for item in ordered[start:stop]]
        shown = cursors[start:stop]
        return {
            "nodes": nodes,
            "edges": [{"cursor": cursor, "node": node} for cursor, node in zip(shown, nodes, strict=True)],
            "pageInfo": {
                "hasNextPage": stop < len(ordered),
                "hasPreviousPage": start > 0,
                "startCursor": shown[0] if shown else None,
                "endCursor": shown[-1] if shown else None,
            },
        }

    return resolve


def some(items: Sequence[T], view: Callable[[T], View]) -> Callable[..., list[View]]:
    """A resolver of a plain list with `first`."""
    return lambda _info, first=None: [view(item) for item in (items if first is None else items[:first])]


def _cursor(number: int) -> str:
    return base64.b64encode(f"cursor:{number}".encode()).decode()


def _start(cursors: Sequence[str], numbers: Sequence[int], after: str | None) -> int:
    if after is None:
        return 0
    if after in cursors:
        return cursors.index(after) + 1
    try:
        place = int(base64.b64decode(after, validate=True).decode().removeprefix("cursor:"))
    except ValueError as error:
        raise top_error("BAD_REQUEST", "Invalid cursor for current pagination sort.") from error
    return next((index for index, each in enumerate(numbers) if each > place), len(numbers))


def _check(first: int | None, last: int | None) -> None:
    if first is None and last is None:
        raise top_error("BAD_REQUEST", "you must provide one of first or last")
    if max(first or 0, last or 0) > _MOST:
        raise top_error("BAD_REQUEST", f"first and last cannot be more than {_MOST}")
