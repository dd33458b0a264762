"""What-if: past cases decided again, under another policy."""
