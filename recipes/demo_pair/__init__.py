"""The recipe that makes the demo pair: a micro-Whisper and its draft, from synthetic speech alone.

This package is not shipped. It knows torch and transformers, but nothing of ``whisper_magic``: what it
leaves behind are plain Hugging Face checkpoint folders. Start with ``python -m recipes.demo_pair --help``.
"""
