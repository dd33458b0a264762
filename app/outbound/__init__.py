"""Events for the merchant's own systems: told as Standard Webhooks, retried, replayable."""
