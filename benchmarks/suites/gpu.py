"""Everything that only a GPU can show, in one run of nine minutes that may be cut off: kept after every step.

Exactness before speed: contract B at every number of slots and every draft length, contracts A and C beside
transformers, then what graphs and FlashAttention are worth, every batch with replayed drafts, memory, and where a
round's time goes. A step that fails, or for which there is no time left, is a note; the others are run.

With --rehearse the same steps run on a CPU, over toy checkpoints and a few tokens. Random weights write texts of 60 to
140 tokens in turns, so that slots are refilled while others are in the middle of a window.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import torch

from benchmarks import machine
from benchmarks.checkpoints import RandomPair, random_pair
from benchmarks.corrupted import corrupt
from benchmarks.measure import TimedRun
from benchmarks.peers.transformers import Transformers, features_of
from benchmarks.probe import Probe, Scripts
from benchmarks.report.report import Finding, SuiteResult
from benchmarks.settings import Settings, Workload
from benchmarks.sound import cut_windows, recording_or_noise
from benchmarks.suites import gpu_speed

BUDGET = 510.0  # seconds, of the nine minutes that a run may take
TESTS = Path(__file__).parents[2] / "tests"
Keep = Callable[[SuiteResult], None]


@dataclass(frozen=True)
class Scale:
    """How much is measured: on a GPU, or in a rehearsal.

    Attributes:
        shape: Of the random weights.
        small: Of those that are compared in float32.
        tokens: In the windows, in turns.
        uniform: In every window, where transformers writes a batch too.
    """

    shape: str = "large-v3"
    small: str = "base"
    dtype: str = "float16"
    batches: tuple[int, ...] = (1, 4, 8, 16, 32)
    lengths: tuple[int, ...] = tuple(range(1, 8))
    rates: tuple[float, ...] = (0.5, 0.8, 0.95)
    tokens: tuple[int, ...] = (100, 60, 140, 80, 120)
    uniform: int = 100
    repeats: int = 2


REHEARSAL = Scale("toy", "toy", "float16", (1, 4), (1, 7), (0.8,), (10, 6, 14), 10, 1)


class Bench:
    """A random pair, loaded once for the steps that share it."""

    def __init__(self, settings: Settings, scale: Scale) -> None:
        self.settings, self.scale, self.device = settings, scale, settings.device
        self.pair: RandomPair = random_pair(scale.shape, settings.work)
        self.probe = self.load(scale.dtype)
        count = max(2, *scale.batches) + max(scale.batches) // 2  # more windows than slots
        sounds = cut_windows(recording_or_noise(settings.audio), count, self.pair.shape.frames * 320)
        self.features = features_of(self.pair.target, sounds)
        self.scripted: dict[tuple[int, float], Scripts] = {}

    def load(self, dtype: str, device: str | None = None, attention: str | None = None) -> Probe:
        """The pair, writing texts of several lengths."""
        work = Workload(timestamps=False, lengths=self.scale.tokens)
        return Probe(self.pair.target, self.pair.draft, device or self.device, dtype, work, attention)

    def transformers(self) -> Transformers:
        """The same weights in transformers, writing as many tokens in every window."""
        work = Workload(timestamps=False, tokens=self.scale.uniform)
        return Transformers(self.pair.target, self.pair.draft, self.device, self.scale.dtype, work)

    def windows(self, batch: int) -> torch.Tensor:
        """Half as many again as there are slots, so that slots are refilled; two at least."""
        return self.features[: max(2, batch + batch // 2)]

    def scripts(self, batch: int, rate: float) -> Scripts:
        """What the draft proposes at this batch size: the target's own text, with a share of it wrong."""
        if (batch, rate) not in self.scripted:
            run = self.probe.decode(self.windows(batch), batch, 0)
            texts = {i: corrupt(t, rate, self.probe.text_tokens, seed=i) for i, t in enumerate(run.window_tokens)}
            self.scripted[batch, rate] = texts
        return self.scripted[batch, rate]

    def decode(self, batch: int, length: int, rate: float = 0.8) -> TimedRun:
        """Decode the windows of a batch; length 0 is the target alone."""
        return self.probe.decode(self.windows(batch), batch, length, self.scripts(batch, rate) if length else None)


@dataclass(frozen=True)
class Step:
    """seconds: An estimate for an H200, from nothing but the bytes moved; a step with less time left is left out."""

    name: str
    run: Callable[[Bench], SuiteResult]
    seconds: float


