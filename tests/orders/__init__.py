"""Tests of `app.orders`."""
