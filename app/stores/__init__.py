"""Stores: what is asked of them, and one adapter for each platform."""