def run(settings: Settings, keep: Keep = lambda result: None) -> SuiteResult:
    """Run every step.

    Args:
        settings: Without --rehearse, the device must be a GPU.
        keep: Called after every step with everything so far.
    """
    if not settings.device.startswith("cuda") and not settings.rehearse:
        return SuiteResult(notes=("there is no GPU here: nothing was measured; --rehearse runs it on a CPU",))
    scale = REHEARSAL if settings.rehearse else Scale()
    began, result = perf_counter(), SuiteResult(notes=_about(scale))
    bench = Bench(settings, scale)
    for step in STEPS:
        left = BUDGET - (perf_counter() - began)
        result += _step(bench, step, left)
        keep(result)
    bench.probe.close()
    return result


def _about(scale: Scale) -> tuple[str, ...]:
    return (
        f"random weights of {scale.shape}'s shape, {scale.dtype}: drafts run at their full cost, then their proposals "
        f"are replaced by the target's own text with a share of it wrong; texts of {scale.tokens} tokens in turns",
        "seconds of steps left out or failed are named; goals are those of one H200",
    )


def _step(bench: Bench, step: Step, left: float) -> SuiteResult:
    if left < step.seconds:
        return SuiteResult(notes=(f"{step.name}: left out, {left:.0f} s were left",))
    began = perf_counter()
    try:
        result = step.run(bench)
    except Exception as error:  # whatever it is, the other steps are worth having
        result = SuiteResult(
            notes=(f"{step.name}: FAILED: {type(error).__name__}: {' '.join(str(error).split())[:300]}",)
        )
    bench.settings.log(f"{step.name}: {perf_counter() - began:.1f} s")
    return result + SuiteResult(notes=(f"{step.name}: {perf_counter() - began:.1f} s",))


# -- the steps ---------------------------------------------------------------------------------------------------------


