"""Hypothesis strategies that damage a body: any field may vanish or become something else."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(10**20), max_value=10**20),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        ["", "-", "1,50", "1e9", "gid://shopify/", "9999-12-31T23:59:59-23:59", "USD", "usd", "0001-01-01"]
    ),
    # Made anew each time: later damage may go into them.
    st.builds(list),
    st.builds(dict),
    st.builds(lambda: [None, 1, "x", {}]),
    st.builds(lambda: {"amount": Decimal("-1.23456"), "nodes": "x"}),
)


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    found = [at] if at else []
    for key, item in inner:
        found.extend(_paths(item, (*at, key)))
    return found


@st.composite
def damaged(draw: st.DrawFn, body: dict[str, Any]) -> dict[str, Any]:
    """`body` with up to eight of its values replaced."""
    spoilt = deepcopy(body)
    for _ in range(draw(st.integers(min_value=1, max_value=8))):
        path = draw(st.sampled_from(_paths(spoilt)))
        target: Any = spoilt
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = draw(_JUNK)
    return spoilt
