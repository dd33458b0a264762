"""Withdrawals from contracts: declarations of consumers, kept whether they match an order or not."""
