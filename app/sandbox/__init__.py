"""Stores and suppliers to play with, over real HTTP, with faults on demand."""
