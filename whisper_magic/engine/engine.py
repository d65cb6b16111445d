"""Engine: the resident pair of models, and the only public door to them.

    engine = Engine.load("demo")
    transcript = engine.transcribe("talk.mp3", language="en")

An engine serves one call at a time (a second thread waits). It holds no state of a recording between calls, so that
Ctrl-C at any moment leaves it ready for the next.
"""

from __future__ import annotations

import gc
import os
import reprlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from whisper_magic.audio.load import load
from whisper_magic.comparison import REPEATS, Comparison
from whisper_magic.engine.compare.timed_runs import compare
from whisper_magic.engine.decode.drafters import Propose
from whisper_magic.engine.model.checkpoint import read_draft, read_target
from whisper_magic.engine.model.device import place
from whisper_magic.engine.model.hub import AUTO, AUTOMATIC, draft_name
from whisper_magic.engine.runtime.loaded_model import LoadedModel
from whisper_magic.engine.runtime.pass_cost import PassCost
from whisper_magic.engine.scheduler import Scheduler, Source
from whisper_magic.engine.windows.align import align
from whisper_magic.errors import AudioInvalid, EngineBusy, EngineClosed, OptionError, SomeFailed
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Event, Transcript, Word
from whisper_magic.wording import public


@dataclass(frozen=True)
class EngineStatus:
    """What is loaded, and what was actually chosen for it.

    Attributes:
        target: Name of the target.
        draft: Name of the draft, None without one.
        device: For people, such as "cpu (2 threads)".
        dtype: Such as "float16".
        attention: "sdpa", or "native CPU kernels" where these attend instead; both where the encoder has another:
            "flash_attention_2 (encoder) and sdpa (decoder)".
        notes: One-line reasons for what was chosen.
        languages: Codes that the target knows; empty for an English-only one.
        load_seconds: Wall seconds of `Engine.load`.
        memory_bytes: Of weights and caches.
    """

    target: str
    draft: str | None
    device: str
    dtype: str
    attention: str
    notes: tuple[str, ...]
    languages: tuple[str, ...]
    load_seconds: float
    memory_bytes: int


