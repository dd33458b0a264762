"""Proof by trial that a refund happens exactly once: whole returns, played with faults on both platforms."""
