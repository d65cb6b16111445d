"""Engine: the resident pair of models, and the only public door to them.

    engine = Engine.load("demo")
    transcript = engine.transcribe("talk.mp3", language="en")

An engine serves one call at a time (a second thread waits). It holds no state of a recording between calls, so that
Ctrl-C at any moment leaves it ready for the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import torch

from whisper_magic.audio import load as sound
from whisper_magic.audio.load import Audio
from whisper_magic.engine.checkpoint import Checkpoint, read_draft, read_target
from whisper_magic.engine.hub import DEFAULT_DRAFTS, DEMO_DRAFT_NAME, DEMO_NAME
from whisper_magic.engine.placement import Placed, place
from whisper_magic.engine.run import Run, front_end, text_of
from whisper_magic.engine.runtime import Runtime
from whisper_magic.errors import EngineBusy, EngineClosed, Interrupted, OptionError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Models, Transcript

Source = Any  # what `audio.load` takes: a path, bytes, an array with a rate, an Audio, ...
OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class EngineStatus:
    """What is loaded, and what was actually chosen for it."""

    target: str
    draft: str | None
    device: str
    dtype: str
    attention: str
    notes: tuple[str, ...]  # one-line reasons for what was chosen
    languages: tuple[str, ...]
    load_seconds: float
    memory_bytes: int  # weights and caches


class Engine:
    """A target and its draft, resident. Make one with `Engine.load`."""

    def __init__(self, target: Checkpoint, draft: Checkpoint | None, placed: Placed, load_seconds: float) -> None:
        self._target: Checkpoint | None = target
        self._draft_name = draft.name if draft else None
        self._placed, self._load_seconds = placed, load_seconds
        self._runtime: Runtime | None = Runtime(target, draft)
        self._front = front_end(target, self._runtime.device)
        self._lock = threading.Lock()
        self._server: int | None = None  # the thread that is being served

    @classmethod
    def load(
        cls,
        target: str,
        draft: str | None = None,
        *,
        device: str | None = None,
        dtype: str | None = None,
        attention: str | None = None,
    ) -> Engine:
        """Load a target and a draft.

        target: a hub name, a local folder, or "demo" (bundled). draft: the same, or "none"; None takes the target's
        usual draft where there is one. device: "cuda", "cpu", ...; None takes CUDA where there is one. dtype:
        "float16", "bfloat16" or "float32"; None takes float16 on CUDA and float32 elsewhere. attention:
        "flash_attention_2", "sdpa" or "eager"; None takes the first that works. `status` tells what was actually
        chosen, and why.

        Raises:
            CheckpointError: where a model cannot be found, read, or paired with the other.
            OptionError: for a device, dtype or attention that does not exist here.
        """
        began = perf_counter()
        placed = place(device, dtype, attention)
        name = DEFAULT_DRAFTS.get(target) if draft is None else draft
        if name == DEMO_NAME:
            name = DEMO_DRAFT_NAME
        whole = read_target(target, placed.placement)
        small = None if name in (None, "none") else read_draft(str(name), whole, placed.placement)
        return cls(whole, small, placed, perf_counter() - began)

    # -- transcribing ------------------------------------------------------------------------------------------------

    def transcribe(
        self,
        source: Source,
        options: TranscribeOptions | None = None,
        *,
        on_event: OnEvent | None = None,
        **overrides: Any,
    ) -> Transcript:
        """Transcribe one recording.

        source: what `whisper_magic.audio.load.load` takes. overrides: fields of TranscribeOptions. on_event: called
        with every Started, Round and Segment as it happens.

        Raises:
            AudioError: for a source that cannot be used.
            OptionError: for an option that does not exist, or that this checkpoint cannot do.
            Interrupted: on Ctrl-C; `.transcript` is what was finished by then.
            EngineClosed: after `close`.
        """
        chosen = (options or TranscribeOptions()).override(**overrides)
        if chosen.channel == "split":
            raise OptionError("channel='split' gives one transcript per channel: use transcribe_many")
        began = perf_counter()
        audio = self._load_sound(source, chosen)
        load_seconds = perf_counter() - began
        with self._serving() as (target, runtime):
            run = Run(target, runtime, self._front, audio, chosen)
            try:
                for event in run.events():
                    if on_event is not None:
                        on_event(event)
            except KeyboardInterrupt as stop:
                partial = run.transcript(self._models(), load_seconds, complete=False)
                raise Interrupted(_stopped_at(partial), partial) from stop
            return run.transcript(self._models(), load_seconds)

    def transcribe_many(
        self,
        sources: Iterable[Source],
        options: TranscribeOptions | None = None,
        *,
        on_event: OnEvent | None = None,
        **overrides: Any,
    ) -> list[Transcript]:
        """Transcribe several recordings, one after another, in their order.

        With channel="split" each channel of each source gives a transcript. Raises as `transcribe` does.
        """
        chosen = (options or TranscribeOptions()).override(**overrides)
        transcripts = []
        for source in sources:
            if chosen.channel == "split":
                rate = self._front.sample_rate
                parts = sound.load_channels(source, sample_rate=rate, start=chosen.start, end=chosen.end)
                alone = replace(chosen, channel="mix", start=None, end=None)
                transcripts += [self.transcribe(part, alone, on_event=on_event) for part in parts]
            else:
                transcripts.append(self.transcribe(source, chosen, on_event=on_event))
        return transcripts

    def stream(self, source: Source, options: TranscribeOptions | None = None, **overrides: Any) -> Iterator[Event]:
        """The events of `transcribe` as an iterator: Started, then Rounds and Segments as they happen."""
        chosen = (options or TranscribeOptions()).override(**overrides)
        audio = self._load_sound(source, chosen)
        with self._serving() as (target, runtime):
            yield from Run(target, runtime, self._front, audio, chosen).events()

    def _load_sound(self, source: Source, options: TranscribeOptions) -> Audio:
        self._open()
        return sound.load(
            source,
            sample_rate=self._front.sample_rate,
            channel=options.channel,
            start=options.start,
            end=options.end,
        )

    @contextmanager
    def _serving(self) -> Iterator[tuple[Checkpoint, Runtime]]:
        """The models, for one call at a time: the caches are shared."""
        if self._server == threading.get_ident():
            raise EngineBusy(
                "this engine is in the middle of a stream() here; finish that iterator or close() it first"
            )
        with self._lock:
            self._server = threading.get_ident()
            try:
                yield self._open()
            finally:
                self._server = None

    # -- the rest of the door ----------------------------------------------------------------------------------------

    @property
    def status(self) -> EngineStatus:
        """What is loaded and what was actually chosen."""
        target, runtime = self._open()
        return EngineStatus(
            target=target.name,
            draft=self._draft_name,
            device=self._placed.device_name,
            dtype=str(runtime.dtype).removeprefix("torch."),
            attention=target.attention,
            notes=self._placed.notes,
            languages=tuple(target.special.languages),
            load_seconds=self._load_seconds,
            memory_bytes=runtime.memory_bytes,
        )

    def decode(self, tokens: Sequence[int]) -> str:
        """Token ids -> text; timestamps and other special tokens are left out."""
        target, _ = self._open()
        return text_of(target, tokens)

    def close(self) -> None:
        """Let go of the models and caches. The engine cannot be used afterwards; closing twice is fine."""
        with self._lock:
            self._target = self._runtime = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._target is None:
            return "Engine(closed)"
        s = self.status
        return f"Engine(target={s.target!r}, draft={s.draft!r}, device={s.device!r}, dtype={s.dtype!r})"

    def _models(self) -> Models:
        s = self.status
        return Models(s.target, s.draft, s.device, s.dtype, s.attention)

    def _open(self) -> tuple[Checkpoint, Runtime]:
        if self._target is None or self._runtime is None:
            raise EngineClosed("this engine was closed; load it again with Engine.load or %whisper load")
        return self._target, self._runtime


def _stopped_at(partial: Transcript) -> str:
    done = partial.segments[-1].end if partial.segments else 0.0
    return f"stopped at {done:.1f} s of {partial.duration:.1f} s; the transcript so far is kept"
