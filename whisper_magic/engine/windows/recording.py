"""A recording on its way through the models: its windows, and the transcript that they add up to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter

from whisper_magic.audio.features import LogMel
from whisper_magic.audio.load import AudioStream
from whisper_magic.audio.vad import Pauses
from whisper_magic.engine.decode.speculator import Clock, Decoded, Detected
from whisper_magic.engine.decode.word_timestamps import words_of
from whisper_magic.engine.model.checkpoint import Checkpoint
from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.windows.batched import BatchedReader, batch_pauses
from whisper_magic.engine.windows.history import MEMORY, Heard, fingerprint
from whisper_magic.engine.windows.planning import mode_for, plan_for, text_of
from whisper_magic.engine.windows.reader import STRIDE, Reader, SequentialReader, Verdict
from whisper_magic.engine.windows.stream import Hearing
from whisper_magic.errors import OptionError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Models, Round, Segment, Timing, Trace, Transcript, Word

SILENCE = Pauses(pause=2.0, margin=0.4, longest=300.0)  # what vad=True leaves out where windows are read in sequence
VOICED = 0.4  # share of the sound: where less of it is found to be voice, windows are not cut by that
SAID_AGAIN = 2  # segments in a row with the same words, after which another is doubted


class Recording:
    """One recording: what is to be read of it, and what has been written."""

    def __init__(
        self,
        target: Checkpoint,
        front: LogMel,
        sound: AudioStream,
        options: TranscribeOptions,
        *,
        load_seconds: float = 0.0,
        index: int = 0,
        alone: bool = True,
    ) -> None:
        """load_seconds: spent on it already. index: of the source, for whoever asked. alone: no other recording is
        decoded at the same time. As much of the sound is heard as is heard at once.

        Raises:
            OptionError: for what this checkpoint cannot do.
            AudioError: for sound that cannot be read.
        """
        self.alone, self.index = alone, index
        self.target, self.front, self.sound, self.options = target, front, sound, options
        self.began = perf_counter() - load_seconds
        self._load_seconds = load_seconds
        self.plan = plan_for(target, front, sound, options)
        self.window_seconds = self.plan.window_frames * self.plan.frame_seconds
        self.mode = mode_for(options, front, sound, self.window_seconds, alone)
        pauses = batch_pauses(self.window_seconds) if self.mode == "batched" else SILENCE if options.vad else None
        self.hearing = Hearing(sound, front, pauses)
        self.hearing.hear(1)
        self._key = fingerprint(self.hearing.fingerprint, options.task)
        asked = options.mode == "batched" or options.vad or not options.timestamps
        if self.mode == "batched" and not asked and self.hearing.voiced < VOICED:
            self.mode = "sequential"  # singing, or a voice that the detector does not know: read it all
            self.hearing.everything()
        self._check_length()
        self._before = MEMORY.recall(self._key) if options.draft == "auto" else None
        self.total_seconds: float | None = None
        self.clock = Clock()
        self.rounds: list[Round] = []
        self.segments: list[Segment] = []
        self.skipped: list[Segment] = []
        self._early: dict[int, list[Segment]] = {}  # of windows that ended before one that comes before them
        self._windows_done = 0
        self._languages: Counter[str] = Counter()  # frames in each
        self._reader: Reader | None = None

    @property
    def reader(self) -> Reader:
        """Made when the first window is wanted."""
        if self._reader is None:
            kind = BatchedReader if self.mode == "batched" else SequentialReader
            parts = self.hearing.parts(self.plan.clips)
            self._reader = kind(self.hearing, parts, self.plan, lambda ids: text_of(self.target, ids), self)
            self._note_end()  # a recording shorter than a frame has no window at all
        return self._reader

    @property
    def done(self) -> bool:
        return self.total_seconds is not None

    def next_window(self) -> Window | None:
        """The next window that is ready, or None."""
        return self.reader.next_window()

    def accept(self, decoded: Decoded, final: bool = False) -> list[Segment]:
        """Take a window that has ended; the segments that are known now, in order. `final` takes an unfinished one,
        flagged so."""
        self.clock.add(decoded.clock)
        verdict = self.reader.accept(decoded, final)
        if verdict.retry:
            return []
        flags = (*verdict.flags, "cut short") if final else verdict.flags
        segments = self._segments(verdict, decoded, flags)
        self._note_language(decoded)
        if verdict.silent:
            self.skipped += segments
            segments = []
        self._early[decoded.window.index] = segments
        ready = self._in_order(all_of_them=final)
        if not final:
            self._note_end()
        return ready

    def _in_order(self, all_of_them: bool = False) -> list[Segment]:
        """Segments of which none that is still to come is earlier; where all are wanted, whatever is still to come."""
        ready: list[Segment] = []
        for index in sorted(self._early):
            if index != self._windows_done and not all_of_them:
                break
            for segment in self._early.pop(index):
                ready.append(self._doubted(segment))
                self.segments.append(ready[-1])
            self._windows_done = index + 1
        return ready

    def _doubted(self, segment: Segment) -> Segment:
        """Flagged, where it says what was said just before, again and again: a loop that no window shows by itself."""
        before = [one.text.strip() for one in self.segments[-SAID_AGAIN:]]
        if len(before) < SAID_AGAIN or {*before} != {segment.text.strip()}:
            return segment
        return replace(segment, flags=(*segment.flags, "says again what was said before"))

    def heard_language(self, found: Detected) -> None:
        """What a window was found to be in."""
        self.reader.heard_language(found.language, found.probability)

    def _note_language(self, decoded: Decoded) -> None:
        if decoded.language is not None:
            self._languages[self._codes[decoded.language]] += decoded.window.content_frames

    def _note_end(self) -> None:
        if self.reader.done and self.total_seconds is None:
            self.total_seconds = perf_counter() - self.began
            MEMORY.keep(self._key, Heard(tuple(self.segments), self.target.special))

    def _check_length(self) -> None:
        """One window is all that can be read in sequence without timestamps."""
        window, duration = self.plan.window_frames, self.hearing.duration
        if self.options.timestamps or self.mode == "batched" or self.hearing.hear(window + 1) <= window:
            return
        raise OptionError(
            f"timestamps=False works up to one window ({self.window_seconds:.0f} s), and "
            f"{self.sound.source} has {duration:.1f} s; leave timestamps on, cut with start and end, or pass "
            "mode='batched'"
        )

    def expected(self, window: Window) -> list[int]:
        """What a window says, going by the previous transcript: its tokens, timestamps included."""
        if self._before is None:
            return []
        plan, special = self.plan, self.target.special
        step = STRIDE * plan.frame_seconds
        begin = plan.seconds(window.first)
        last = int(self.target.config.max_source_positions)
        tokens: list[int] = []
        for segment in self._before.segments:
            first, end = (round((second - begin) / step) for second in (segment.start, segment.end))
            if first < 0 or end > last:
                continue
            if self._before.vocabulary == special:
                text = [token for token in segment.tokens if token < special.eot]
            else:
                text = self.target.tokenizer(segment.text, add_special_tokens=False)["input_ids"]
            if self.options.timestamps:
                text = [special.timestamp_begin + first, *text, special.timestamp_begin + end]
            tokens += text
        return [*tokens, special.eot]

    def _segments(self, verdict: Verdict, decoded: Decoded, flags: tuple[str, ...]) -> list[Segment]:
        """A segment for every piece that holds a word; one that does not is silence."""
        segments, first = [], 0
        for piece in verdict.pieces:
            text = text_of(self.target, piece.tokens)
            if text.strip():
                words = self._words(decoded, first, len(piece.tokens)) if decoded.times else ()
                segment = self.reader.segment(piece, text, decoded, flags, words)
                language = self._codes[decoded.language] if decoded.language and self.plan.per_window else None
                segments.append(replace(segment, language=language))
            first += len(piece.tokens)
        return segments

    def _words(self, decoded: Decoded, first: int, count: int) -> tuple[Word, ...]:
        """The words of `count` tokens of a window, from its token `first` on. A token starts where the one before it
        ends."""
        times = [self.plan.seconds(decoded.window.first + time * STRIDE) for time in decoded.times]
        places = [i for i in range(first, first + count) if decoded.tokens[i] < self.target.special.eot]
        return words_of(
            self.target.tokenizer,
            [decoded.tokens[i] for i in places],
            [(times[i], times[i + 1]) for i in places],
            [math.exp(decoded.logprobs[i]) for i in places],
            self._codes.get(decoded.language or 0) or self._language(),
        )

    def transcript(self, models: Models, notes: tuple[str, ...] = ()) -> Transcript:
        """What is written by now; of a recording that is not done, `timing.audio` counts the seconds that were read."""
        reader = self._reader
        return Transcript(
            segments=tuple(sorted(self.segments, key=lambda segment: segment.start)),  # stopped windows come as they do
            language=self._language(),
            language_probability=reader.language_probability if reader and not self.plan.per_window else None,
            task=self.options.task,
            duration=self.hearing.duration,
            source=_name(self.sound, self.options),
            options=self.options,
            trace=Trace(tuple(self.rounds)),
            timing=self._timing(),
            models=models,
            skipped=tuple(sorted(self.skipped, key=lambda segment: segment.start)),
            complete=self.done and not self.hearing.damage,
            notes=(*self._notes(), *notes),
            mode=self.mode,
        )

    def _notes(self) -> Iterator[str]:
        """What is to be known of how it was read."""
        hearing = self.hearing
        if hearing.damage:
            yield f"read up to the damage: {hearing.damage}"
        yield from self.sound.notes
        if hearing.voice_found_by:
            yield f"pauses found by {hearing.voice_found_by}"
        if hearing.in_parts:
            yield "heard in parts, being long: loudness is judged by what was heard so far, not by the whole recording"

    def _timing(self) -> Timing:
        clock = self.clock
        return Timing(
            load=self._load_seconds + self.hearing.seconds,
            features=self.hearing.features_seconds,
            encode=clock.encode,
            prefill=clock.prefill,
            draft=clock.draft,
            verify=clock.verify,
            align=clock.align,
            total=self._total(),
            audio=self.hearing.duration if self.done else self._seconds_read(),
        )

    def _total(self) -> float:
        """Wall seconds; of recordings decoded together, each one's share, so that they add up to the wall's."""
        if not self.alone:
            return self._load_seconds + self.hearing.seconds + self.hearing.features_seconds + self.clock.total
        return perf_counter() - self.began if self.total_seconds is None else self.total_seconds

    def _seconds_read(self) -> float:
        read = 0 if self._reader is None else min(self._reader.read_until, self.hearing.heard)
        return read * self.plan.frame_seconds

    @property
    def _codes(self) -> dict[int, str]:
        """Languages by their tokens."""
        return {token: code for code, token in self.target.special.languages.items()}

    def _language(self) -> str | None:
        """The one of most of the sound, where each window's was detected."""
        if self.plan.per_window and self._languages:
            return self._languages.most_common(1)[0][0]
        codes = self._codes
        for token in (self._reader.language if self._reader else None, *self.plan.forced):
            if token in codes:
                return codes[token]
        return None if codes else "en"


def _name(sound: AudioStream, options: TranscribeOptions) -> str:
    """The source, and which of its channels where each gives a transcript."""
    return f"{sound.source} ({sound.channel})" if options.channel == "split" else sound.source
