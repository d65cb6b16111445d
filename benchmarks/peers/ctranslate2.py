"""CTranslate2's and faster-whisper's side of a comparison, on a converted checkpoint of the same weights.

They run in a process of their own (`Apart`): CTranslate2 brings another OpenMP with it, and while both are in one
process, two threads of ours take twice as long, of transformers' 1.3 times, on the demo pair.
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

from benchmarks.measure import Run, Side, Stopwatch
from benchmarks.ours import Work
from benchmarks.sound import Samples


def missing(device: str, dtype: str) -> str:
    """Why there is nothing to compare with; '' where there is."""
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

    found: set[str] = ctranslate2.get_supported_compute_types(device)
    return found


class Apart:
    """A peer in a process of its own, which waits while others have their turn. What it measures, it measures there."""

    def __init__(self, make: Callable[..., Any], *given: Any) -> None:
        """make(*given) is the peer."""
        self._pool = ProcessPoolExecutor(1, get_context("spawn"), _begin, (make, given))

    def run(self, method: str, *given: Any) -> Run:
        """What the peer's method returns."""
        return self._pool.submit(_run, method, given).result()

    def close(self) -> None:
        self._pool.shutdown()


_peer: Any = None  # in the process of its own


def _begin(make: Callable[..., Any], given: tuple[Any, ...]) -> None:
    global _peer
    _peer = make(*given)


def _run(method: str, given: tuple[Any, ...]) -> Run:
    found: Run = getattr(_peer, method)(*given)
    return found


class CTranslate2:
    """The model beneath faster-whisper, on windows: greedy (beam 1), the checkpoint's own suppress list, all in C++."""

    def __init__(self, folder: Path, device: str, dtype: str, threads: int, work: Work, prompt: Sequence[int]) -> None:
        """folder: a converted checkpoint. prompt: what a window's text is forced to begin with."""
        import ctranslate2

        self.model: Any = ctranslate2.models.Whisper(
            str(folder), device=device.partition(":")[0], compute_type=dtype, intra_threads=threads
        )
        self._storage: Any = ctranslate2.StorageView
        self.work, self.prompt, self.device = work, list(prompt), device

    def decode(self, features: torch.Tensor, together: int) -> Run:
        """Windows (N, mels, frames), `together` at once."""
        watch, encode = Stopwatch(), Stopwatch()
        seconds, written = 0.0, []
        watch.start()
        for first in range(0, len(features), together):
            some = features[first : first + together].float().numpy()
            encode.start()
            states = self.model.encode(self._storage.from_array(some), to_cpu=False)
            seconds += encode.stop()
            written += self._generate(states, len(some))
        wall = watch.stop()
        return Run(
            wall=wall,
            decode=wall - seconds,
            tokens=sum(len(text) for text in written),
            windows=len(features),
            written=tuple(written),
        )

    def _generate(self, states: Any, count: int) -> list[tuple[int, ...]]:
        length = 448 if self.work.tokens is None else 2 * self.work.tokens  # it writes half of `max_length` at most
        results = self.model.generate(
            states, [self.prompt] * count, beam_size=1, max_length=length, suppress_blank=True, suppress_tokens=[-1]
        )
        return [tuple(result.sequences_ids[0]) for result in results]


class FasterWhisper:
    """faster-whisper as users write it, on whole recordings, with the same work: beam 1, no second tries, no guards."""

    def __init__(self, folder: Path, device: str, dtype: str, threads: int) -> None:
        """folder: a converted checkpoint."""
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        model = WhisperModel(str(folder), device=device.partition(":")[0], compute_type=dtype, cpu_threads=threads)
        model.model = _Multilingual(model.model)
        self.model, self.batched = model, BatchedInferencePipeline(model)

    def transcribe(self, samples: Samples, batched: bool) -> Run:
        """A whole recording; in batches of eight, cut by its own voice detection, where that is wanted."""
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
        return Run(wall=watch.stop(), written=text)


def faster_whisper_sides(peer: Apart, samples: Samples) -> list[Side]:
    """The sides of a `FasterWhisper`."""
    return [
        Side("faster-whisper, sequential", partial(peer.run, "transcribe", samples, False)),
        Side("faster-whisper, batched (8, its own VAD)", partial(peer.run, "transcribe", samples, True)),
    ]


class _Multilingual:
    """CTranslate2 takes a model with a small vocabulary for an English-only one, and faster-whisper would then leave
    language and task out of the prompt."""

    is_multilingual = True

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
