"""A light draft for any Whisper, distilled from any folder of sound: see README.md."""
