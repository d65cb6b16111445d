"""What a transcription returns: frozen dataclasses of plain Python. No torch, no notebook.

Files are written and read by `formats`, word error rates computed by `scoring`; the notebook's views are in `notebook`.
Times are in seconds from the start of the source.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whisper_magic import documents, formats, speakers
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
        speaker: None until `Transcript.with_speakers` names one.
    """

    text: str
    start: float
    end: float
    probability: float
    speaker: str | None = None


@dataclass(frozen=True)
class Segment:
    """The text between two timestamps (Whisper's segment).

    `avg_logprob`, `no_speech_prob` and `temperature` are those of the window that the segment was decoded in, as in
    openai/whisper `transcribe.py`; `compression_ratio` is that of the segment's own text.

    Attributes:
        start: seconds.
        end: seconds.
        text: as decoded, usually with a space in front.
        tokens: ids as decoded, timestamps included.
        words: () unless `TranscribeOptions.words` asks for them.
        avg_logprob: mean log-probability per token.
        no_speech_prob: probability of the no-speech token, 0 to 1.
        compression_ratio: bytes of the text over its zlib-compressed bytes; high for repetition.
        temperature: of the attempt that was kept.
        flags: reasons why the text may be wrong, a line each. A segment is flagged, never dropped silently.
        language: code, where the language of each window is detected; else None.
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
        source: name of what is transcribed.
        duration: seconds; 0 where it is not known yet.
    """

    source: str
    duration: float


@dataclass(frozen=True)
class TokenProb:
    """A token, and how likely it was.

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
        position: place of the round's first token in the decoder's context, prompt included.
        proposed: the token ids proposed.
        accepted: how many of them, from the first on, the target agreed with.
        token: the target's own next token, after the accepted ones; None where the window ended inside them.
        draft_seconds: wall seconds of proposing. Of a round that served several windows at once, this one's share.
        verify_seconds: wall seconds of the target's pass, over the prompt too in the first round; shared likewise.
        temperature: of this attempt at the window. A failed attempt's rounds stay in the trace.
        drafter: what proposed: "model", "ngram", "previous" (the previous transcript of the same audio) or "function"
            (`propose` of `Engine.transcribe`); None where nothing was proposed.
        covered: seconds of the window that its text covers after this round: up to its last timestamp, and behind that
            by the number of its tokens, an estimate.
        target_probs: p of each proposed token that was judged: the accepted ones and the one that was rejected. After
            the logit rules, at the attempt's temperature. () unless `TranscribeOptions.trace` asks for them.
        draft_probs: q of the same tokens; () where the draft model did not propose them.
        alternatives: of each token written, those that the target found likeliest, itself among them.
        alternative_draft_probs: q of the tokens in `alternatives`, in their order; () without a draft model.
        batch: windows that were decoded in the same pass, this one included.
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
    covered: float = 0.0
    target_probs: tuple[float, ...] = ()
    draft_probs: tuple[float, ...] = ()
    alternatives: tuple[tuple[TokenProb, ...], ...] = ()
    alternative_draft_probs: tuple[tuple[float, ...], ...] = ()
    batch: int = 1

    @property
    def tokens(self) -> tuple[int, ...]:
        """The token ids that this round wrote: the accepted ones, then the target's own."""
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
        """Accepted / proposed tokens, 0 to 1; None where nothing was proposed."""
        proposed = sum(len(r.proposed) for r in self.rounds)
        return sum(r.accepted for r in self.rounds) / proposed if proposed else None

    @property
    def tokens_per_round(self) -> float | None:
        """Mean number of tokens written per round; None without rounds. The target alone writes 1."""
        return sum(len(r.tokens) for r in self.rounds) / len(self.rounds) if self.rounds else None

    def to_pandas(self) -> pandas.DataFrame:
        """One row per round, a column per field.

        Raises:
            PackageMissing: without pandas (the `pandas` extra).
        """
        columns = ["window", "position", "drafter", "proposed", "accepted", "token", "temperature"]
        columns += ["draft_seconds", "verify_seconds", "covered", "target_probs", "draft_probs", "alternatives"]
        columns += ["alternative_draft_probs", "batch"]
        return data_frame(columns, ([getattr(r, name) for name in columns] for r in self.rounds))


