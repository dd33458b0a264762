"""The question after a return."""
