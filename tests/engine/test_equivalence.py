"""Contract A: in fp32 the engine writes what transformers' unassisted greedy `generate` writes, token for token,
whatever the draft proposes, at any draft length, short form and long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from transformers import WhisperForConditionalGeneration

from whisper_magic.engine.decode.drafters import ChainedDrafter, Drafter, ModelDrafter, NoDrafter, PreviousDrafter
from whisper_magic.engine.decode.speculator import Decoded, Speculator
from whisper_magic.engine.model.checkpoint import Checkpoint, read_draft, read_target
from whisper_magic.engine.model.device import place
from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.sample.logits_processor import LogitsProcessor
from whisper_magic.engine.windows.plan import Plan
from whisper_magic.engine.windows.prompt import forced_prompt
from whisper_magic.engine.windows.reader import SequentialReader, cut
from whisper_magic.engine.windows.stream import ALL_FRAMES, Part
from whisper_magic.options import TranscribeOptions

CHECKPOINTS = 50
QUICK = (2, 6, 15, 19)  # of them in `make test`: with and without languages, 16-bit weights, 80 and 128 mels
PLACEMENT = place("cpu", "float32", "sdpa").placement


@dataclass(frozen=True)
class Case:
    """One text to compare: options on our side, features that both sides get."""

    timestamps: bool
    features: torch.Tensor  # (n_mels, frames)
    language: str | None
    condition: bool = False


def theirs(model: WhisperForConditionalGeneration, case: Case, target: Checkpoint, **given: Any) -> list[list[int]]:
    """transformers' text: the tokens of every segment."""
    forced: dict[str, Any] = {"task": "transcribe", "language": case.language} if target.special.languages else {}
    if not case.timestamps:
        forced["suppress_tokens"] = without_timestamps(target)
    out = model.generate(
        input_features=case.features[None],
        return_timestamps=case.timestamps,
        condition_on_prev_tokens=case.condition,
        return_segments=True,
        num_beams=1,
        do_sample=False,
        **forced,
        **given,
    )
    begin, eot = target.special.timestamp_begin, target.special.eot
    texts = [[t for t in segment["tokens"].tolist() if t != eot] for segment in out["segments"][0]]
    # transformers keeps the second timestamp of the pair at which it cut; a piece of ours ends with the first
    return [text[:-1] if len(text) > 2 and min(text[-2:]) >= begin else text for text in texts]


class Source:
    """A source that was read to its end: features (n_mels, frames)."""

    def __init__(self, features: torch.Tensor) -> None:
        self._features = features

    @property
    def num_content_frames(self) -> int:
        return self._features.shape[1]

    def read_until(self, frame: int) -> int:
        return min(frame, self._features.shape[1])

    def features(self, first: int, last: int) -> torch.Tensor:
        return self._features[:, first:last]

    def forget(self, before: int) -> None:
        pass

    def peak(self, part: Part) -> float:
        return 1.0

    def voiced_seconds(self, part: Part) -> float | None:
        return None


def ours(runner: ModelRunner, target: Checkpoint, case: Case, draft: str, length: int) -> list[list[int]]:
    """The engine's text of the same features."""
    options = TranscribeOptions(language=case.language, timestamps=case.timestamps)
    suppress = None if case.timestamps else tuple(without_timestamps(target))
    processor = LogitsProcessor.build(target.special, runner.device, timestamps=case.timestamps, suppress=suppress)
    plan = Plan(
        special=target.special,
        window_frames=target.window_frames,
        context=int(target.config.max_target_positions),
        forced=forced_prompt(target.special, options, "random"),
        previous=(),
        condition_on_previous=case.condition,
        max_length=target.special.max_length,
        max_tokens=int(target.config.max_target_positions),
        frame_seconds=0.01,
    )
    reader = SequentialReader(Source(case.features), iter([Part(0, ALL_FRAMES)]), plan, str)
    drafter: Drafter = NoDrafter()
    if draft != "none":
        drafter = ModelDrafter(runner.backend, processor, length)
    texts = []
    for event in Speculator(runner, processor, drafter).run(reader.next_window):
        if isinstance(event, Decoded):
            texts += [list(piece.tokens) for piece in reader.accept(event).pieces]
    return texts


def without_timestamps(target: Checkpoint) -> list[int]:
    """The checkpoint's suppress list and every timestamp: random weights would write them anywhere."""
    return [*target.special.suppress, *range(target.special.timestamp_begin, target.special.vocab)]


def sound_of(shape: Any, windows: float) -> torch.Tensor:
    """Random features of so many windows, as rough as speech. (n_mels, frames)"""
    generator = torch.Generator().manual_seed(shape.seed + round(100 * windows))
    frames = int(windows * 2 * shape.source_positions)
    envelope = torch.nn.functional.interpolate(
        torch.randn(1, shape.mels, max(2, frames // 40), generator=generator), size=frames, mode="linear"
    )[0]
    return envelope + 0.5 * torch.randn(shape.mels, frames, generator=generator)


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=() if seed in QUICK else pytest.mark.slow) for seed in range(CHECKPOINTS)]
)
def test_equals_transformers(seed: int, make_pair: Callable[[Any], Any], shape: Any) -> None:
    drawn = shape.draw(seed)
    pair = make_pair(drawn)
    language = None if seed % 3 else "de"
    cases = [
        Case(timestamps=False, features=sound_of(drawn, 1.0), language=language if drawn.multilingual else None),
        Case(timestamps=True, features=sound_of(drawn, 1.0), language=language if drawn.multilingual else None),
    ]
    features = sound_of(drawn, 2.0 + seed % 5 / 2)  # 2 to 4 windows
    cases.append(Case(True, features, None, condition=seed % 2 == 0))
    model = WhisperForConditionalGeneration.from_pretrained(pair.target, dtype=torch.float32)
    target = read_target(str(pair.target), PLACEMENT)
    expected = [theirs(model, case, target) for case in cases]
    assert any(any(text) for text in expected), "an empty text would prove nothing"
    for i, (name, folder) in enumerate(pair.drafts.items()):
        runner = ModelRunner(target, read_draft(str(folder), target, PLACEMENT))
        length = (seed + 3 * i) % 7 + 1  # each kind of draft at each length 1 to 7, over the 50
        for case, text in zip(cases, expected, strict=True):
            assert ours(runner, target, case, name, length) == text, (name, length, case.timestamps)
    for case, text in zip(cases, expected, strict=True):
        assert ours(ModelRunner(target, None), target, case, "none", 0) == text


