"""Our side of a comparison: the engine as it is loaded, given windows (with any draft) or whole recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.corrupted import CorruptedDraft
from benchmarks.machine import DeviceWatch, wait
from benchmarks.measure import Run, Stopwatch
from benchmarks.sound import RATE, Samples
from whisper_magic.engine.decode.draft_length import Pace
from whisper_magic.engine.decode.drafters import Draft, ModelDraft, NoDraft
from whisper_magic.engine.decode.speculator import Decoded, Speculator
from whisper_magic.engine.engine import Engine
from whisper_magic.engine.runtime.slots import BLOCK, Window
from whisper_magic.engine.sample.logits_processor import Rules
from whisper_magic.engine.windows.prompt import forced_prompt
from whisper_magic.options import DraftKind, Mode, TranscribeOptions
from whisper_magic.transcript import Round

DEFAULT_LENGTH = TranscribeOptions().draft_length
SAME_WORK = TranscribeOptions(  # what transformers' pipeline does: no second tries, no guards
    language="en",
    temperature=0.0,
    compression_ratio_threshold=None,
    logprob_threshold=None,
    no_speech_threshold=None,
    draft="model",  # never the previous transcript of the same sound
    mode="sequential",
)


@dataclass(frozen=True)
class Work:
    """What every side is asked to do with a window. tokens: write exactly so many; None: until the text ends."""

    timestamps: bool = True
    tokens: int | None = None


class TimedEncoder:
    """An encoder that counts the seconds spent in it."""

    def __init__(self, encoder: Any, watch: Stopwatch) -> None:
        self._encoder, self._watch, self.seconds = encoder, watch, 0.0

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        self._watch.start()
        states = self._encoder(*inputs, **named)
        self.seconds += self._watch.stop()
        return states

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)


class Ours:
    """An engine with its draft, resident. Its rooms are entered by the back door: draft and windows are the bench's."""

    def __init__(self, target: str | Path, draft: str | Path, device: str, dtype: str, work: Work) -> None:
        self.engine = Engine.load(str(target), draft=str(draft), device=device, dtype=dtype)
        self.target, self.runtime = self.engine._open()
        self.device, self.work = device, work
        self.rules = Rules.build(self.target.special, self.runtime.device, timestamps=work.timestamps)
        options = TranscribeOptions(language="en", timestamps=work.timestamps)
        self.prompt = forced_prompt(self.target.special, options, self.target.name)
        self.encoders: list[TimedEncoder] = []
        for i, feed in enumerate(self.runtime.feeds):
            self.encoders.append(TimedEncoder(feed.encoder, Stopwatch(lambda: wait(self.device))))
            self.runtime.feeds[i] = replace(feed, encoder=self.encoders[-1])

    @property
    def words(self) -> int:
        """Ordinary tokens have ids below."""
        return self.target.special.eot

    def draft(self, length: int, scripts: Mapping[int, Sequence[int]] | None = None) -> Draft:
        """The target alone (length 0), its own draft, or that with scripted guesses."""
        if not length:
            return NoDraft()
        own = ModelDraft(self.runtime, self.rules, length)
        return own if scripts is None else CorruptedDraft(own, scripts)

    def decode(
        self,
        features: torch.Tensor,
        slots: int,
        length: int | str,
        scripts: Mapping[int, Sequence[int]] | None = None,
    ) -> Run:
        """Decode windows (N, mels, frames), `slots` at once. length: of the draft; 0 the target alone, or "auto"."""
        auto = length == "auto"
        draft = self.draft(BLOCK - 1 if auto else int(length), scripts)
        pace = Pace(draft.length) if auto else None
        waiting = iter(self._windows(features))
        before = sum(encoder.seconds for encoder in self.encoders)
        watch = self._watch()
        watch.start()
        speculator = Speculator(self.runtime, self.rules, draft, slots, pace=pace)
        events = list(speculator.run(lambda: next(waiting, None)))
        wall = watch.stop()
        encode = sum(encoder.seconds for encoder in self.encoders) - before
        run = _run(events, wall, encode, together=slots >= len(features))
        return replace(run, peak_bytes=watch.peak(self.runtime.memory_bytes))

    def transcribe(self, samples: Samples, draft: DraftKind, mode: Mode = "sequential") -> Run:
        """A whole recording through the public door."""
        watch = self._watch()
        watch.start()
        transcript = self.engine.transcribe((samples, RATE), replace(SAME_WORK, draft=draft, mode=mode))
        wall = watch.stop()
        timing, rounds = transcript.timing, transcript.trace.rounds
        return Run(
            wall=wall,
            decode=timing.prefill + timing.draft + timing.verify,
            tokens=sum(len(r.tokens) for r in rounds),
            windows=1 + max((r.window for r in rounds), default=0),
            judged=_judged(rounds),
            accepted=sum(r.accepted for r in rounds),
            written=transcript.text,
        )

    @staticmethod
    def texts(run: Run) -> tuple[tuple[int, ...], ...]:
        """What `decode` wrote in each window."""
        written: Any = run.written
        texts: tuple[tuple[int, ...], ...] = written
        return texts

    def close(self) -> None:
        self.engine.close()

    def _watch(self) -> DeviceWatch:
        return DeviceWatch(self.device)

    def _windows(self, features: torch.Tensor) -> list[Window]:
        context = int(self.target.config.max_target_positions)
        most = len(self.prompt) + (self.work.tokens or self.target.special.max_length)
        return [
            Window(i, one, self.prompt, min(most, context), content_frames=one.shape[1])
            for i, one in enumerate(features)
        ]


def _run(events: Sequence[object], wall: float, encode: float, together: bool) -> Run:
    """together: every window had a slot from the beginning, so that a pass of the target served all of them."""
    decoded = sorted((e for e in events if isinstance(e, Decoded)), key=lambda one: one.window.index)
    rounds: list[Round] = [event[1] for event in events if isinstance(event, tuple)]
    encode = encode or sum(one.clock.encode for one in decoded)
    passes = max(sum(r.window == one.window.index for r in rounds) for one in decoded) - 1  # the first one prefills
    verify = sum(one.clock.verify for one in decoded)
    return Run(
        wall=wall,
        decode=wall - encode,
        step=verify / passes if together and passes else None,
        tokens=sum(len(one.tokens) for one in decoded),
        windows=len(decoded),
        judged=_judged(rounds),
        accepted=sum(r.accepted for r in rounds),
        written=tuple(one.tokens for one in decoded),
    )


def _judged(rounds: Sequence[Round]) -> int:
    """Proposals that the target had its say on: behind a rejected one there is nothing to judge."""
    return sum(min(r.accepted + 1, len(r.proposed)) for r in rounds)
