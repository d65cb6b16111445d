"""Many recordings and their transcripts in one SQLite file: transcribed, searched, exported."""
