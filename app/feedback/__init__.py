"""What customers say of how their return went, kept by product and reason."""