def environment(bench: Bench) -> SuiteResult:
    """What it runs on, and how it was loaded."""
    missing = [name for name in ("IPython", "soundfile", "av", "flash_attn", "triton") if not _installed(name)]
    reads = machine.bandwidth(bench.device)
    notes = [*bench.probe.notes, f"not installed: {', '.join(missing) or 'nothing'}"]
    if bench.device.startswith("cuda"):
        free, total = torch.cuda.mem_get_info(bench.device)
        notes.append(f"device memory: {free / 1e9:.1f} of {total / 1e9:.1f} GB free, once the pair was loaded")
    return SuiteResult(findings=(Finding("bandwidth of a plain sum", reads / 1e9, "GB/s"),), notes=tuple(notes))


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def gpu_tests(bench: Bench) -> SuiteResult:
    """The tests that are marked for a GPU; on a CPU they are only collected."""
    if not _installed("pytest"):
        return SuiteResult(notes=("pytest is not installed: no test was run",))
    only = ["--collect-only", "-q"] if bench.settings.rehearse else ["-q"]
    files = [str(path) for path in sorted(TESTS.rglob("test_*.py")) if "mark.gpu" in path.read_text("utf-8")]
    command = [sys.executable, "-m", "pytest", "-m", "gpu", *only, "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, timeout=150, check=False)
    last = (done.stdout.strip().splitlines() or ["nothing was printed"])[-1]
    return SuiteResult(findings=(Finding("tests marked gpu: exit status", done.returncode, "", 0, True, last),))


def contract_b(bench: Bench) -> SuiteResult:
    """At every number of slots, and every draft length: the tokens and the bits that the target alone writes."""
    findings = []
    for batch in bench.scale.batches:
        alone, differing = bench.decode(batch, 0), list[str]()
        for length in bench.scale.lengths:
            drafted = bench.decode(batch, length)
            pairs = zip(alone.window_tokens, alone.scores, drafted.window_tokens, drafted.scores, strict=True)
            differing += [f"{i} at length {length}" for i, (a, p, b, q) in enumerate(pairs) if (a, p) != (b, q)]
            rate = drafted.accepted / max(1, drafted.judged)
        name = f"contract B, {batch} slots: windows that differ"
        detail = f"accepted {rate:.0%}; {', '.join(differing[:5])}"
        findings.append(Finding(name, len(differing), "windows", 0, True, detail))
    return SuiteResult(findings=tuple(findings))


def cuda_zero(bench: Bench) -> SuiteResult:
    """The device named with its number writes the same."""
    named = f"{bench.device.partition(':')[0]}:0"
    probe = bench.load(bench.scale.dtype, named if named.startswith("cuda") else None)
    run = probe.decode(bench.windows(1), 1, 3, bench.scripts(1, 0.8))
    same = run.window_tokens == bench.decode(1, 0).window_tokens
    probe.close()
    return SuiteResult(findings=(Finding(f"{named}: windows that differ", 0 if same else 1, "", 0, True),))


def contract_a(bench: Bench) -> SuiteResult:
    """float32, the small shape, and a real model where --model names a folder: transformers' own tokens."""
    folders = {bench.scale.small: random_pair(bench.scale.small, bench.settings.work)}
    findings = []
    for name, pair in folders.items():
        work = Workload(timestamps=False, tokens=bench.scale.uniform)
        sounds = cut_windows(recording_or_noise(bench.settings.audio), 2, pair.shape.frames * 320)
        features = features_of(pair.target, sounds)
        findings.append(
            _beside_transformers(f"contract A, {name}, float32", pair, "float32", work, features, bench.device)
        )
    if (real := Path(bench.settings.model)).is_dir():
        work = Workload(timestamps=True)
        features = features_of(real, cut_windows(recording_or_noise(bench.settings.audio), 2, 30 * 16000))
        own = replace(bench.pair, target=real, draft=real)
        for dtype in ("float32", bench.scale.dtype):
            findings.append(_beside_transformers(f"{real.name}, {dtype}", own, dtype, work, features, bench.device))
    return SuiteResult(findings=tuple(findings))


def contract_c(bench: Bench) -> SuiteResult:
    """16 bits, the large shape: where transformers writes another token, both are likely."""
    work = Workload(timestamps=False, tokens=bench.scale.uniform)
    name = f"contract C, {bench.scale.shape}, {bench.scale.dtype}"
    finding = _beside_transformers(name, bench.pair, bench.scale.dtype, work, bench.features[:2], bench.device)
    return SuiteResult(findings=(finding,))


def _beside_transformers(
    name: str, pair: RandomPair, dtype: str, work: Workload, features: torch.Tensor, device: str
) -> Finding:
    """The windows whose text differs; with the gap between the two tokens at the first difference of each."""
    probe, peer = (
        Probe(pair.target, pair.draft, device, dtype, work),
        Transformers(pair.target, None, device, dtype, work),
    )
    ours, gaps = probe.decode(features, 1, 0), list[str]()
    theirs = [peer.greedy(window[None], 1).window_tokens[0] for window in features]
    for i, (a, b) in enumerate(zip(ours.window_tokens, theirs, strict=True)):
        at = next((j for j, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
        if at < min(len(a), len(b)):
            gap = peer.logit_gap(features[i : i + 1], probe.prompt, a[:at], a[at])
            gaps.append(f"window {i} at token {at} of {len(a)}, logit gap {gap:.4f}")
    probe.close()
    exact = dtype == "float32"
    return Finding(f"{name}: windows unlike transformers'", len(gaps), "", 0 if exact else None, True, "; ".join(gaps))


def memory_short(bench: Bench) -> SuiteResult:
    """An allocator that grants little: fewer slots, the same windows, one line that says so."""
    if not bench.device.startswith("cuda"):
        return SuiteResult(notes=("an allocator's limit needs a GPU: not rehearsed",))
    batch = 16
    bench.probe.forget_slots()
    torch.cuda.empty_cache()
    _, total = torch.cuda.mem_get_info(bench.device)
    limit = torch.cuda.memory_allocated(bench.device) + 4e9  # some eight slots of large-v3
    torch.cuda.set_per_process_memory_fraction(limit / total, bench.device)
    try:
        run = bench.decode(batch, 0)
        notes = [f"with 4 GB beside the weights: {note}" for note in bench.probe.notes if "memory" in note]
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, bench.device)
        bench.probe.forget_slots()
    done = Finding("memory short: windows decoded", run.windows, "windows", len(bench.windows(batch)))
    said = Finding("memory short: lines that say so", len(notes), "", 1)
    return SuiteResult(findings=(done, said), notes=tuple(notes))


STEPS = (
    Step("environment", environment, 5),
    Step("batches", lambda bench: gpu_speed.batches(bench), 120),
    Step("contract B", contract_b, 100),
    Step("profile", lambda bench: gpu_speed.profile(bench), 20),
    Step("host", lambda bench: gpu_speed.host(bench), 5),
    Step("graphs on and off", lambda bench: gpu_speed.graphs(bench), 15),
    Step("fused kernels on and off", lambda bench: gpu_speed.fused(bench), 15),
    Step("contract C", contract_c, 40),
    Step("flash-attn on and off", lambda bench: gpu_speed.flash(bench), 25),
    Step("cuda:0", cuda_zero, 15),
    Step("contract A", contract_a, 30),
    Step("tests marked gpu", gpu_tests, 60),
    Step("memory short", memory_short, 15),
)
