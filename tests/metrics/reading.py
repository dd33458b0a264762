"""Reads what `/metrics` says, as Prometheus does."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def series_in(text: str) -> Series:
    """Every sample by name and labels; each at most once, else Prometheus refuses the whole."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


def value(series: Series, name: str, **labels: str) -> float:
    """One sample; 0 where a counter has not begun."""
    return series.get((name, frozenset(labels.items())), 0.0)
