"""The recipe of the demo pair: a micro-Whisper and its draft, trained on synthetic speech.

Not part of the wheel. It uses torch and transformers, and of whisper_magic only its public names, to read the bundled
sample. What it writes are Hugging Face checkpoint folders. Start with ``python -m recipes.demo_pair --help``.
"""
