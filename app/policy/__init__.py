"""Policy: what happens to a request."""
