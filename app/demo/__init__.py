"""The demo: returns played on both platforms, on one machine, and shown as they happen."""
