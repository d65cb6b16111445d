"""Access to the engine's internals, for what its public names do not offer: decoding windows of given features with a
given draft length or given proposals, timing the encoder apart, and facts for the roofline.

This is the only module of the benchmarks that imports `whisper_magic.engine`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from benchmarks.machine import DeviceStopwatch, synchronize
from benchmarks.measure import Stopwatch, TimedCallable, TimedRun
from benchmarks.report.roofline import bytes_per_pass
from benchmarks.settings import Workload
from benchmarks.sound import Samples
from whisper_magic.audio.load import load
from whisper_magic.engine.decode.draft_length import DraftLengthController
from whisper_magic.engine.decode.drafters import Drafter, ModelDrafter, NoDrafter
from whisper_magic.engine.decode.speculator import Decoded, Speculator
from whisper_magic.engine.engine import Engine
from whisper_magic.engine.model.hub import locate
from whisper_magic.engine.model.layer_kernels import PLAIN
from whisper_magic.engine.native import bindings
from whisper_magic.engine.runtime.cuda_graphs import CudaGraphs
from whisper_magic.engine.runtime.slots import BLOCK, Slots, Window
from whisper_magic.engine.runtime.torch_backend import TorchBackend
from whisper_magic.engine.windows.prompt import forced_prompt
from whisper_magic.options import MAX_DRAFT_LENGTH, TranscribeOptions
from whisper_magic.scoring import word_errors
from whisper_magic.transcript import Round

Scripts = Mapping[int, Sequence[int]]  # window index -> token ids to propose, from the window's first text token on


def native_kernels(device: str) -> str:
    """State of the native CPU kernels: compiled, or why not; '' on another device."""
    return (bindings.why_not() or "compiled") if device == "cpu" else ""


def read_recording(path: Path) -> Samples:
    """Read any recording: (n,) float32 at 16 kHz."""
    return load(path).samples


def checkpoint_folder(name: str) -> Path:
    """The folder of a checkpoint's files."""
    return locate(name).folder


def word_error_rate(text: str, reference: str) -> tuple[float, int]:
    """The word error rate of an English text, and the words that it lacks, after Whisper's normalizer."""
    errors = word_errors(text, reference, (), language="en", target="openai/whisper-base")
    return errors.rate, errors.deletions


def judged(rounds: Sequence[Round]) -> int:
    """Count the proposals that the target decided on: those behind a rejected one are not judged."""
    return sum(min(r.accepted + 1, len(r.proposed)) for r in rounds)


@dataclass(frozen=True)
class Kernel:
    """One kernel of a profile, or one operator on a CPU. seconds: of all its calls, on the device."""

    name: str
    calls: int
    seconds: float


def profiled(work: Callable[[], object], device: str) -> list[Kernel]:
    """The kernels that some work runs, those that take longest first."""
    from torch.profiler import ProfilerActivity, profile

    on_gpu = device.startswith("cuda")
    with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as profiler:
        work()
        synchronize(device)
    kernels = []
    for event in profiler.key_averages():
        if not on_gpu:
            kernels.append(Kernel(event.key, event.count, event.self_cpu_time_total / 1e6))
        elif str(event.device_type).endswith("CUDA"):
            kernels.append(Kernel(event.key, event.count, event.self_device_time_total / 1e6))
    return sorted(kernels, key=lambda kernel: -kernel.seconds)


