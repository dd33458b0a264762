"""Suppliers: what is asked of them, and one channel for each way to speak to them."""
