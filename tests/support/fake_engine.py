"""A scripted engine for the notebook's tests: reads no audio, and records how it was called.

What it writes depends on the source's name: bad* fails, silent* holds no speech, stop* is interrupted half way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from whisper_magic.comparison import Candidate, Comparison, Divergence, Runs
from whisper_magic.errors import AudioNotFound, CheckpointError, Interrupted, SomeFailed
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Finished, Models, Round, Segment, Started, Timing, Trace, Transcript

WORDS = {7: " a", 8: " small", 9: " model", 10: " reads"}
ROUNDS = (
    Round(0, 4, (7, 8, 9), 3, 10, 0.001, 0.002),
    Round(0, 8, (7, 8, 9), 1, 8, 0.001, 0.002),
)


@dataclass(frozen=True)
class FakeStatus:
    target: str
    draft: str | None
    device: str = "cpu"
    dtype: str = "float32"
    attention: str = "sdpa"
    notes: tuple[str, ...] = ("flash_attention_2 needs a GPU",)
    languages: tuple[str, ...] = ("de", "en", "fr")
    load_seconds: float = 0.25
    memory_bytes: int = 24_000_000


# IPython looks views up by module and name: this stands for the real one.
FakeStatus.__module__, FakeStatus.__name__ = "whisper_magic.engine.engine", "EngineStatus"


@dataclass
class FakeEngine:
    """`pause` is how many seconds each source takes."""

    choice: object
    pause: float = 0.0
    calls: list[tuple[object, TranscribeOptions]] = field(default_factory=list)
    closed: bool = False
    busy: bool = False

    @property
    def status(self) -> FakeStatus:
        assert not self.closed
        return FakeStatus(self.choice.target, self.choice.draft, self.choice.device or "cpu")

    def transcribe_many(self, sources, options, *, on_event):
        results, errors = [], {}
        for index, source in enumerate(sources):
            try:
                made = self._transcribe(source, options, lambda event, index=index: on_event(index, event))
            except AudioNotFound as error:
                errors[index] = error
                results.append(None)
                continue
            for transcript in made:
                results.append(transcript)
                on_event(index, Finished(transcript, len(results) - 1))
                if not transcript.complete:
                    raise Interrupted("stopped at 4.0 s of 20.0 s", results)
        if errors:
            raise SomeFailed(results, errors)
        return results

    def transcribe(self, source, options, *, on_event=lambda event: None):
        return self._transcribe(source, options, on_event)[0]

    def _transcribe(self, source, options, on_event):
        self.calls.append((source, options))
        name = Path(source).name if isinstance(source, str | Path) else "array"
        if name.startswith("bad"):
            raise AudioNotFound(f"no such file: {source}")
        on_event(Started(str(name), 20.0))
        on_event(ROUNDS[0])
        time.sleep(self.pause)
        if options.channel == "split":
            return [transcript(f"{source} ({side})") for side in ("left", "right")]
        models = replace(MODELS, target="demo") if self.choice.target == "demo" else MODELS
        made = transcript(str(source) if isinstance(source, str | Path) else "array", options=options, models=models)
        if name.startswith("stop"):
            return [transcript(str(source), made.segments[:1], complete=False)]
        for segment in () if name.startswith("silent") else made.segments:
            on_event(segment)
        return [made if not name.startswith("silent") else transcript(str(source), ())]

    def compare(self, source, options, *, repeats=3, on_stage):
        self.calls.append((source, options))
        on_stage("Run 1 of 6, speculative")
        time.sleep(self.pause)
        if str(source).startswith("stop"):
            raise Interrupted("the comparison was stopped; there is no result")
        return comparison(str(source) if isinstance(source, str | Path) else "array", repeats=repeats)

    def decode(self, tokens):
        return "".join(WORDS.get(token, "") for token in tokens)

    def close(self) -> None:
        self.closed = True


def load(choice):
    """A loader for `Session`."""
    if choice.target.startswith("no-such"):
        raise CheckpointError(f"{choice.target} is not here and there is no network; use a local folder or 'demo'")
    return FakeEngine(choice)


MODELS = Models("big-model", "small-draft", "cpu", "float32", "sdpa")
SEGMENTS = (
    Segment(0.0, 4.0, " A small model reads the room."),
    Segment(4.0, 9.5, " Nobody was <b>bold</b> & everyone listened."),
)


def transcript(source, segments=SEGMENTS, options=None, complete=True, models=MODELS):
    """A transcript that looks real."""
    return Transcript(
        segments=tuple(segments),
        language="en",
        language_probability=0.98,
        task="transcribe",
        duration=20.0,
        source=source,
        options=options or TranscribeOptions(),
        trace=Trace(ROUNDS),
        timing=Timing(read=0.01, features=0.02, encode=0.5, prefill=0.05, draft=0.2, verify=0.7, total=1.6, audio=20.0),
        models=models,
        complete=complete,
    )


SLOW = Timing(features=0.02, encode=0.5, prefill=0.05, verify=1.4, total=2.0, audio=20.0)
FAST = Timing(features=0.02, encode=0.5, prefill=0.05, draft=0.2, verify=0.4, total=1.25, audio=20.0)
APART = Divergence(
    window=1, position=4, temperature=0.0, agreed=90, before=" We went down to the",
    target_only=Candidate(8, " sea", 12.25), speculative=Candidate(9, " see", 12.249), gap=0.001, near_tie=True,
)  # fmt: skip


def comparison(source, repeats=3, divergence=None, target_only=SLOW, speculative=FAST, models=MODELS):
    """A comparison that looks real."""
    one_by_one = tuple(Round(0, 4 + i, (), 0, 7 + i % 4, 0.0, 0.02) for i in range(6))
    slower = tuple(replace(target_only, total=target_only.total + 0.1 * i) for i in range(repeats))
    return Comparison(
        source=source,
        duration=20.0,
        options=TranscribeOptions(draft="model"),
        models=models,
        target_only=Runs(slower, Trace(one_by_one)),
        speculative=Runs((speculative,) * repeats, Trace(ROUNDS)),
        tokens=212,
        windows=2,
        divergence=divergence,
    )