class Probe:
    """A resident target and draft that decode feature windows directly."""

    def __init__(
        self,
        target: str | Path,
        draft: str | Path,
        device: str,
        dtype: str,
        workload: Workload,
        attention: str | None = None,
    ) -> None:
        """Load a pair.

        Args:
            target: What `Engine.load` takes.
            draft: What `Engine.load` takes.
            device: "cpu" or "cuda".
            dtype: "float32", "float16" or "bfloat16".
            workload: What to do with each window.
            attention: Of the encoder; None takes the fastest.
        """
        self._engine = Engine.load(str(target), draft=str(draft), device=device, dtype=dtype, attention=attention)
        model = self._engine._loaded()
        self._target, self._runner = model.target, model.runner
        self._device, self._workload = device, workload
        self._processor = model.logits_processor(workload.timestamps, None, None)
        options = TranscribeOptions(language="en", timestamps=workload.timestamps)
        self.prompt = forced_prompt(self._target.special, options, self._target.name)
        self.text_tokens = int(self._target.special.eot)  # ids of text tokens are below
        self._encoders: list[TimedCallable] = []
        for i, group in enumerate(self._runner.encoder_groups):
            self._encoders.append(TimedCallable(group.encoder, Stopwatch(lambda: synchronize(self._device))))
            self._runner.encoder_groups[i] = replace(group, encoder=self._encoders[-1])

    def decode(
        self, features: torch.Tensor, slots: int, draft_length: int | str, scripts: Scripts | None = None
    ) -> TimedRun:
        """Decode windows.

        Args:
            features: Log-mel features, (windows, n_mels, frames).
            slots: Windows decoded at once; a free slot is refilled.
            draft_length: Tokens proposed per round; 0 decodes with the target alone, "auto" adapts it.
            scripts: Tokens proposed in place of the draft's own choice, which is computed all the same.
        """
        auto = draft_length == "auto"
        drafter = self._drafter(MAX_DRAFT_LENGTH if auto else int(draft_length), scripts)
        controller = DraftLengthController(drafter.length) if auto else None
        waiting = iter(self._windows(features))
        encoded = self._encoder_seconds
        watch = DeviceStopwatch(self._device)
        watch.start()
        speculator = Speculator(self._runner, self._processor, drafter, slots, controller=controller)
        events = list(speculator.run(lambda: next(waiting, None)))
        wall = watch.stop()
        run = _run(events, wall, self._encoder_seconds - encoded, all_at_once=slots >= len(features))
        return replace(run, peak_bytes=watch.peak_bytes(self._runner.memory_bytes))

    @property
    def notes(self) -> tuple[str, ...]:
        """How it was loaded and ran: attention, graphs, memory."""
        runner = self._runner
        layers = runner.backend.target.network.kernels.obstacle
        fused = [_fused("logit rules", self._processor.fused_obstacle), _fused("decoder layers", layers)]
        notes = (
            runner.attention,
            *(fused if runner.in_buckets else ()),
            *self._engine.status.notes,
            runner.note,
            *runner.backend.notes,
        )
        return tuple(note for note in notes if note)

    @property
    def resident_bytes(self) -> int:
        """Of weights and caches."""
        return self._runner.memory_bytes

    @contextmanager
    def without_graphs(self) -> Iterator[None]:
        """Inside, every kernel of a round is launched by itself."""
        backend = self._runner.backend
        if not isinstance(backend, TorchBackend):
            yield
            return
        graphs, backend.graphs = backend.graphs, CudaGraphs(None)
        try:
            yield
        finally:
            backend.graphs = graphs

    @contextmanager
    def without_fused_kernels(self) -> Iterator[None]:
        """Inside, torch's own operators compute what fused kernels do elsewhere."""
        backend, processor = self._runner.backend, self._processor
        if not isinstance(backend, TorchBackend):
            yield
            return
        decoders = [decoder for decoder in (backend.target, backend.draft) if decoder is not None]
        networks = [decoder.network for decoder in decoders]
        self._processor = replace(processor, fused=None)
        for decoder, network in zip(decoders, networks, strict=True):
            decoder.network = replace(network, kernels=PLAIN)
        backend.clear()
        try:
            yield
        finally:
            self._processor = processor
            for decoder, network in zip(decoders, networks, strict=True):
                decoder.network = network
            backend.clear()

    def host_seconds(self, features: torch.Tensor, draft_length: int) -> float:
        """Host seconds a round, a slot for each window, on a device that takes no time: the median of the rounds.

        Captured steps do nothing, and every round's answer is made up: five tokens are written. The windows are decoded
        three times, of which the first two warm up and capture; with texts of some hundred tokens the median is of
        steady rounds, with the few of a rehearsal it is of rounds that admit windows.
        """
        slots = self._runner.allocate(len(features))
        with self._instant(slots):
            for _ in range(3):
                waiting = iter(self._windows(features))
                drafter = self._drafter(draft_length, None)
                speculator = Speculator(self._runner, self._processor, drafter, len(features))
                times = [perf_counter()]
                for event in speculator.run(partial(next, waiting, None)):
                    if isinstance(event, tuple) and event[0] is slots.windows[0]:  # the first slot's, once a round
                        times.append(perf_counter())
        self.forget_slots()
        return statistics.median(later - earlier for earlier, later in pairwise(times))

    @contextmanager
    def _instant(self, slots: Slots) -> Iterator[None]:
        backend, graphs = self._runner.backend, CudaGraphs(lambda: lambda step: lambda: None)
        assert isinstance(backend, TorchBackend), "steps are captured where torch computes"

        def read_back() -> np.ndarray:
            output = slots.round_output.new_zeros(slots.round_output.shape, device="cpu").numpy()
            for slot, _ in slots.occupied:
                state = slots.states[slot]
                ready, left = state.num_tokens - state.num_cached <= BLOCK, state.max_tokens - state.num_tokens
                count = min(BLOCK - 3, left)
                output[slot, :4] = ready, count - 1, count, count == left
            return output

        own, backend.graphs = backend.graphs, graphs
        slots.read_back = read_back  # type: ignore[method-assign]
        try:
            yield
        finally:
            backend.graphs = own

    def forget_slots(self) -> None:
        """Free the slots and what was captured for them; the next decoding allocates anew."""
        self._runner._release()

    def bytes_per_pass(self, windows: int) -> int:
        """Bytes that one target pass over `windows` windows must read from memory."""
        return bytes_per_pass(self._target.config, str(self._runner.dtype).removeprefix("torch."), windows)

    def close(self) -> None:
        """Free the models."""
        self._engine.close()

    @property
    def _encoder_seconds(self) -> float:
        return sum(encoder.seconds for encoder in self._encoders)

    def _drafter(self, length: int, scripts: Scripts | None) -> Drafter:
        if not length:
            return NoDrafter()
        drafter = ModelDrafter(self._runner.backend, self._processor, length)
        return drafter if scripts is None else _ScriptedModelDrafter(drafter, scripts)

    def _windows(self, features: torch.Tensor) -> list[Window]:
        context = int(self._target.config.max_target_positions)
        work = self._workload
        lengths = work.lengths or (work.tokens or self._target.special.max_length,)
        most = [min(len(self.prompt) + length, context) for length in lengths]
        return [
            Window(i, mel, self.prompt, most[i % len(most)], content_frames=mel.shape[1], in_order=True)
            for i, mel in enumerate(features)
        ]


