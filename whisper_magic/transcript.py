"""What a transcription returns: frozen dataclasses of plain Python, no torch, no notebook.

A `Transcript` is data first. Text files are made of it by `formats`; the notebook's views live in `notebook`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from whisper_magic.options import Mode, TranscribeOptions

if TYPE_CHECKING:
    import pandas

    from whisper_magic.scoring import WordErrors


@dataclass(frozen=True)
class Word:
    """One word with its times (seconds from the start of the source) and mean token probability."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class Segment:
    """A stretch of speech between two timestamps (Whisper's segment). Times: seconds from the source's start.

    tokens: ids as decoded, timestamps included. avg_logprob, no_speech_prob and temperature belong to the window that
    the segment was decoded in, as in openai/whisper `transcribe.py`; compression_ratio is its own text's.
    flags: reasons to doubt it; a doubted segment is kept and flagged, never dropped silently. language: code of its
    window's, where each window's was detected.
    """

    start: float
    end: float
    text: str
    tokens: tuple[int, ...] = ()
    words: tuple[Word, ...] = ()
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0
    compression_ratio: float = 0.0
    temperature: float = 0.0
    flags: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True)
class Started:
    """First event of a stream: what is transcribed, and how long it is (seconds; 0 where that is not known yet)."""

    source: str
    duration: float


@dataclass(frozen=True)
class Round:
    """One round of speculation: the draft proposes, the target verifies the block in one forward pass.

    window: index of the window. position: place in the decoder's context of the first token decided.
    proposed: the draft's token ids. accepted: how many of them, from the first on, the target agreed with.
    token: the target's own next token, which follows those, or None where the window ended inside the accepted.
    draft_seconds, verify_seconds: wall time of the two phases of this round; of a round that served several windows at
    once, this one's share. temperature: of this attempt at the window; one that a guard refused is decoded again.
    """

    window: int
    position: int
    proposed: tuple[int, ...]
    accepted: int
    token: int | None
    draft_seconds: float = 0.0
    verify_seconds: float = 0.0
    temperature: float = 0.0

    @property
    def tokens(self) -> tuple[int, ...]:
        """The token ids that this round wrote."""
        own = () if self.token is None else (self.token,)
        return self.proposed[: self.accepted] + own


@dataclass(frozen=True)
class Trace:
    """Every round of a transcription, in order."""

    rounds: tuple[Round, ...] = ()

    @property
    def acceptance_rate(self) -> float | None:
        """Accepted / proposed tokens, 0 to 1; None where nothing was proposed."""
        proposed = sum(len(r.proposed) for r in self.rounds)
        return sum(r.accepted for r in self.rounds) / proposed if proposed else None

    @property
    def tokens_per_round(self) -> float | None:
        """Mean number of tokens written per target pass; None without rounds. The target alone makes 1."""
        return sum(len(r.tokens) for r in self.rounds) / len(self.rounds) if self.rounds else None

    def to_pandas(self) -> pandas.DataFrame:
        """One row per round. Needs pandas (the `pandas` extra)."""
        import pandas as pd

        columns = ["window", "position", "proposed", "accepted", "token", "temperature"]
        columns += ["draft_seconds", "verify_seconds"]
        return pd.DataFrame([[getattr(r, name) for name in columns] for r in self.rounds], columns=columns)


@dataclass(frozen=True)
class Timing:
    """Wall seconds per phase. `read` is reading and decoding the audio; `total` includes everything.

    Of recordings that were decoded together, each has its share of what they shared.
    """

    read: float = 0.0
    features: float = 0.0
    encode: float = 0.0
    prefill: float = 0.0
    draft: float = 0.0
    verify: float = 0.0
    align: float = 0.0
    total: float = 0.0
    audio: float = 0.0  # seconds of sound that were transcribed

    @property
    def rtfx(self) -> float:
        """Real-time factor: seconds of audio per second of wall time (higher is faster)."""
        return self.audio / self.total if self.total else 0.0

    @property
    def other(self) -> float:
        """Seconds of `total` outside the named phases."""
        named = (self.read, self.features, self.encode, self.prefill, self.draft, self.verify, self.align)
        return max(0.0, self.total - sum(named))


@dataclass(frozen=True)
class Models:
    """Which models wrote a transcript, and on what: names as given, settings as actually used."""

    target: str
    draft: str | None = None
    device: str = "cpu"
    dtype: str = "float32"
    attention: str = "sdpa"


@dataclass(frozen=True)
class Transcript:
    """What was said. `text` joins the segments; `complete` is False where Ctrl-C cut it short."""

    segments: tuple[Segment, ...]
    language: str | None
    task: str
    duration: float
    source: str
    options: TranscribeOptions = field(default_factory=TranscribeOptions)
    trace: Trace = field(default_factory=Trace, repr=False)
    timing: Timing = field(default_factory=Timing)
    models: Models = field(default_factory=lambda: Models(target="unknown"))
    language_probability: float | None = None
    complete: bool = True
    skipped: tuple[Segment, ...] = ()  # windows taken for silence, with what would have been written, flagged
    notes: tuple[str, ...] = ()  # what else is to be known, a line each
    mode: Mode = "sequential"  # the order in which the windows were read

    def __str__(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        """The words, on one line."""
        return "".join(segment.text for segment in self.segments).strip()

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)

    def to_pandas(self) -> pandas.DataFrame:
        """One row per segment: start, end, text and the window's scores. Needs pandas (the `pandas` extra)."""
        import pandas as pd

        columns = ["start", "end", "text", "avg_logprob", "no_speech_prob", "compression_ratio", "temperature"]
        rows = [[getattr(s, name) for name in columns] for s in self.segments]
        return pd.DataFrame(rows, columns=columns)

    def wer(self, reference: str | Transcript) -> WordErrors:
        """Word error rate against what was really said (text, or another transcript), after Whisper's normalizers.

        Raises:
            PackageMissing: without jiwer (the `score` extra).
            OptionError: for a reference that is neither.
        """
        from whisper_magic import scoring

        return scoring.word_errors(self, reference)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write to `path`; its ending chooses the format: txt, srt, vtt, tsv or json.

        Raises:
            TranscriptError: for an ending that is none of these.
        """
        from whisper_magic import formats

        return formats.save(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Transcript:
        """Read back what `save("x.json")` wrote, equal to what was saved.

        Raises:
            TranscriptError: where the file is not such a transcript.
        """
        from whisper_magic import formats

        return formats.load(path)


@dataclass(frozen=True)
class Finished:
    """Last event of a recording: its transcript. place: where that stands among the results."""

    transcript: Transcript
    place: int = 0


Event = Started | Round | Segment | Finished  # what a running transcription reports, as it happens
