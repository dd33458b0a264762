"""Orders: the snapshot, and how each platform's order becomes one."""