def mixed_windows(pair: Any, target: Checkpoint) -> tuple[list[Window], list[list[int]]]:
    """Windows of every language, some detected, with and without a prompt; and what transformers writes in each."""
    model = WhisperForConditionalGeneration.from_pretrained(pair.target, dtype=torch.float32)
    special, context = target.special, int(target.config.max_target_positions)
    windows, texts = [], []
    for i in range(7):
        language = [None, *special.languages][i % 4]
        prompt = tuple(range(10, 10 + 3 * i)) if i % 3 else ()
        sound = sound_of(replace(pair.shape, seed=100 * i + pair.shape.seed), 1.0)
        options = TranscribeOptions(language=language)
        forced = forced_prompt(special, options, "random")
        plan = Plan(special, target.window_frames, context, forced, prompt, False, special.max_length, context, 0.01)
        prompt_ids = plan.prompt(None)
        windows.append(Window(i, sound, prompt_ids, plan.token_limit(prompt_ids), target.window_frames))
        given = torch.tensor([special.prev_sot, *prompt]) if prompt else None
        texts.append(theirs(model, Case(True, sound, language), target, prompt_ids=given))
    return windows, texts


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 4))])
def test_slots_of_all_sorts_equal_transformers(seed: int, make_pair: Callable[[Any], Any], shape: Any) -> None:
    """Neighbours in other languages and with other prompts, refilled in flight, under every kind of draft."""
    pair = make_pair(shape(seed=seed, eot_pull=[1.0, 1.6, 2.2][seed % 3]))
    target = read_target(str(pair.target), PLACEMENT)
    windows, expected = mixed_windows(pair, target)
    runner = ModelRunner(target, read_draft(str(pair.drafts["sometimes"]), target, PLACEMENT))
    processor = LogitsProcessor.build(target.special, runner.device, timestamps=True)

    def decoded(draft: Drafter, slots: int) -> list[list[int]]:
        queue = iter(windows)
        events = Speculator(runner, processor, draft, slots).run(lambda: next(queue, None))
        found = {event.window.index: list(event.tokens) for event in events if isinstance(event, Decoded)}
        return [found[window.index] for window in windows]

    alone = decoded(NoDrafter(), 3)
    for tokens, segments in zip(alone, expected, strict=True):
        pieces = cut(tokens, 0, target.window_frames, target.special.timestamp_begin)[0]
        assert [list(piece.tokens) for piece in pieces] == segments[: len(pieces)], "theirs may read on after the last"
    assert sum(len(segments) for segments in expected) > 3
    for slots, length in ((3, 1 + seed), (7, 5)):
        model = ModelDrafter(runner.backend, processor, length)
        copying = PreviousDrafter(length, lambda window: alone[window.index][: 4 * window.index])
        for draft in (NoDrafter(), model, copying, ChainedDrafter([copying, model])):
            assert decoded(draft, slots) == alone, (slots, length, type(draft).__name__)


@pytest.mark.parametrize("seed", range(4))
def test_max_length_counts_what_is_written(seed: int, make_pair: Callable[[Any], Any], shape: Any) -> None:
    """One window only: transformers 5.23 adds the prompt's length to `max_length` anew for every further window."""
    pair = make_pair(shape(seed=seed, max_length=20, eot_pull=0.5))
    case = Case(timestamps=False, features=sound_of(pair.shape, 1.0), language="de")
    model = WhisperForConditionalGeneration.from_pretrained(pair.target, dtype=torch.float32)
    target = read_target(str(pair.target), PLACEMENT)
    (expected,) = theirs(model, case, target)
    assert len(expected) == 20
    runner = ModelRunner(target, read_draft(str(pair.drafts["sometimes"]), target, PLACEMENT))
    assert ours(runner, target, case, "sometimes", 5) == [expected]


def test_drafts_agree_as_named(pair: Any, shape: Any) -> None:
    """The suite above means something only while its three drafts behave differently."""
    from whisper_magic import Engine

    samples = torch.randn(3 * 16000, generator=torch.Generator().manual_seed(1)).numpy() * 0.1
    rates = {}
    for name, folder in pair.drafts.items():
        with Engine.load(str(pair.target), str(folder), device="cpu") as engine:
            rates[name] = engine.transcribe((samples, 16000), draft="model", temperature=0.0).trace.acceptance_rate
    assert rates["always"] == pytest.approx(1.0)
    assert 0.2 < rates["sometimes"] < 0.97
    assert rates["never"] < 0.2
