"""What is left when a process dies, and who picks it up."""
