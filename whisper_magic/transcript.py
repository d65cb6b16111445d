"""The result of a transcription: frozen dataclasses of plain Python. No torch, no notebook.

`formats` writes and reads files, `scoring` computes word error rates, and the views are in `notebook`.
Times are in seconds from the start of the source.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whisper_magic import documents, formats, hooks, speakers
from whisper_magic.data_frame import data_frame
from whisper_magic.errors import TranscriptError
from whisper_magic.options import Mode, TranscribeOptions
from whisper_magic.scoring import TimedText, WordErrors, word_errors

if TYPE_CHECKING:
    import pandas

    from whisper_magic.notebook.widgets.player import Player

_SEGMENT_COLUMNS = (
    "start",
    "end",
    "text",
    "language",
    "avg_logprob",
    "no_speech_prob",
    "compression_ratio",
    "temperature",
    "flags",
)


@dataclass(frozen=True)
class Word:
    """One word.

    Attributes:
        text: as decoded, usually with a space in front.
        start: seconds.
        end: seconds.
        probability: mean probability of its tokens, 0 to 1.
        speaker: None unless set by `Transcript.with_speakers`.
    """

    text: str
    start: float
    end: float
    probability: float
    speaker: str | None = None


@dataclass(frozen=True)
class Segment:
    """The text between two timestamps (Whisper's segment).

    `avg_logprob`, `no_speech_prob` and `temperature` are those of the segment's window, as in openai/whisper
    `transcribe.py`; `compression_ratio` is that of the segment's own text.

    Attributes:
        start: seconds.
        end: seconds.
        text: as decoded, usually with a space in front.
        tokens: ids as decoded, timestamps included.
        words: () unless `TranscribeOptions.words` is set.
        avg_logprob: mean log-probability per token.
        no_speech_prob: probability of the no-speech token, 0 to 1.
        compression_ratio: size of the text divided by its zlib-compressed size; high for repetitive text.
        temperature: temperature of the attempt that was kept.
        flags: reasons why the text may be wrong, one line each. A segment is flagged, never dropped silently.
        language: code, if the language of each window is detected; else None.
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
    """First event of a recording.

    Attributes:
        source: name of the source.
        duration: seconds; 0 if it is not known yet.
    """

    source: str
    duration: float


@dataclass(frozen=True)
class TokenProb:
    """A token and its probability.

    Attributes:
        token: its id.
        probability: 0 to 1.
    """

    token: int
    probability: float


@dataclass(frozen=True)
class Round:
    """One round of speculation: the draft proposes tokens, the target verifies them in one forward pass.

    Attributes:
        window: index of the window in the recording.
        position: position of the round's first token in the decoder's context, prompt included.
        proposed: the token ids proposed.
        accepted: number of proposed tokens that were accepted, counted from the first.
        token: the target's own next token, after the accepted ones; None if the window ended within them.
        draft_seconds: wall seconds of proposing. In a batch of several windows, the share of this window.
        verify_seconds: wall seconds of the target's pass, including the prompt in the first round; shared likewise.
        temperature: temperature of this attempt at the window. The rounds of failed attempts stay in the trace.
        drafter: name of the drafter, such as "model", "ngram", "previous" (the previous transcript of the same audio)
            or "function" (`propose` of `Engine.transcribe`); None if nothing was proposed.
        drafter_label: the same for people, as in "the draft model proposed"; "" if nothing was proposed.
        covered: seconds of the window that its text covers after this round: up to its last timestamp, plus an estimate
            from the number of tokens after it.
        target_probs: p of each proposed token that was compared: the accepted ones and the first rejected one. After
            the logit rules, at the attempt's temperature. () unless `TranscribeOptions.trace` is set.
        draft_probs: q of the same tokens; () if the draft model did not propose them.
        alternatives: for each token written, the target's most likely tokens, including the token itself.
        alternative_draft_probs: q of the tokens in `alternatives`, in their order; () without a draft model.
        batch: number of windows decoded in the same pass, including this one.
    """

    window: int
    position: int
    proposed: tuple[int, ...]
    accepted: int
    token: int | None
    draft_seconds: float = 0.0
    verify_seconds: float = 0.0
    temperature: float = 0.0
    drafter: str | None = None
    drafter_label: str = ""
    covered: float = 0.0
    target_probs: tuple[float, ...] = ()
    draft_probs: tuple[float, ...] = ()
    alternatives: tuple[tuple[TokenProb, ...], ...] = ()
    alternative_draft_probs: tuple[tuple[float, ...], ...] = ()
    batch: int = 1

    @property
    def tokens(self) -> tuple[int, ...]:
        """The token ids written by this round: the accepted ones, then the target's own."""
        own = () if self.token is None else (self.token,)
        return self.proposed[: self.accepted] + own


@dataclass(frozen=True)
class Trace:
    """Every round of a transcription.

    Attributes:
        rounds: in the order in which they were decoded.
    """

    rounds: tuple[Round, ...] = ()

    @property
    def acceptance_rate(self) -> float | None:
        """Accepted / proposed tokens, 0 to 1; None if nothing was proposed."""
        proposed = sum(len(r.proposed) for r in self.rounds)
        return sum(r.accepted for r in self.rounds) / proposed if proposed else None

    @property
    def tokens_per_round(self) -> float | None:
        """Mean number of tokens written per round; None without rounds. The target alone writes 1."""
        return sum(len(r.tokens) for r in self.rounds) / len(self.rounds) if self.rounds else None

    def to_pandas(self) -> pandas.DataFrame:
        """One row per round, one column per field.

        Raises:
            PackageMissing: without pandas (the `pandas` extra).
        """
        columns = ["window", "position", "drafter", "drafter_label", "proposed", "accepted", "token", "temperature"]
        columns += ["draft_seconds", "verify_seconds", "covered", "target_probs", "draft_probs", "alternatives"]
        columns += ["alternative_draft_probs", "batch"]
        return data_frame(columns, ([getattr(r, name) for name in columns] for r in self.rounds))


@dataclass(frozen=True)
class Timing:
    """Wall seconds per phase. Time shared by recordings that were decoded together is divided among them.

    Attributes:
        read: reading, decoding and resampling the audio.
        features: log-mel features.
        encode: encoder, cross-attention keys and values, language detection.
        prefill: the target's passes over the windows' prompts.
        draft: proposing tokens.
        verify: the target's other passes.
        align: word timestamps.
        total: everything, from the call to the transcript.
        audio: seconds of audio that were transcribed.
    """

    read: float = 0.0
    features: float = 0.0
    encode: float = 0.0
    prefill: float = 0.0
    draft: float = 0.0
    verify: float = 0.0
    align: float = 0.0
    total: float = 0.0
    audio: float = 0.0

    @property
    def rtfx(self) -> float:
        """Real-time factor: seconds of audio per wall second; higher is faster. 0 if nothing was timed."""
        return self.audio / self.total if self.total else 0.0

    @property
    def other(self) -> float:
        """Seconds of `total` outside the named phases."""
        named = (self.read, self.features, self.encode, self.prefill, self.draft, self.verify, self.align)
        return max(0.0, self.total - sum(named))


@dataclass(frozen=True)
class Models:
    """The models that wrote a transcript, and their settings.

    Attributes:
        target: name as given to `Engine.load`.
        draft: likewise; None for the target alone.
        device: such as "cpu (2 threads)".
        dtype: such as "float16".
        attention: implementation of attention.
    """

    target: str
    draft: str | None = None
    device: str = "cpu"
    dtype: str = "float32"
    attention: str = "sdpa"


@dataclass(frozen=True)
class Transcript:
    """The transcript of one recording.

    Attributes:
        segments: in order of time.
        language: code, given or detected; None if it is not known.
        task: "transcribe" or "translate".
        duration: seconds of the recording, or of the part that was transcribed.
        source: name of the recording.
        options: as given.
        trace: every round of speculation.
        timing: wall seconds per phase.
        models: the models that wrote it.
        language_probability: probability of the detected language, 0 to 1; None if none was detected.
        complete: False if an interrupt or damaged audio ended it early.
        skipped: windows classified as silence, with the omitted text and the reason as a flag.
        notes: further notes, one line each.
        mode: how the recording was cut into windows.
    """

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
    skipped: tuple[Segment, ...] = ()
    notes: tuple[str, ...] = ()
    mode: Mode = "sequential"

    def __str__(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        """The text of all segments, on one line."""
        return "".join(segment.text for segment in self.segments).strip()

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all segments; () unless `TranscribeOptions.words` was set."""
        return tuple(word for segment in self.segments for word in segment.words)

    def to_pandas(self, *, words: bool = False) -> pandas.DataFrame:
        """One row per segment: times, text, language, the window's scores and flags.

        Args:
            words: one row per word instead: times, text, probability, speaker. Empty unless `TranscribeOptions.words`
                was set.

        Raises:
            PackageMissing: without pandas (the `pandas` extra).
        """
        return table([self], words=words).drop(columns="source")

    def wer(self, reference: str | Transcript) -> WordErrors:
        """Word error rate against a reference, both after Whisper's normalizers (Radford et al. 2022, appendix C).

        Args:
            reference: the reference text, or another transcript.

        Returns:
            The rate, its counts, and the stretches that differ, with their times. Character error rate for languages
            that are written without spaces.

        Raises:
            PackageMissing: without jiwer (the `score` extra).
            OptionError: for a reference that is neither.
        """
        expected: Any = getattr(reference, "text", reference)  # of a Transcript
        pieces: list[TimedText] = [piece for segment in self.segments for piece in segment.words or (segment,)]
        language = "en" if self.task == "translate" else self.language
        return word_errors(self.text, expected, pieces, language=language, target=self.models.target)

    def with_speakers(self, turns: Iterable[tuple[float, float, str]] | str | os.PathLike[str] | Any) -> Transcript:
        """This transcript with the speaker of each word, from the turns of a diarizer.

        Args:
            turns: (start, end, name) tuples, in seconds of the recording; the path of an RTTM file; or an object with
                `itertracks(yield_label=True)`, such as pyannote's `Annotation`.

        Returns:
            A transcript in which each word has the speaker whose turns overlap it longest, or None if no turn does.

        Raises:
            TranscriptError: if the words have no times.
            OptionError: for invalid turns: a name that is not text, an end before its start, a line that is not RTTM,
                a file that cannot be read or that has only turns of other recordings.

        Example:
            >>> talk = engine.transcribe("talk.mp3", words=True)
            >>> talk.with_speakers([(0.0, 2.5, "Ada"), (2.5, 9.0, "Grace")]).save("talk.vtt")
        """
        if self.text and not self.words:
            raise TranscriptError("speaker names need word timestamps: transcribe with words=True (--words)")
        named = iter(speakers.names(self.words, speakers.read(turns, self.source)))
        segments = [
            replace(segment, words=tuple(replace(word, speaker=next(named)) for word in segment.words))
            for segment in self.segments
        ]
        return replace(self, segments=tuple(segments))

    def player(self, sound: Any = None) -> Player:
        """The player of this transcript, for a notebook.

        Args:
            sound: the recording, as for `Engine.transcribe`. None for the file or URL that the transcript names, or for
                the source that `%whisper` read.

        Returns:
            A widget.

        Raises:
            AudioNotFound: if `sound` is a file that does not exist.
            PackageMissing: without anywidget, or what else the notebook needs.
        """
        return hooks.players().of(self, sound)

    @property
    def edited(self) -> Transcript:
        """This transcript with the corrections made in its player, or itself if there are none."""
        return hooks.players().edited(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write to a file, atomically.

        Args:
            path: the extension determines the format, one of `formats.ENDINGS`.

        Returns:
            The path with `~` expanded.

        Raises:
            TranscriptError: for any other extension, a missing folder, or a file that cannot be written.
            PackageMissing: for a format whose package is not installed.
        """
        return formats.save(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Transcript:
        """Load a transcript that `save` wrote as JSON, equal to the one saved.

        Args:
            path: a .json file, in this or an older version of the format.

        Raises:
            TranscriptError: if there is no such file, or it is not such a transcript.
        """
        return documents.load(Transcript, path)


@dataclass(frozen=True)
class Finished:
    """Last event of a recording.

    Attributes:
        transcript: the result.
        place: index among the results of the call.
    """

    transcript: Transcript
    place: int = 0


Event = Started | Round | Segment | Finished  # what a transcription reports while it runs


def table(transcripts: Iterable[Transcript], *, words: bool = False) -> pandas.DataFrame:
    """One row per segment, or per word, of several transcripts; the first column is the source.

    Raises:
        PackageMissing: without pandas (the `pandas` extra).
    """
    columns = ("start", "end", "text", "probability", "speaker") if words else _SEGMENT_COLUMNS
    rows = []
    for transcript in transcripts:
        for item in transcript.words if words else transcript.segments:
            values = {name: getattr(item, name) for name in columns}
            if not words:
                values["language"] = values["language"] or transcript.language
            rows.append([transcript.source, *values.values()])
    return data_frame(("source", *columns), rows)
