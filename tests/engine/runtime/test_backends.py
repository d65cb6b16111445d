"""The contract that every backend keeps: the same scripted rounds give the same tokens through each of them, and the
log-probabilities that transformers gives the same text.

Backends: the native CPU kernels, torch as it is, torch with captured steps (replayed by a stand-in on a CPU), and CUDA
where there is a GPU. Rounds: greedy, samples with shared noise, samples by rejection; right, wrong and ending drafts, a
draft model; one slot and several, prompts shorter and longer than a block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import WhisperForConditionalGeneration

from tests.support.bench import Bench, Script, ScriptedDrafter
from whisper_magic.engine.decode.drafters import Drafter, NoDrafter
from whisper_magic.engine.decode.speculator import Decoded
from whisper_magic.engine.model.device import place
from whisper_magic.engine.native import bindings
from whisper_magic.engine.runtime.cuda_graphs import CudaGraphs
from whisper_magic.engine.runtime.native_backend import NativeBackend
from whisper_magic.engine.runtime.slots import DETECT, Window
from whisper_magic.engine.runtime.torch_backend import TorchBackend
from whisper_magic.engine.sample.logits_processor import TokenContext
from whisper_magic.engine.sample.noise import stream_key
from whisper_magic.transcript import Round

BACKENDS = [
    pytest.param(
        "native", marks=pytest.mark.skipif(bool(bindings.why_not()), reason=f"no native kernels: {bindings.why_not()}")
    ),
    "torch",
    pytest.param("captured", marks=pytest.mark.slow),
    pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="NO GPU")]),
]
SLOTS = (pytest.param(1, marks=pytest.mark.slow), 3)
LENGTHS = (pytest.param(1, marks=pytest.mark.slow), 4, pytest.param(7, marks=pytest.mark.slow))


@pytest.fixture(scope="module", params=BACKENDS)
def bench(request: pytest.FixtureRequest, make_pair: Any, shape: Any) -> Bench:
    pair = make_pair(shape(seed=4, eot_pull=1.0))
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "native":
            patch.setattr(NativeBackend, "obstacle", lambda *args: "turned off by a test")
        placement = place("cuda" if request.param == "cuda" else "cpu", "float32", "sdpa").placement
        made = Bench(pair, placement=placement)
    assert isinstance(made.runner.backend, NativeBackend if request.param == "native" else TorchBackend)
    if request.param == "captured":
        made.runner.backend.graphs = CudaGraphs(lambda: lambda step: step)
    return made


@pytest.fixture(scope="module")
def reference(make_pair: Any, shape: Any) -> Bench:
    """Through torch, one window at a time: what every backend is compared with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NativeBackend, "obstacle", lambda *args: "turned off by a test")
        return Bench(make_pair(shape(seed=4, eot_pull=1.0)))


@pytest.fixture(scope="module")
def transformers_model(make_pair: Any, shape: Any) -> Any:
    pair = make_pair(shape(seed=4, eot_pull=1.0))
    return WhisperForConditionalGeneration.from_pretrained(pair.target, dtype=torch.float32)


def scripts(bench: Bench) -> dict[str, Script]:
    """Drafts by name: right, wrong at the third token, ending at the second, and nonsense."""
    eot = bench.target.special.eot

    def changed(at: int, token: Callable[[int], int]) -> Script:
        def script(window: Window, position: int, count: int) -> Sequence[int]:
            guesses = bench.truth(window, position, count)
            return [token(guess) if i == at else guess for i, guess in enumerate(guesses)]

        return script

    return {
        "right": bench.truth,
        "wrong": changed(2, lambda token: (token + 1) % 300),
        "ending": changed(1, lambda token: eot),
        "nonsense": lambda window, position, count: [bench.target.special.sot] * count,
    }


def steady(rounds: dict[int, list[Round]]) -> dict[int, list[Round]]:
    """Rounds without their wall times, and without how many windows were decoded together."""
    same: dict[str, Any] = {"draft_seconds": 0, "verify_seconds": 0, "batch": 1}
    return {i: [replace(one, **same) for one in found] for i, found in rounds.items()}


def check(found: dict[int, Decoded], expected: dict[int, Decoded]) -> None:
    for i, end in expected.items():
        assert found[i].tokens == end.tokens
        assert found[i].language == end.language
        assert found[i].logprobs == pytest.approx(end.logprobs, abs=1e-4)
        assert found[i].no_speech_prob == pytest.approx(end.no_speech_prob, rel=1e-4)
        assert found[i].after_start.language == end.after_start.language
        assert found[i].after_start.language_probability == pytest.approx(
            end.after_start.language_probability, rel=1e-4
        )
        assert (found[i].language_probability or 0) == pytest.approx(end.language_probability or 0, rel=1e-4)


