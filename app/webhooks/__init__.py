"""Webhooks in: signatures, the inbox, and what each topic means."""
