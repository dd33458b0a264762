"""Timers: dates on which something happens by itself."""
