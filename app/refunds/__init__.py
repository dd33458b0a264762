"""Refunds: one intended movement of money, made once and proven."""
