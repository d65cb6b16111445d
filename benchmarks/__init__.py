"""Benchmarks: `python -m benchmarks SUITE`. Medians of interleaved runs; the last line of output is JSON.

suites/ define what is compared, peers/ wrap the other implementations, report/ turns measurements into tables, pages
and figures, results/ holds the committed JSON. `probe.py` is the only module that imports engine internals; everything
else uses whisper_magic's public names.
"""
