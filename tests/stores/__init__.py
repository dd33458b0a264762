"""Tests of `app.stores`."""
