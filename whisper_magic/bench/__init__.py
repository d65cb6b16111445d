"""Measurements: `python -m whisper_magic.bench SUITE`. Medians of interleaved runs; the last line is JSON."""
