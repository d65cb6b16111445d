"""Measurements: `python -m benchmarks SUITE`. Medians of interleaved runs; the last line is JSON."""
