"""A recording as windows: its features on demand, where each window begins, and the transcript they add up to."""
