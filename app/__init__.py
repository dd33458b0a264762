"""Makegood: makes good on every return of a store that holds no stock."""

__version__ = "0.1.0"
