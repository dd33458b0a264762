"""The sandbox's suppliers."""
