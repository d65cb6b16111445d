"""Many recordings: what was said in them, kept in one SQLite file, searched, exported, and transcribed further."""