class _ScriptedModelDrafter(Drafter):
    """The model drafter, computed at its full cost, with its proposals replaced by scripts."""

    name, label = ModelDrafter.name, ModelDrafter.label

    def __init__(self, drafter: Drafter, scripts: Scripts) -> None:
        self.drafter, self.length = drafter, drafter.length
        self._scripts = scripts
        self._windows: dict[int, Window] = {}  # slot -> the window whose script is in `_rows`
        self._rows: torch.Tensor | None = None

    def admit(self, slot: int) -> None:
        self._windows.pop(slot, None)
        self.drafter.admit(slot)

    def propose(self, slots: Slots, num_wanted: Sequence[int]) -> list[int]:
        num_drafted = self.drafter.propose(slots, num_wanted)
        assert num_drafted == list(num_wanted), "the draft proposed less than requested: that was not its full cost"
        rows = self._script_rows(slots)
        steps = torch.arange(self.length, device=rows.device)
        at = slots.num_tokens[:, None] + steps
        scripted = steps < torch.tensor(num_drafted, device=rows.device)[:, None]
        slots.tokens.scatter_(1, at, torch.where(scripted, rows.gather(1, at), slots.tokens.gather(1, at)))
        return num_drafted

    def _script_rows(self, slots: Slots) -> torch.Tensor:
        """(slots, context): each slot's script, at the positions of its text."""
        if self._rows is None:
            self._rows = torch.zeros_like(slots.tokens)
        for slot, window in slots.occupied:
            if self._windows.get(slot) is not window:
                self._windows[slot] = window
                script, begin = torch.tensor(self._scripts[window.index]), slots.states[slot].num_prompt
                self._rows[slot, begin : begin + len(script)] = script.to(self._rows.device)
        return self._rows


def _fused(what: str, obstacle: str) -> str:
    return f"{what} through torch: {obstacle}" if obstacle else f"{what} in fused kernels"


def _run(events: Sequence[object], wall: float, encode: float, all_at_once: bool) -> TimedRun:
    """all_at_once: every window had a slot from the beginning, so that each target pass served all of them."""
    decoded = sorted((e for e in events if isinstance(e, Decoded)), key=lambda result: result.window.index)
    rounds: list[Round] = [event[1] for event in events if isinstance(event, tuple)]
    encode = encode or sum(result.clock.encode for result in decoded)
    passes = (
        max(sum(r.window == result.window.index for r in rounds) for result in decoded) - 1
    )  # the first is the prefill
    verify = sum(result.clock.verify for result in decoded)
    return TimedRun(
        wall=wall,
        decode=wall - encode,
        step=verify / passes if all_at_once and passes else None,
        tokens=sum(len(result.tokens) for result in decoded),
        windows=len(decoded),
        judged=judged(rounds),
        accepted=sum(r.accepted for r in rounds),
        output=tuple(result.tokens for result in decoded),
        scores=tuple(result.logprobs for result in decoded),
        rounds=passes,
    )
