"""What the player's page shows of a transcript, as JSON (frontend/src/shared/protocol.ts, `Document`)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from whisper_magic import formats, speakers
from whisper_magic.audio import peaks
from whisper_magic.notebook.views import facts
from whisper_magic.notebook.views import transcript as view
from whisper_magic.notebook.widgets.messages import Answer
from whisper_magic.transcript import Segment, Transcript


def document(
    transcript: Transcript,
    sound: dict[str, Any] | None,
    duration: float,
    changes: int = 0,
    *,
    writing: bool = False,
) -> dict[str, Any]:
    """A transcript for the page.

    Args:
        transcript: what was said.
        sound: how the page gets the sound (`Sound` there); None where it is gone.
        duration: seconds of the sound.
        changes: how many can be undone.
        writing: whether the transcript still grows: what is known at its end is left out.
    """
    models = [facts.models(transcript.models)]
    figures = " · ".join(f"{value} {what}" for value, what in view.figures(transcript))
    return {
        "title": facts.name(transcript.source),
        "details": view.details(transcript),
        "warning": None if writing else view.interruption(transcript),
        "duration": duration,
        "language": "en" if transcript.task == "translate" else transcript.language,
        "segments": segments_of(transcript),
        "turns": [(round(t.start, 3), round(t.end, 3), t.speaker.strip()) for t in speakers.turns_of(transcript.words)],
        "gaps": [
            {"start": gap.start, "end": gap.end, "why": "skipped: " + (", ".join(gap.flags) or "silence")}
            for gap in transcript.skipped
        ],
        "sound": sound,
        "levels": expected_levels(duration) if sound is not None else [],
        "formats": list(formats.FORMATS),
        "changes": changes,
        "rounds": len(transcript.trace.rounds),
        "foot": [] if writing else [line for line in (figures, *models, *transcript.notes) if line],
        "writing": writing,
    }


def segments_of(transcript: Transcript, first: int = 0) -> list[dict[str, Any]]:
    """Segments from `first` on, for the page."""
    shown = list(view.rows(transcript))
    return [_segment(*row) for row in shown[first:]]


def expected_levels(duration: float) -> list[dict[str, float]]:
    """The levels that `WaveformPeaks` will have once the sound is read, from the finest on."""
    count, seconds = math.ceil(duration * peaks.PER_SECOND), 1 / peaks.PER_SECOND
    levels = [{"seconds": seconds, "count": count}]
    while count > peaks.FEW:
        count, seconds = math.ceil(count / peaks.COARSER), seconds * peaks.COARSER
        levels.append({"seconds": seconds, "count": count})
    return levels


def file_of(transcript: Transcript, format: str) -> Answer:
    """A saved transcript: a file's name, and its content.

    Raises:
        TranscriptError: for a format that does not exist.
        PackageMissing: for a format whose package is not installed.
    """
    stem = Path(transcript.source).stem or "transcript"
    return Answer({"name": f"{stem}.{format}"}, [formats.content(transcript, format)])


def _segment(segment: Segment, said: list[speakers.Utterance], flags: str) -> dict[str, Any]:
    return {
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "words": [(w.text, round(w.start, 3), round(w.end, 3), round(w.probability, 4)) for w in segment.words],
        "names": [(utterance.first, utterance.speaker.strip()) for utterance in said if utterance.speaker is not None],
        "flags": flags,
        "language": segment.language,
    }
