"""Acceptance of a finished draft, by the engine, on recordings that it was not trained on."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from recipes.draft.label import sound_files
from whisper_magic import Engine, Transcript

LENGTH = 4  # tokens proposed a round


def evaluate(target: str, draft: str, sound: Path, dtype: str, threads: int) -> dict[str, Any]:
    """Transcribe every recording with the draft, and those not in English into English too.

    Args:
        target: What `Engine.load` takes.
        draft: What `Engine.load` takes.
        sound: Folder of recordings.
        dtype: Of the target.
        threads: torch threads.

    Returns:
        Per "language task": recordings, the shares accepted of the tokens judged (those behind a rejected one are not)
        and of all proposed, tokens a round.
    """
    torch.set_num_threads(threads)
    groups: dict[str, list[Transcript]] = defaultdict(list)
    with Engine.load(target, draft, dtype=dtype) as engine:
        for path in sound_files(sound):
            first = engine.transcribe(path, draft="model", draft_length=LENGTH)
            groups[f"{first.language} transcribe"].append(first)
            if first.language != "en":
                again = engine.transcribe(path, draft="model", draft_length=LENGTH, task="translate")
                groups[f"{first.language} translate"].append(again)
    figures = {name: _figures(transcripts) for name, transcripts in sorted(groups.items())}
    return {name: row for name, row in figures.items() if row}


def _figures(transcripts: list[Transcript]) -> dict[str, Any]:
    rounds = [each for transcript in transcripts for each in transcript.trace.rounds if each.proposed]
    if not rounds:
        return {}
    accepted = sum(each.accepted for each in rounds)
    return {
        "recordings": len(transcripts),
        "judged": round(accepted / sum(min(each.accepted + 1, len(each.proposed)) for each in rounds), 4),
        "proposed": round(accepted / sum(len(each.proposed) for each in rounds), 4),
        "tokens_per_round": round(sum(len(each.tokens) for each in rounds) / len(rounds), 2),
    }
