"""Return requests: what the customer declared, split into cases."""
