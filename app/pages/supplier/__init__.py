"""The pages on which suppliers without an API answer."""