class Engine:
    """A target and its draft, resident. Make one with `Engine.load`."""

    def __init__(self, model: LoadedModel, notes: tuple[str, ...] = (), load_seconds: float = 0.0) -> None:
        self._model: LoadedModel | None = model
        self._notes, self._load_seconds = notes, load_seconds
        self._lock = threading.Lock()
        self._served_thread: int | None = None

    @classmethod
    def load(
        cls,
        target: str = "auto",
        draft: str | None = None,
        *,
        device: str | None = None,
        dtype: str | None = None,
        attention: str | None = None,
    ) -> Engine:
        """Load a target and a draft.

        `status` says what was actually chosen, and why.

        Args:
            target: A hub name ("openai/whisper-base"), a short one ("base"), a local folder, "demo" (bundled), or
                "auto": openai/whisper-large-v3 on a GPU, openai/whisper-base on a CPU, each with its draft.
            draft: The same, or "none". None takes the target's usual draft, where there is one.
            device: "cuda", "cuda:1" or "cpu". None takes CUDA where there is one.
            dtype: "float16", "bfloat16" or "float32". None takes float16 on CUDA and float32 elsewhere.
            attention: Of the encoder: "flash_attention_2", "sdpa" or "eager". None takes the fastest that works.

        Raises:
            CheckpointError: Where a model cannot be found, read, or paired with the other.
            OptionError: For a device, dtype or attention that does not exist here.
        """
        began = perf_counter()
        placed = place(device, dtype, attention)
        chosen = AUTOMATIC[placed.placement.device.type] if target == AUTO else None
        target = target if chosen is None else chosen.target
        whole, name = read_target(target, placed.placement), draft_name(target, draft)
        small = None if name is None else read_draft(name, whole, placed.placement)
        model = LoadedModel.build(whole, small, placed.device_name)
        reason = (
            ""
            if chosen is None
            else f"{chosen.target} was chosen, as {chosen.why}; use `%whisper load MODEL` for another"
        )
        notes = (reason, *whole.notes, *(small.notes if small else ()), *placed.notes, model.runner.backend_note)
        seconds = perf_counter() - began  # packing the weights included
        return cls(model, tuple(note for note in notes if note), seconds)

    # -- transcribing ------------------------------------------------------------------------------------------------

    def transcribe(
        self,
        source: Source,
        options: TranscribeOptions | None = None,
        *,
        propose: Propose | None = None,
        on_event: Callable[[Event], None] | None = None,
        **overrides: Any,
    ) -> Transcript:
        """Transcribe one recording.

        Args:
            source: What `whisper_magic.audio.load.load` takes: a path, URL, bytes, file object, (array, rate), Audio.
            options: How to transcribe it.
            propose: Called instead of the draft with the token ids so far, prompt included, and how many to propose;
                returns the ids, or fewer. Whatever it returns changes the time it takes, never the text.
            on_event: Called with every event as it happens: Started, Rounds and Segments, Finished.
            **overrides: Fields of TranscribeOptions, which take precedence over `options`.

        Raises:
            AudioError: For a source that cannot be used.
            OptionError: For an option that does not exist, or that this checkpoint cannot do.
            Interrupted: On Ctrl-C; `.transcript` is what was finished by then.
            EngineClosed: After `close`.
        """
        chosen = _single(source, options, overrides)
        with self._scheduler([source], chosen, propose) as scheduler:
            scheduler.run(None if on_event is None else lambda index, event: on_event(event))
        if scheduler.errors:
            raise scheduler.errors[0]
        return scheduler.finished[0]

    def transcribe_many(
        self,
        sources: Iterable[Source],
        options: TranscribeOptions | None = None,
        *,
        on_event: Callable[[int, Event], None] | None = None,
        **overrides: Any,
    ) -> list[Transcript]:
        """Transcribe several recordings, `batch_size` windows of different ones at a time.

        Args:
            sources: Of each recording, as of `transcribe`.
            options: How to transcribe them. With channel="split" each channel of each source gives a transcript.
            on_event: Called with the index of the source and each of its events.
            **overrides: Fields of TranscribeOptions.

        Returns:
            The transcripts, in the order of the sources.

        Raises:
            SomeFailed: Where some sources failed, after the others were finished; they are in `.transcripts`.
            OptionError, Interrupted, EngineClosed: As of `transcribe`.
        """
        if isinstance(sources, str | bytes | os.PathLike):
            raise AudioInvalid(f"transcribe_many takes several sources, got {_listed(sources)}; use transcribe")
        chosen = _chosen(options, overrides)
        with self._scheduler(sources, chosen) as scheduler:
            scheduler.check()
            scheduler.run(on_event)
        if scheduler.errors:
            raise SomeFailed(scheduler.transcripts, scheduler.errors)
        return scheduler.finished

    def stream(self, source: Source, options: TranscribeOptions | None = None, **overrides: Any) -> Iterator[Event]:
        """The events of `transcribe` as an iterator: Started, Rounds and Segments as they happen, Finished."""
        return self._stream(source, _single(source, options, overrides))

    def _stream(self, source: Source, options: TranscribeOptions) -> Iterator[Event]:
        with self._scheduler([source], options) as scheduler:
            for _, event in scheduler.events():
                yield event
        if scheduler.errors:
            raise scheduler.errors[0]

    def compare(
        self,
        source: Source,
        options: TranscribeOptions | None = None,
        *,
        repeats: int = REPEATS,
        on_stage: Callable[[str], None] | None = None,
        **overrides: Any,
    ) -> Comparison:
        """Decode a recording with the target alone and speculatively, in turns.

        Args:
            source: As of `transcribe`.
            options: How to transcribe it.
            repeats: Timed runs of each.
            on_stage: Called with what runs now.
            **overrides: Fields of TranscribeOptions.

        Returns:
            Whether the tokens are the same, and how long each takes.

        Raises:
            AudioError, OptionError, Interrupted, EngineClosed: As of `transcribe`.
        """
        chosen = _single(source, options, overrides)
        with self._exclusive() as model:
            return compare(model, source, chosen, repeats, on_stage)

    def align(self, source: Source, text: str, *, language: str | None = None) -> tuple[Word, ...]:
        """Find when each word of a given text is said (forced alignment).

        Args:
            source: As of `transcribe`; one window of sound (30 s) at most. `audio.load(path, start=..., end=...)` gives
                a part of a recording, and the words then have their times in the whole.
            text: What is said in it, in the language that is spoken.
            language: Its code; None is English.

        Returns:
            The words with their times in the source. Their probability is 1.

        Raises:
            AudioError: For a source that cannot be used.
            OptionError: For sound or text that does not fit in one window, or a language that the target does not know.
            EngineClosed: After `close`.
        """
        with self._exclusive() as model:
            audio = load(source, sample_rate=model.front_end.sample_rate)
            return align(model, audio, text, language)

    def log_mel(self, source: Source) -> npt.NDArray[np.float32]:
        """What the encoder sees of some sound: log-mel features, without the silence that pads it to a window.

        Args:
            source: As of `transcribe`.

        Returns:
            (n_mels, frames), 100 frames a second; the range below the loudest bin is limited, as Whisper does.

        Raises:
            AudioError: For a source that cannot be used.
            EngineClosed: After `close`.
        """
        front_end = self._loaded().front_end
        audio = load(source, sample_rate=front_end.sample_rate)
        features: npt.NDArray[np.float32] = front_end(audio.samples).cpu().numpy()
        return features[:, : max(1, front_end.frames(len(audio.samples)))]

    @contextmanager
    def _scheduler(
        self, sources: Iterable[Source], options: TranscribeOptions, propose: Propose | None = None
    ) -> Iterator[Scheduler]:
        with self._exclusive() as model, closing(Scheduler(model, sources, options, propose)) as scheduler:
            yield scheduler

    @contextmanager
    def _exclusive(self) -> Iterator[LoadedModel]:
        """The models, which serve one call at a time: the caches are shared."""
        self._refuse_inside()
        with self._lock:
            self._served_thread = threading.get_ident()
            try:
                yield self._loaded()
            finally:
                self._served_thread = None

    # -- what is loaded ------------------------------------------------------------------------------------------------

    @property
    def status(self) -> EngineStatus:
        """What is loaded, and what was actually chosen.

        Raises:
            EngineClosed: After `close`.
        """
        model = self._loaded()
        names = model.models
        return EngineStatus(
            target=names.target,
            draft=names.draft,
            device=names.device,
            dtype=names.dtype,
            attention=names.attention,
            notes=self._notes,
            languages=tuple(model.target.special.languages),
            load_seconds=self._load_seconds,
            memory_bytes=model.runner.memory_bytes,
        )

    @property
    def pass_costs(self) -> tuple[PassCost, ...]:
        """What a pass of the target reads and multiplies; and of the draft, where there is one.

        Raises:
            EngineClosed: After `close`.
        """
        runner = self._loaded().runner
        decoders = (runner.backend.target, runner.backend.draft)
        return tuple(PassCost.of(decoder.network, runner.frames) for decoder in decoders if decoder is not None)

    @property
    def closed(self) -> bool:
        """Whether `close` was called; nothing can be asked of it then."""
        return self._model is None

    @property
    def busy(self) -> bool:
        """Whether it serves a call now; another would wait."""
        return self._lock.locked()

    def decode(self, tokens: Sequence[int]) -> str:
        """Token ids -> text; timestamps and other special tokens are left out."""
        return self._loaded().target.text(tokens)

    def token_text(self, token: int) -> str:
        """One token as people read it: its text, or <|1.20|> for a timestamp."""
        return self._loaded().target.token_text(token)

    def close(self) -> None:
        """Free the models and caches. The engine cannot be used afterwards; closing twice is fine.

        Raises:
            EngineBusy: Inside its own stream() or on_event.
        """
        self._refuse_inside()
        with self._lock:
            model, self._model = self._model, None  # closed from here on, even where this is interrupted
            if model is not None:
                model.close()
        gc.collect()  # modules hold each other in cycles
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._model is None:
            return "Engine(closed)"
        m = self._model.models
        return f"Engine(target={m.target!r}, draft={m.draft!r}, device={m.device!r}, dtype={m.dtype!r})"

    def _refuse_inside(self) -> None:
        """A call from within a call would wait for itself."""
        if self._served_thread == threading.get_ident():
            raise EngineBusy("this engine is running a stream() or on_event in this thread; finish or close it first")

    def _loaded(self) -> LoadedModel:
        if self._model is None:
            raise EngineClosed("this engine was closed; load it again with Engine.load or %whisper load")
        return self._model


def _chosen(options: TranscribeOptions | None, overrides: dict[str, Any]) -> TranscribeOptions:
    """The options of a call."""
    if not isinstance(options, TranscribeOptions | None):
        raise OptionError(
            f"options is a TranscribeOptions, got {options!r}; name a field: transcribe(source, language='en')"
        )
    return (options or TranscribeOptions()).override(**overrides)


def _single(source: Source, options: TranscribeOptions | None, overrides: dict[str, Any]) -> TranscribeOptions:
    """The options of a call that gives one transcript."""
    if isinstance(source, list | tuple | set) and source and all(isinstance(s, str | os.PathLike) for s in source):
        raise AudioInvalid(f"this takes one source, got {len(source)}: {_listed(source)}; use transcribe_many")
    chosen = _chosen(options, overrides)
    if chosen.channel == "split":
        raise OptionError("channel='split' gives one transcript per channel: use transcribe_many")
    return chosen


def _listed(source: Any) -> str:
    """A source, or several, for a message."""
    if isinstance(source, str):
        return reprlib.repr(public(source))
    return reprlib.repr(
        [public(os.fsdecode(path)) for path in source] if isinstance(source, list | tuple | set) else source
    )
