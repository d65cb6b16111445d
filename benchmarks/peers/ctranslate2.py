"""CTranslate2 and faster-whisper, on a converted checkpoint of the same weights.

They run in their own process (`SubprocessPeer`): CTranslate2 brings another OpenMP runtime, and in a shared process two
threads of ours take twice as long, two of transformers' 1.3 times as long, on the demo pair.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import Side, Stopwatch, TimedRun
from benchmarks.settings import Workload
from benchmarks.sound import Samples


def why_unavailable(device: str, dtype: str) -> str:
    """Why these peers cannot be measured here; '' where they can."""
    for module, package in (("ctranslate2", "CTranslate2"), ("faster_whisper", "faster-whisper")):
        if importlib.util.find_spec(module) is None:
            return f"{package} is not installed: pip install 'whisper-magic[bench]'; its rows are left out"
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        known = pool.submit(_compute_types, device.partition(":")[0]).result()
    if dtype not in known:
        return f"CTranslate2 does not compute in {dtype} here ({', '.join(sorted(known))}); its rows are left out"
    return ""


def _compute_types(device: str) -> set[str]:
    import ctranslate2

    types: set[str] = ctranslate2.get_supported_compute_types(device)
    return types


class SubprocessPeer:
    """A peer in its own process, idle while others have their turn. Its runs are timed there."""

    def __init__(self, make: Callable[..., Any], *args: Any) -> None:
        """Start the process, and make the peer there: make(*args)."""
        self._pool = ProcessPoolExecutor(1, get_context("spawn"), _start, (make, args))

    def run(self, method: str, *args: Any) -> Any:
        """Call a method of the peer."""
        return self._pool.submit(_run, method, args).result()

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown()


_peer: Any = None  # set in the subprocess


def _start(make: Callable[..., Any], args: tuple[Any, ...]) -> None:
    global _peer
    _peer = make(*args)


def _run(method: str, args: tuple[Any, ...]) -> Any:
    return getattr(_peer, method)(*args)


class CTranslate2:
    """The model beneath faster-whisper, on windows: greedy (beam 1), with the checkpoint's own suppress list."""

    def __init__(
        self, folder: Path, device: str, dtype: str, threads: int, workload: Workload, prompt: Sequence[int]
    ) -> None:
        """Load a converted checkpoint. prompt: the forced tokens of every window."""
        import ctranslate2

        self.model: Any = ctranslate2.models.Whisper(
            str(folder), device=device.partition(":")[0], compute_type=dtype, intra_threads=threads
        )
        self._storage: Any = ctranslate2.StorageView
        self._workload, self._prompt = workload, list(prompt)

    def decode(self, features: torch.Tensor, batch: int) -> TimedRun:
        """Decode windows.

        Args:
            features: Log-mel features, (windows, n_mels, frames).
            batch: Windows decoded at once.
        """
        watch, encode = Stopwatch(), Stopwatch()
        seconds, written = 0.0, []
        watch.start()
        for first in range(0, len(features), batch):
            some = features[first : first + batch].float().numpy()
            encode.start()
            states = self.model.encode(self._storage.from_array(some), to_cpu=False)
            seconds += encode.stop()
            written += self._generate(states, len(some))
        wall = watch.stop()
        return TimedRun(
            wall=wall,
            decode=wall - seconds,
            tokens=sum(len(text) for text in written),
            windows=len(features),
            output=tuple(written),
        )

    def _generate(self, states: Any, count: int) -> list[tuple[int, ...]]:
        tokens = self._workload.tokens
        length = 448 if tokens is None else 2 * tokens  # CTranslate2 writes half of `max_length` at most
        results = self.model.generate(
            states, [self._prompt] * count, beam_size=1, max_length=length, suppress_blank=True, suppress_tokens=[-1]
        )
        return [tuple(result.sequences_ids[0]) for result in results]


class FasterWhisper:
    """faster-whisper as its documentation uses it, on whole recordings: beam 1, no temperature fallback."""

    def __init__(self, folder: Path, device: str, dtype: str, threads: int) -> None:
        """Load a converted checkpoint."""
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        model = WhisperModel(str(folder), device=device.partition(":")[0], compute_type=dtype, cpu_threads=threads)
        model.model = _Multilingual(model.model)
        self.model, self.batched = model, BatchedInferencePipeline(model)

    def transcribe(self, samples: Samples, batched: bool) -> TimedRun:
        """Transcribe a whole recording.

        Args:
            samples: (n,) float32 at 16 kHz.
            batched: Whether it is cut by faster-whisper's own VAD and read in batches of eight.
        """
        model, options = (self.batched, {"batch_size": 8}) if batched else (self.model, {})
        watch = Stopwatch()
        watch.start()
        segments, _ = model.transcribe(
            samples,
            language="en",
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            compression_ratio_threshold=None,
            log_prob_threshold=None,
            no_speech_threshold=None,
            suppress_tokens=[],  # its default list hits syllables of the demo pair's small vocabulary
            **options,
        )
        text = "".join(segment.text for segment in segments).strip()
        return TimedRun(wall=watch.stop(), output=text)


def faster_whisper_sides(peer: SubprocessPeer, samples: Samples) -> list[Side]:
    """The sides of a `FasterWhisper`."""
    return [
        Side("faster-whisper, sequential", partial(peer.run, "transcribe", samples, False)),
        Side("faster-whisper, batched (8, its own VAD)", partial(peer.run, "transcribe", samples, True)),
    ]


class FasterWhisperSpeech:
    """faster-whisper with its defaults, but for the beam and text of earlier windows: on real speech."""

    def __init__(self, folder: Path, device: str, dtype: str, threads: int) -> None:
        """Load a converted checkpoint. dtype: "float32" or "int8"."""
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        self.model = WhisperModel(str(folder), device=device.partition(":")[0], compute_type=dtype, cpu_threads=threads)
        self.batched = BatchedInferencePipeline(self.model)

    def transcribe(self, samples: Samples, beam: int, batched: bool, language: str | None) -> TimedRun:
        """Transcribe a recording. samples: (n,) float32 at 16 kHz. language: None detects it."""
        options: dict[str, Any] = {"language": language, "beam_size": beam, "condition_on_previous_text": False}
        model, more = (self.batched, {"batch_size": 8}) if batched else (self.model, {})
        watch = Stopwatch()
        watch.start()
        segments, _ = model.transcribe(samples, **options, **more)
        text = "".join(segment.text for segment in segments).strip()
        return TimedRun(wall=watch.stop(), output=text)

    def words(self, samples: Samples, language: str) -> list[tuple[str, float, float]]:
        """(text, start, end) of the words of a recording, in seconds."""
        segments, _ = self.model.transcribe(samples, language=language, beam_size=1, word_timestamps=True)
        return [(word.word, float(word.start), float(word.end)) for segment in segments for word in segment.words]


class _Multilingual:
    """A CTranslate2 model that is multilingual whatever its vocabulary size.

    CTranslate2 takes a small vocabulary for an English-only model's, and faster-whisper would then leave language and
    task out of the prompt.
    """

    is_multilingual = True

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
