"""Engine: the resident pair of models, and the only public door to them.

    engine = Engine.load("demo")
    transcript = engine.transcribe("talk.mp3", language="en")

An engine serves one call at a time (a second thread waits). It holds no state of a recording between calls, so that
Ctrl-C at any moment leaves it ready for the next.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import torch

from whisper_magic.comparison import REPEATS, Comparison
from whisper_magic.engine.compare.run import compare
from whisper_magic.engine.model.checkpoint import Checkpoint, read_draft, read_target
from whisper_magic.engine.model.device import Placed, place
from whisper_magic.engine.model.hub import DEFAULT_DRAFTS, DEMO_DRAFT_NAME, DEMO_NAME
from whisper_magic.engine.runtime.model_runner import Runtime
from whisper_magic.engine.scheduler import Batch, Source
from whisper_magic.engine.windows.planning import front_end, text_of
from whisper_magic.errors import (
    EngineBusy,
    EngineClosed,
    OptionError,
    SomeFailed,
)
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Models, Transcript


@dataclass(frozen=True)
class EngineStatus:
    """What is loaded, and what was actually chosen for it."""

    target: str
    draft: str | None
    device: str
    dtype: str
    attention: str  # "native": kernels of our own, in place of SDPA
    notes: tuple[str, ...]  # one-line reasons for what was chosen
    languages: tuple[str, ...]
    load_seconds: float
    memory_bytes: int  # weights and caches


class Engine:
    """A target and its draft, resident. Make one with `Engine.load`."""

    def __init__(self, target: Checkpoint, draft: Checkpoint | None, placed: Placed) -> None:
        self._draft_name = draft.name if draft else None
        self._placed, self._load_seconds = placed, 0.0
        self._runtime: Runtime | None = Runtime(target, draft)
        self._front = front_end(target, self._runtime.device)
        # The runtime holds what it needs of the weights, some of them fused: no second copy stays.
        self._target: Checkpoint | None = replace(target, decoder_state={}, encoder=None)
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
        chosen, and why: "native" attention is that of our own kernels, which stand in for SDPA on a CPU.

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
        engine = cls(whole, small, placed)
        engine._load_seconds = perf_counter() - began  # packing the weights included
        return engine

    # -- transcribing ------------------------------------------------------------------------------------------------

    def transcribe(
        self,
        source: Source,
        options: TranscribeOptions | None = None,
        *,
        on_event: Callable[[Event], None] | None = None,
        **overrides: Any,
    ) -> Transcript:
        """Transcribe one recording.

        source: what `whisper_magic.audio.load.load` takes. overrides: fields of TranscribeOptions. on_event: called
        with every event as it happens: Started, Rounds and Segments, Finished.

        Raises:
            AudioError: for a source that cannot be used.
            OptionError: for an option that does not exist, or that this checkpoint cannot do.
            Interrupted: on Ctrl-C; `.transcript` is what was finished by then.
            EngineClosed: after `close`.
        """
        chosen = _single(options, overrides)
        tell = None if on_event is None else lambda index, event: on_event(event)
        with self._batch([source], chosen) as batch:
            batch.run(tell)
        if batch.errors:
            raise batch.errors[0]
        return batch.finished[0]

    def transcribe_many(
        self,
        sources: Iterable[Source],
        options: TranscribeOptions | None = None,
        *,
        on_event: Callable[[int, Event], None] | None = None,
        **overrides: Any,
    ) -> list[Transcript]:
        """Transcribe several recordings, `batch_size` windows of different ones at a time; results in their order.

        With channel="split" each channel of each source gives a transcript. on_event: called with the index of the
        source and each of its events. Raises as `transcribe` does, and where only some sources fail:

        Raises:
            SomeFailed: after the others have been finished; they are in `.transcripts`.
        """
        chosen = (options or TranscribeOptions()).override(**overrides)
        with self._batch(sources, chosen) as batch:
            batch.run(on_event)
        if batch.errors:
            raise SomeFailed(batch.transcripts, batch.errors)
        return batch.finished

    def stream(self, source: Source, options: TranscribeOptions | None = None, **overrides: Any) -> Iterator[Event]:
        """The events of `transcribe` as an iterator: Started, Rounds and Segments as they happen, Finished."""
        return self._streamed(source, _single(options, overrides))

    def _streamed(self, source: Source, options: TranscribeOptions) -> Iterator[Event]:
        with self._batch([source], options) as batch:
            for _, event in batch.events():
                yield event
        if batch.errors:
            raise batch.errors[0]

    @contextmanager
    def _batch(self, sources: Iterable[Source], options: TranscribeOptions) -> Iterator[Batch]:
        """Work for the models, which serve one call at a time: the caches are shared."""
        self._refuse_inside()
        with self._lock:
            self._server = threading.get_ident()
            try:
                target, runtime = self._open()
                with closing(Batch(target, runtime, self._front, self._models(), sources, options)) as batch:
                    yield batch
            finally:
                self._server = None

    def compare(
        self,
        source: Source,
        options: TranscribeOptions | None = None,
        *,
        repeats: int = REPEATS,
        on_stage: Callable[[str], None] | None = None,
        **overrides: Any,
    ) -> Comparison:
        """Decode a recording with the target alone and speculatively, in turns: are the tokens the same, and how long
        does each take? repeats: timed runs of each. on_stage: told what runs now. Raises as `transcribe` does."""
        return compare(self, source, _single(options, overrides), repeats, on_stage)

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
            attention=runtime.attention,
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
        """Let go of the models and caches. The engine cannot be used afterwards; closing twice is fine.

        Raises:
            EngineBusy: inside its own stream() or on_event.
        """
        self._refuse_inside()
        with self._lock:
            if self._runtime is not None:
                self._runtime.close()
            self._target = self._runtime = None
        gc.collect()  # modules hold each other in cycles
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

    def _refuse_inside(self) -> None:
        """A call from within a call would wait for itself."""
        if self._server == threading.get_ident():
            raise EngineBusy("this engine is in the middle of a stream() or on_event here; finish or close that first")

    def _models(self) -> Models:
        s = self.status
        return Models(s.target, s.draft, s.device, s.dtype, s.attention)

    def _open(self) -> tuple[Checkpoint, Runtime]:
        if self._target is None or self._runtime is None:
            raise EngineClosed("this engine was closed; load it again with Engine.load or %whisper load")
        return self._target, self._runtime


def _single(options: TranscribeOptions | None, overrides: dict[str, Any]) -> TranscribeOptions:
    """The options of a call that gives one transcript."""
    chosen = (options or TranscribeOptions()).override(**overrides)
    if chosen.channel == "split":
        raise OptionError("channel='split' gives one transcript per channel: use transcribe_many")
    return chosen
