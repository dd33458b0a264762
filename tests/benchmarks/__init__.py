"""Measurements: `python -m tests.benchmarks [--quick] [--only NAME …]`. What they mean is in docs/performance.md."""