@pytest.mark.parametrize("slots", SLOTS)
def test_the_target_alone(bench: Bench, reference: Bench, slots: int) -> None:
    ends, rounds = bench.follow(bench.windows, NoDrafter(), slots)
    expected, expected_rounds = reference.follow(reference.windows, NoDrafter(), 1)
    check(ends, expected)
    assert steady(rounds) == steady(expected_rounds)


@pytest.mark.parametrize("slots", SLOTS)
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", ["right", "wrong", "ending", "nonsense"])
def test_scripted_drafts(bench: Bench, reference: Bench, name: str, length: int, slots: int) -> None:
    """The rounds are the same, not only the text: what was accepted, and where."""
    ends, rounds = bench.follow(bench.windows, ScriptedDrafter(scripts(bench)[name], length), slots)
    expected, expected_rounds = reference.follow(
        reference.windows, ScriptedDrafter(scripts(reference)[name], length), slots
    )
    check(ends, expected)
    assert steady(rounds) == steady(expected_rounds)


@pytest.mark.parametrize("slots", SLOTS)
@pytest.mark.parametrize("length", LENGTHS)
def test_a_draft_model(bench: Bench, reference: Bench, length: int, slots: int) -> None:
    """The native draft is rounded to 8 bits: what it proposes may differ, what is written may not."""
    for _ in range(2):  # again, where everything was captured by a run that is over
        check(bench.decode(bench.windows, bench.model_drafter(length), slots), dict(enumerate(reference.alone)))


@pytest.mark.parametrize("rejection", [False, True])
@pytest.mark.parametrize("slots", SLOTS)
def test_samples(bench: Bench, reference: Bench, slots: int, rejection: bool) -> None:
    """Shared noise: the target's own samples, whatever is drafted. Rejection: the same draws from the same noise."""
    for temperatures in ((0.7,) * 5, (0.7, 0.0, 0.4, 0.0, 1.0)):
        windows = [
            replace(window, temperature=t, key=stream_key(1, window.index))
            for window, t in zip(bench.windows, temperatures, strict=True)
        ]
        drafters: list[Callable[[Bench], Drafter]] = [lambda one: ScriptedDrafter(scripts(one)["wrong"], 4)]
        if not rejection:
            drafters += [lambda one: NoDrafter(), lambda one: one.model_drafter(4)]
        expected = reference.decode(windows, drafters[0](reference), slots, rejection=rejection)
        for make in drafters:
            check(bench.decode(windows, make(bench), slots, rejection=rejection), expected)


@torch.inference_mode()
def test_transformers_gives_the_same_text_the_same_probabilities(bench: Bench, transformers_model: Any) -> None:
    """The choice at every position, and its log-probability, by transformers' forward pass over the text written."""
    special = bench.target.special
    for window, end in zip(bench.windows, bench.alone, strict=True):
        prompt = tuple(end.language if token == DETECT else token for token in window.prompt)
        text = torch.tensor([[*prompt, *end.tokens]])
        logits = transformers_model(input_features=window.features[None], decoder_input_ids=text).logits
        start = torch.tensor([len(prompt) - 1])
        context = TokenContext.of(text, start + 1, start, len(end.tokens) + 1, special.timestamp_begin)
        device = bench.processor.tables.mask.device
        rows = logits[:, len(prompt) - 1 :].to(device)
        moved = TokenContext(*(part.to(device) for part in context.parts))
        choice, logprob = bench.processor.greedy(rows, moved)
        written = [*end.tokens, special.eot][: len(end.logprobs)]
        assert choice[0, : len(written)].tolist() == written
        assert logprob[0, : len(written)].tolist() == pytest.approx(end.logprobs, abs=1e-3)


def test_a_cpu_says_why_it_runs_through_torch(make_pair: Any, shape: Any, through_torch: Callable[[], None]) -> None:
    through_torch()
    bench = Bench(make_pair(shape(seed=4, eot_pull=1.0)), count=1)
    assert isinstance(bench.runner.backend, TorchBackend)
    assert bench.runner.attention == "sdpa"
    assert bench.runner.backend_note.endswith("turned off by a test")


def test_one_backend_runs_both_models(make_pair: Any, shape: Any) -> None:
    """Heads of 16, which the kernels cannot run: target and draft both go through torch."""
    bench = Bench(make_pair(shape(seed=4, heads=4, eot_pull=1.0)), count=1)
    assert isinstance(bench.runner.backend, TorchBackend)
    assert "this one is 16" in bench.runner.backend_note or bindings.why_not()
