"""Names of whisper_magic's sides, which suites give and reports look up."""

from __future__ import annotations

TARGET_ONLY = "ours, target only"
SPECULATIVE = "ours, speculative"
AUTO = "ours, automatic draft length"
BATCHED = "ours in batched mode, speculative"  # cuts at pauses: its text may differ from sequential mode's


def speculative(draft_length: int) -> str:
    """The side of a fixed draft length; 0 is the target alone."""
    return f"{SPECULATIVE}, draft length {draft_length}" if draft_length else TARGET_ONLY
