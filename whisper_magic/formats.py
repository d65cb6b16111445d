"""Transcript -> text formats (txt, srt, vtt, tsv, json), and back from json."""
