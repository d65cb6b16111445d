"""A recording on its way through the models: its windows, and the transcript that they add up to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter

from whisper_magic.audio.load import AudioStream
from whisper_magic.engine.decode.round_timer import Clock
from whisper_magic.engine.decode.speculator import Decoded, Detected
from whisper_magic.engine.decode.word_timestamps import loudness, word_spans, words_of
from whisper_magic.engine.runtime.loaded_model import LoadedModel
from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.windows.batched import BatchedReader
from whisper_magic.engine.windows.coverage import Coverage
from whisper_magic.engine.windows.history import HISTORY, PreviousTranscript, history_key
from whisper_magic.engine.windows.languages import LanguageLog
from whisper_magic.engine.windows.opening import OpenRecording
from whisper_magic.engine.windows.plan import GUESS, STRIDE
from whisper_magic.engine.windows.reader import Reader, SequentialReader, WindowResult
from whisper_magic.engine.windows.stream import ALL_FRAMES, Part
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Models, Round, Segment, Timing, Trace, Transcript, Word

CUT_SHORT = "cut short"  # flags the last segment of a window that was stopped
REPEATED_SEGMENTS = 2  # segments in a row with the same words, after which another is flagged
ONCE = "the language was detected once; where it changes, language='per-window' detects it in each window"


class Recording:
    """One recording: its windows, and what has been written.

    Attributes:
        id: Goes with its windows.
        source_index: Of its source, among those that were asked for.
        stream: Its audio.
        features: Its features.
        rounds: Every round so far.
        total_seconds: Wall seconds in all; None while it is not done.
    """

    def __init__(
        self,
        model: LoadedModel,
        opened: OpenRecording,
        *,
        id: int = 0,
        source_index: int = 0,
        single_source: bool = True,
    ) -> None:
        """single_source: Whether no other recording is decoded at the same time."""
        self.id, self.source_index, self._single_source = id, source_index, single_source
        self.target, self.options, self.plan, self.mode = model.target, opened.options, opened.plan, opened.mode
        self.stream, self.features, self._opened = opened.stream, opened.features, opened
        self.total_seconds: float | None = None
        self.clock = Clock()
        self.rounds: list[Round] = []
        self._coverage = Coverage(self.plan)
        self.segments: list[Segment] = []
        self._by_timestamps: list[Segment] = []  # with the times that the target wrote, whatever those of the words are
        self.skipped: list[Segment] = []
        self._early: list[tuple[int, list[Segment]]] = []  # by first frame, of windows before which text may still come
        self._languages = LanguageLog(self._codes)
        self._history_key = history_key(self.features.fingerprint, self.options.task)
        self._previous = HISTORY.get(self._history_key) if self.options.draft == "auto" else None
        self._reader: Reader | None = None

    @property
    def reader(self) -> Reader:
        """Made when the first window is wanted."""
        if self._reader is None:
            kind = BatchedReader if self.mode == "batched" else SequentialReader
            parts = self.features.parts(self.plan.clips)
            self._reader = kind(self.features, parts, self.plan, self.target.text, self.id)
            self._note_end()  # a recording shorter than a frame has no window at all
        return self._reader

    @property
    def done(self) -> bool:
        return self.total_seconds is not None

    def close(self) -> None:
        """Close its audio."""
        self._opened.sound.close()

    def next_window(self) -> Window | None:
        """The next window that is ready, or None."""
        window = self.reader.next_window()
        if window is None:
            self._note_end()  # nothing but silence may have been left
        return window

    def set_language(self, detected: Detected) -> None:
        """The language detected in a window."""
        self.reader.set_language(detected.language, detected.probability, detected.window)

    def add_round(self, window: Window, written: Round) -> Round:
        """Keep a round. Returns it with the seconds of its window that the text covers by now."""
        written = replace(written, covered=self._coverage.add(window, written.tokens))
        self.rounds.append(written)
        return written

    def accept(self, decoded: Decoded, final: bool = False) -> list[Segment]:
        """Take a window that has ended.

        Args:
            decoded: What it held.
            final: Whether the run was stopped before its end: its last segment is flagged so.

        Returns:
            The segments that are certain now, in order.
        """
        self.clock.add(decoded.clock)
        self._coverage.forget(decoded.window)
        if decoded.rounds:
            self._add_probs(decoded)
        result = self.reader.accept(decoded, final)
        if result.retry:
            return []
        segments = self._segments(result, decoded)
        if final and segments:
            segments[-1] = replace(segments[-1], flags=(*segments[-1].flags, CUT_SHORT))
        if result.silent:
            self.skipped += segments
            segments = []
        else:
            window = decoded.window
            self._languages.add(decoded, self.plan.seconds(window.first), self.reader.voiced_seconds(window))
        self._early.append((decoded.window.first, segments))
        ready = self._in_order(everything=final)
        if not final:
            self._note_end()
        return ready

    def _add_probs(self, decoded: Decoded) -> None:
        """The rounds of a window come again at its end, with what is known by then."""
        own = [i for i, round_ in enumerate(self.rounds) if round_.window == decoded.window.index]
        for index, judged in zip(own[-len(decoded.rounds) :], decoded.rounds, strict=True):
            self.rounds[index] = replace(judged, covered=self.rounds[index].covered)

    def _in_order(self, everything: bool = False) -> list[Segment]:
        """Segments of which none that is still to come is earlier; with `everything`, all of them."""
        settled = ALL_FRAMES if everything else self.reader.settled_until
        ready: list[Segment] = []
        for first, segments in sorted(self._early, key=lambda early: early[0]):
            if first < settled:
                for segment in segments:
                    ready.append(self._flag_repetition(segment))
                    self.segments.append(ready[-1])
        self._early = [early for early in self._early if early[0] >= settled]
        return ready

    def _flag_repetition(self, segment: Segment) -> Segment:
        """Flag a segment with the words of those just before it: a loop that no single window shows."""
        before = [segment.text.strip() for segment in self.segments[-REPEATED_SEGMENTS:]]
        if len(before) < REPEATED_SEGMENTS or {*before} != {segment.text.strip()}:
            return segment
        return replace(segment, flags=(*segment.flags, "repeats the previous segments"))

    def _note_end(self) -> None:
        if self.reader.done and self.total_seconds is None:
            self.total_seconds = perf_counter() - self._opened.began
            decoded = sorted(self._by_timestamps, key=lambda segment: segment.start)
            HISTORY.put(self._history_key, PreviousTranscript(tuple(decoded), self.target.special))

    def expected(self, window: Window) -> list[int]:
        """The tokens of a window by the previous transcript, timestamps included; [] without one."""
        if self._previous is None:
            return []
        plan, special = self.plan, self.target.special
        step = STRIDE * plan.frame_seconds
        begin = plan.seconds(window.first)
        last = int(self.target.config.max_source_positions)
        tokens: list[int] = []
        for segment in self._previous.segments:
            first, end = (round((second - begin) / step) for second in (segment.start, segment.end))
            if first < 0 or end > last:
                continue
            if self._previous.vocabulary == special:
                text = [token for token in segment.tokens if token < special.eot]
            else:
                text = self.target.tokenizer(segment.text, add_special_tokens=False)["input_ids"]
            if self.options.timestamps:
                text = [special.timestamp_begin + first, *text, special.timestamp_begin + end]
            tokens += text
        return [*tokens, special.eot]

    # -- segments ----------------------------------------------------------------------------------------------------

    def _segments(self, result: WindowResult, decoded: Decoded) -> list[Segment]:
        """A segment for every piece that holds a word; one that does not is silence.

        With words, a segment begins with its first and ends with its last.
        """
        segments: list[Segment] = []
        words_of_pieces = self._words(result, decoded) if decoded.times else [()] * len(result.pieces)
        for piece, words in zip(result.pieces, words_of_pieces, strict=True):
            text = self.target.text(piece.tokens)
            if not text.strip():
                continue
            segment = self.reader.segment(piece, text, decoded, result.flags, words)
            language = self._codes[decoded.language] if decoded.language and self.plan.per_window else None
            if not result.silent:
                self._by_timestamps.append(segment)
            if words:
                segment = replace(segment, start=words[0].start, end=words[-1].end)
            segments.append(replace(segment, language=language))
        return segments

    def _words(self, result: WindowResult, decoded: Decoded) -> list[tuple[Word, ...]]:
        """The words of each piece of a window."""
        window, first = decoded.window, 0
        by_piece: list[tuple[Word, ...]] = []
        for piece in result.pieces:
            positions = [
                i for i in range(first, first + len(piece.tokens)) if decoded.tokens[i] < self.target.special.eot
            ]
            by_piece.append(
                words_of(
                    self.target.tokenizer,
                    [decoded.tokens[i] for i in positions],
                    [(decoded.times[i][0] * STRIDE, decoded.times[i][1] * STRIDE) for i in positions],
                    [math.exp(decoded.logprobs[i]) for i in positions],
                    self._codes.get(decoded.language or 0) or self._language(),
                )
            )
            first += len(piece.tokens)
        by_tokens = [(word.start, word.end) for words in by_piece for word in words]
        spans = iter(word_spans(by_tokens, loudness(window.features), result.end - window.first))

        def timed(word: Word) -> Word:
            start, end = next(spans)
            return replace(
                word, start=self.plan.seconds(window.first + start), end=self.plan.seconds(window.first + end)
            )

        return [tuple(timed(word) for word in words) for words in by_piece]

    # -- the transcript ----------------------------------------------------------------------------------------------

    def transcript(self, models: Models, notes: tuple[str, ...] = ()) -> Transcript:
        """What is written by now; of a recording that is not done, `timing.audio` counts the seconds that were read."""
        reader = self._reader
        return Transcript(
            segments=tuple(
                sorted(self.segments, key=lambda segment: segment.start)
            ),  # stopped windows are not in order
            language=self._language(),
            language_probability=reader.language_probability if reader and not self.plan.per_window else None,
            task=self.options.task,
            duration=self.features.duration,
            source=_name(self.stream, self.options),
            options=self.options,
            trace=Trace(tuple(self.rounds)),
            timing=self._timing(),
            models=models,
            skipped=tuple(sorted([*self.skipped, *self._left_out()], key=lambda segment: segment.start)),
            complete=self.done and not self.features.damage,
            notes=(*self._notes(), *notes),
            mode=self.mode,
        )

    def _left_out(self) -> Iterator[Segment]:
        """A segment without text for each part of which nothing was written, flagged with the reason."""
        for part in self._reader.unread if self._reader else ():
            yield self._without_text(part, "voice was detected, but no text was written")
        for part in self._reader.silent if self._reader else ():
            yield self._without_text(part, "digital silence")
        for gap in self.features.gaps:
            level = 20 * math.log10(max(self.features.peak(gap), 1e-10))
            yield self._without_text(gap, f"no voice detected (peak {level:.0f} dBFS)")

    def _without_text(self, part: Part, flag: str) -> Segment:
        last = min(part.last, self.features.num_content_frames)
        return Segment(self.plan.seconds(part.first), self.plan.seconds(last), "", flags=(flag,))

    def _notes(self) -> Iterator[str]:
        """What people should know about how it was read, a line each."""
        features = self.features
        if features.damage:
            yield f"read up to the damage: {features.damage}"
        yield from self.stream.notes
        if features.detector:
            yield f"pauses found by {features.detector}"
        beyond = [clip for clip in self.plan.clips if clip.first >= features.num_content_frames]
        for clip in beyond if features.ended else ():
            first, last = (self.plan.seconds(frame) for frame in (clip.first, clip.last))
            end = self.plan.seconds(features.num_content_frames)
            yield f"nothing to transcribe in the clip {first:g}-{last:g} s: the recording ends at {end:.1f} s"
        if self.options.language is None and self._codes:
            several = features.num_content_frames > self.plan.window_frames
            guessed = several and any(GUESS in flag for segment in self.segments for flag in segment.flags)
            changes = self._languages.note(self._language())
            if changes or guessed:
                yield changes or ONCE
        if features.in_parts:
            yield "read in parts because of its length: loudness is relative to the part read so far, not to all of it"

    def _timing(self) -> Timing:
        clock = self.clock
        return Timing(
            read=self._opened.open_seconds + self.features.read_seconds,
            features=self.features.features_seconds,
            encode=clock.encode,
            prefill=clock.prefill,
            draft=clock.draft,
            verify=clock.verify,
            align=clock.align,
            total=self._total(),
            audio=self._seconds_read(),
        )

    def _total(self) -> float:
        """Wall seconds; of recordings decoded together, each one's share, so that they add up to the wall's."""
        if not self._single_source:
            read = self._opened.open_seconds + self.features.read_seconds
            return read + self.features.features_seconds + self.clock.total
        return perf_counter() - self._opened.began if self.total_seconds is None else self.total_seconds

    def _seconds_read(self) -> float:
        """Of what was asked for, as much as is transcribed by now."""
        if self.done and not self.plan.clips:
            return self.features.duration
        content, reader = self.features.num_content_frames, self._reader
        read = content if self.done else min(reader.frames_read, content) if reader else 0
        clips = self.plan.clips or (Part(0, ALL_FRAMES),)
        return sum(max(0, min(clip.last, read) - clip.first) for clip in clips) * self.plan.frame_seconds

    @property
    def _codes(self) -> dict[int, str]:
        """Languages by their tokens."""
        return {token: code for code, token in self.target.special.languages.items()}

    def _language(self) -> str | None:
        """The one of most of the recording, where each window's was detected."""
        if self.plan.per_window and self._languages.most_common:
            return self._languages.most_common
        codes = self._codes
        for token in (self._reader.language if self._reader else None, *self.plan.forced):
            if token in codes:
                return codes[token]
        return self._languages.most_common if codes else "en"


def _name(stream: AudioStream, options: TranscribeOptions) -> str:
    """The source, and which of its channels where each gives a transcript."""
    return f"{stream.source} ({stream.channel})" if options.channel == "split" else stream.source
