"""Word error rate against a reference, with the stretches that differ and their times.

Both texts are normalized by Whisper's own normalizers, English or basic, as in Radford et al. 2022 (arXiv:2212.04356),
appendix C; jiwer aligns them. Needs no torch: transformers' module of normalizers imports none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, Protocol

from whisper_magic.errors import OptionError, PackageMissing
from whisper_magic.wording import counted

Kind = Literal["equal", "substitution", "deletion", "insertion"]
Unit = Literal["word", "character"]

# Written without spaces: the paper (appendix C) counts characters for these, that is, their character error rate.
NO_SPACES = frozenset({"zh", "yue", "ja", "th", "lo", "my"})
_KINDS: dict[str, Kind] = {
    "equal": "equal",
    "substitute": "substitution",
    "delete": "deletion",
    "insert": "insertion",
}


class TimedText(Protocol):
    """A part of a transcript with its times in seconds: a `Word` or a `Segment`."""

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...

    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Stretch:
    """Consecutive words of one kind: all equal, or all wrong in the same way.

    Attributes:
        kind: "equal", "substitution", "deletion" or "insertion".
        reference: normalised words of the reference; () for an insertion.
        written: normalised words of the transcript; () for a deletion.
        start: start time in seconds; for a deletion, the end of the word before. None if it is unknown.
        end: end time in seconds; for a deletion, the start of the word after. None if it is unknown.
    """

    kind: Kind
    reference: tuple[str, ...]
    written: tuple[str, ...]
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class WordErrors:
    """The result of `Transcript.wer`.

    Attributes:
        rate: errors / words of the reference. It may exceed 1, and is infinite if the transcript has words but the
            reference has none.
        hits: words that are equal.
        substitutions: words that replace others.
        deletions: words of the reference that are missing.
        insertions: words that the reference does not have.
        unit: the unit that is counted, "word" or "character".
        normalizer: name of the normalizer of both texts.
        stretches: both texts, aligned, in order.
    """

    rate: float
    hits: int
    substitutions: int
    deletions: int
    insertions: int
    unit: Unit = "word"
    normalizer: str = ""
    stretches: tuple[Stretch, ...] = ()

    @property
    def differences(self) -> tuple[Stretch, ...]:
        """The stretches that differ, in order."""
        return tuple(stretch for stretch in self.stretches if stretch.kind != "equal")

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def words(self) -> int:
        """Number of words in the reference, or of characters if these are counted."""
        return self.hits + self.substitutions + self.deletions

    def __str__(self) -> str:
        kinds = f"{self.substitutions} substituted, {self.deletions} missing, {self.insertions} extra"
        of = f"{counted(self.errors, 'error')} in {counted(self.words, self.unit)}"
        return f"{self.unit.capitalize()} error rate {percent(self.rate)}: {of} ({kinds}; {self.normalizer})"


@dataclass(frozen=True)
class ErrorCounts:
    """Errors of a text against a reference, in words and in characters, which can be summed over recordings.

    Attributes:
        word_errors: number of words substituted, missing and extra.
        words: number of words in the reference.
        character_errors: number of character errors, including spaces between words.
        characters: number of characters in the reference.
    """

    word_errors: int
    words: int
    character_errors: int
    characters: int


def error_counts(text: str, reference: str, *, language: str | None, target: str) -> ErrorCounts:
    """Count errors, after Whisper's normalizers.

    Args:
        text: text of the transcript.
        reference: the reference text.
        language: code of the language of both texts; None if it is not known.
        target: the checkpoint that wrote `text`.

    Raises:
        PackageMissing: without jiwer.
    """
    jiwer = _jiwer()
    normalise, _, _ = _normalizer(language, target)
    expected, written = " ".join(normalise(reference).split()), " ".join(normalise(text).split())
    words, letters = jiwer.process_words(expected, written), jiwer.process_characters(expected, written)
    return ErrorCounts(
        words.substitutions + words.deletions + words.insertions,
        words.hits + words.substitutions + words.deletions,
        letters.substitutions + letters.deletions + letters.insertions,
        letters.hits + letters.substitutions + letters.deletions,
    )


def percent(rate: float) -> str:
    """A rate as text: '8.3%', or 'infinite' if the reference is empty."""
    return f"{rate:.1%}" if math.isfinite(rate) else "infinite"


def word_errors(
    text: str, reference: str, pieces: Sequence[TimedText], *, language: str | None, target: str
) -> WordErrors:
    """Compare a transcript's text with a reference, both after Whisper's normalizers.

    Args:
        text: text of the transcript.
        reference: the reference text.
        pieces: the smallest parts of `text` with known times, in order: words if there are any, else segments.
        language: code of the language of both texts; None if it is not known.
        target: the checkpoint that wrote `text`, whose table of English spellings is used if available.

    Returns:
        Counts, rate and aligned stretches of both texts.

    Raises:
        PackageMissing: without jiwer.
        OptionError: for a reference that is not text.
    """
    if not isinstance(reference, str):
        raise OptionError(f"a reference is text or a Transcript, got {type(reference).__name__}; read a file first")
    jiwer = _jiwer()
    normalise, name, unit = _normalizer(language, target)
    expected, written = normalise(reference).split(), normalise(text).split()
    alignment = jiwer.process_words(" ".join(expected), " ".join(written))
    spans = _Spans(pieces, written, normalise)
    stretches = tuple(
        Stretch(
            _KINDS[chunk.type],
            tuple(expected[chunk.ref_start_idx : chunk.ref_end_idx]),
            tuple(written[chunk.hyp_start_idx : chunk.hyp_end_idx]),
            *spans.of(chunk.hyp_start_idx, chunk.hyp_end_idx),
        )
        for chunk in alignment.alignments[0]
    )
    errors = alignment.substitutions + alignment.deletions + alignment.insertions
    rate = errors / len(expected) if expected else math.inf if written else 0.0
    return WordErrors(
        rate, alignment.hits, alignment.substitutions, alignment.deletions, alignment.insertions, unit, name, stretches
    )


def _jiwer() -> Any:
    try:
        import jiwer
    except ImportError as error:
        raise PackageMissing("word error rates need jiwer: pip install 'whisper-magic[score]'") from error
    return jiwer


# Normalizers


def _normalizer(language: str | None, target: str) -> tuple[Callable[[str], str], str, Unit]:
    """The normalizer of a language, its name, and the unit that is counted."""
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer

    if language == "en":
        spelling = _spelling(target)
        short = "" if spelling else " without its table of spellings"
        return EnglishTextNormalizer(spelling), f"Whisper's English normalizer{short}", "word"
    if language in NO_SPACES:
        return BasicTextNormalizer(split_letters=True), "Whisper's basic normalizer, by character", "character"
    return BasicTextNormalizer(), "Whisper's basic normalizer", "word"


def _spelling(target: str) -> dict[str, str]:
    """British -> American spellings, from the checkpoint's folder or the hub's cache; {} without. Downloads nothing."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    path = Path(target) / "normalizer.json"
    try:
        if not path.is_file():
            cached = try_to_load_from_cache(target, "normalizer.json")
            if not isinstance(cached, str):
                return {}
            path = Path(cached)
        spelling: dict[str, str] = json.loads(path.read_text("utf-8"))
    except (HFValidationError, OSError, ValueError):  # no hub name; not readable; not JSON
        return {}
    return spelling


