"""What a merchant would build instead, and simpler ways of our own: the same endpoint, served in other ways."""
