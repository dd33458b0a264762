"""Tests of the HTTP API, from outside, on a real database."""