@dataclass(frozen=True)
class Timing:
    """Wall seconds per phase. Recordings decoded together each get their share of the time.

    Attributes:
        read: reading, decoding and resampling the audio.
        features: log-mel features.
        encode: encoder, cross-attention keys and values, language detection.
        prefill: the target's passes over the windows' prompts.
        draft: proposing tokens.
        verify: the target's other passes.
        align: word times.
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
        """Real-time factor: seconds of audio per wall second; higher is faster. 0 where nothing was timed."""
        return self.audio / self.total if self.total else 0.0

    @property
    def other(self) -> float:
        """Seconds of `total` outside the named phases."""
        named = (self.read, self.features, self.encode, self.prefill, self.draft, self.verify, self.align)
        return max(0.0, self.total - sum(named))


@dataclass(frozen=True)
class Models:
    """The models that wrote a transcript, and the settings that were used.

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
    """What was said in one recording.

    Attributes:
        segments: in order of time.
        language: code, given or detected; None where it was not detected.
        task: "transcribe" or "translate".
        duration: seconds of the recording, or of the part that was asked for.
        source: name of the recording.
        options: as given.
        trace: every round of speculation.
        timing: wall seconds per phase.
        models: what wrote it.
        language_probability: of the detected language, 0 to 1; None where none was detected.
        complete: False where an interrupt or damaged audio ended it early.
        skipped: windows taken for silence, with the text that was left out, flagged.
        notes: what else a reader needs to know, a line each.
        mode: the order in which the windows were decoded.
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
        """The words of all segments; () unless `TranscribeOptions.words` asked for them."""
        return tuple(word for segment in self.segments for word in segment.words)

    def to_pandas(self, *, words: bool = False) -> pandas.DataFrame:
        """One row per segment: times, text, language, the window's scores and flags.

        Args:
            words: one row per word instead: times, text, probability, speaker. Empty unless `TranscribeOptions.words`
                asked for them.

        Raises:
            PackageMissing: without pandas (the `pandas` extra).
        """
        return table([self], words=words).drop(columns="source")

    def wer(self, reference: str | Transcript) -> WordErrors:
        """Word error rate against a reference, both after Whisper's normalizers (Radford et al. 2022, appendix C).

        Args:
            reference: what was said: text, or another transcript.

        Returns:
            The rate, its counts, and the stretches that differ with their times. Character error rate for languages
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
        """This transcript with the speaker of each word, from the turns that a diarizer found.

        Args:
            turns: (start, end, name) each, in seconds of the recording; the path of an RTTM file; or what has
                `itertracks(yield_label=True)`, as pyannote's `Annotation` has.

        Returns:
            A transcript in which each word has the name whose turns overlap it longest; a word in no turn has None.

        Raises:
            TranscriptError: where the words have no times.
            OptionError: for turns that make no sense: a name that is not text, an end before its start, a line that is
                not RTTM, a file that cannot be read or that has other recordings' turns alone.

        Example:
            >>> talk = engine.transcribe("talk.mp3", words=True)
            >>> talk.with_speakers([(0.0, 2.5, "Ada"), (2.5, 9.0, "Grace")]).save("talk.vtt")
        """
        if self.text and not self.words:
            raise TranscriptError("to name who speaks takes words with times: transcribe with words=True (--words)")
        named = iter(speakers.names(self.words, speakers.read(turns, self.source)))
        segments = [
            replace(segment, words=tuple(replace(word, speaker=next(named)) for word in segment.words))
            for segment in self.segments
        ]
        return replace(self, segments=tuple(segments))

    def player(self, sound: Any = None) -> Player:
        """The player of this transcript, for a notebook: sound and words in step.

        Args:
            sound: the recording, as `Engine.transcribe` takes it. None where it is the file or URL that the transcript
                names, or what `%whisper` read.

        Returns:
            A widget.

        Raises:
            AudioNotFound: where `sound` is a file that does not exist.
        """
        from whisper_magic.notebook.widgets.players import PLAYERS  # the one step up: a view, asked for by its data

        return PLAYERS.of(self, sound)

    @property
    def edited(self) -> Transcript:
        """This transcript with the corrections that were made in its player; itself where there are none."""
        from whisper_magic.notebook.widgets.players import PLAYERS

        return PLAYERS.edited(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write to a file, which appears whole or not at all.

        Args:
            path: its ending chooses the format, one of `formats.ENDINGS`.

        Returns:
            The path with `~` expanded.

        Raises:
            TranscriptError: for any other ending, a missing folder, or a file that cannot be written.
            PackageMissing: for a format whose package is not installed.
        """
        return formats.save(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Transcript:
        """Read back what `save` wrote as JSON, equal to what was saved.

        Args:
            path: of a .json file, of this or an older version of the format.

        Raises:
            TranscriptError: where there is no such file, or it is not such a transcript.
        """
        return documents.load(Transcript, path)


@dataclass(frozen=True)
class Finished:
    """Last event of a recording.

    Attributes:
        transcript: the result.
        place: its index among the results of the call.
    """

    transcript: Transcript
    place: int = 0


Event = Started | Round | Segment | Finished  # what a transcription reports while it runs


def table(transcripts: Iterable[Transcript], *, words: bool = False) -> pandas.DataFrame:
    """One row per segment, or per word, of several transcripts; the first column is each one's source.

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