# Times


@dataclass(frozen=True)
class _Span:
    """Start and end in seconds of a word or segment, and its index among the pieces."""

    start: float
    end: float
    piece: int


class _Spans:
    """Times of each normalised word of a transcript.

    Normalizers join and split words ("twenty five" is 25, "it's" is "it is"), so that indices do not carry over: each
    piece is normalised alone as well, and the two texts are aligned.
    """

    def __init__(self, pieces: Sequence[TimedText], written: Sequence[str], normalise: Callable[[str], str]) -> None:
        self._spans: list[_Span | None] = [None] * len(written)
        timed = [(piece.text, _Span(piece.start, piece.end, number)) for number, piece in enumerate(pieces)]
        apart = [(token, span) for text, span in timed for token in normalise(text).split()]
        alignment = _jiwer().process_words(" ".join(written), " ".join(token for token, _ in apart))
        for equal, group in groupby(alignment.alignments[0], key=lambda chunk: chunk.type == "equal"):
            chunks = list(group)
            first, last = chunks[0], chunks[-1]
            places = range(first.ref_start_idx, last.ref_end_idx)
            spans = [span for _, span in apart[first.hyp_start_idx : last.hyp_end_idx]]
            for place in places:
                self._spans[place] = spans[place - places.start] if equal else _around(spans)

    def of(self, first: int, end: int) -> tuple[float | None, float | None]:
        """Start and end of the words first to end - 1; if there are none, of the gap between their neighbours."""
        spans = [span for span in self._spans[first:end] if span is not None]
        if not spans:
            spans = [span for span in self._spans[max(0, first - 1) : end + 1] if span is not None]
            if len(spans) == 2 and spans[0].piece != spans[1].piece:
                before, after = sorted((spans[0].end, spans[1].start))
                return before, after
        whole = _around(spans)
        return (None, None) if whole is None else (whole.start, whole.end)


def _around(spans: Sequence[_Span]) -> _Span | None:
    if not spans:
        return None
    return _Span(min(span.start for span in spans), max(span.end for span in spans), spans[0].piece)
