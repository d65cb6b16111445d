"""Where two ways of decoding first write different tokens, and what the target's logits say of that place.

Finding the place is pure; the logits take one teacher-forced pass of the target over the text before it, in blocks of
the engine's own width, so that the arithmetic is that of decoding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import torch

from whisper_magic.audio.load import Audio
from whisper_magic.comparison import Candidate, Divergence
from whisper_magic.engine.runtime.loaded_model import LoadedModel
from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.runtime.slots import BLOCK, DETECT, Window
from whisper_magic.engine.sample.logits_processor import LogitsProcessor, TokenContext
from whisper_magic.engine.sample.noise import perturbed
from whisper_magic.engine.scheduler import Scheduler
from whisper_magic.engine.windows.plan import STRIDE
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Round

Tensor = torch.Tensor

# How many rounding steps of their own size two logits may lie apart when the same numbers are summed in another order.
# float32 drifts with every sum; the half-precision types are summed in float32 and rounded only behind each operation.
ROUNDING_STEPS = {torch.float32: 64.0, torch.float16: 4.0, torch.bfloat16: 4.0}


@dataclass(frozen=True)
class Attempt:
    """One decoding of a window; fallback may take several. tokens: as generated, end-of-text included."""

    window: int
    number: int  # how many came before it in the same window
    temperature: float
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Fork:
    """Two attempts at a window that differ behind `prefix`. target_only, speculative: the token there, or None."""

    window: int
    number: int
    temperature: float
    prefix: tuple[int, ...]
    target_only: int | None
    speculative: int | None
    agreed: int


def attempts(rounds: Sequence[Round]) -> tuple[Attempt, ...]:
    """The rounds of a recording, joined to attempts, in the order of the windows."""
    by_window: dict[int, list[list[Round]]] = {}
    for round_ in rounds:
        tries = by_window.setdefault(round_.window, [])
        if not tries or round_.position <= tries[-1][-1].position:  # it begins again
            tries.append([])
        tries[-1].append(round_)
    return tuple(
        Attempt(window, number, parts[0].temperature, tuple(token for part in parts for token in part.tokens))
        for window, tries in sorted(by_window.items())
        for number, parts in enumerate(tries)
    )


def first_fork(target_only: Sequence[Attempt], speculative: Sequence[Attempt]) -> Fork | None:
    """The first place where two ways of decoding a recording differ; None where there is none."""
    mine = {(a.window, a.number): a for a in target_only}
    other = {(a.window, a.number): a for a in speculative}
    agreed = 0
    for window, number in sorted(mine.keys() | other.keys()):
        first, second = mine.get((window, number)), other.get((window, number))
        ours, theirs = first.tokens if first else (), second.tokens if second else ()
        same = next(
            (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs))
        )
        agreed += same
        if same < max(len(ours), len(theirs)):
            temperature = (first or second or target_only[0]).temperature
            at = (_at(ours, same), _at(theirs, same))
            return Fork(window, number, temperature, ours[:same], *at, agreed)
    return None


def _at(tokens: tuple[int, ...], place: int) -> int | None:
    return tokens[place] if place < len(tokens) else None


@torch.inference_mode()
def examine(model: LoadedModel, audio: Audio, options: TranscribeOptions, fork: Fork) -> Divergence:
    """Look up a fork's logits. options: those of the target alone."""
    target = model.target
    divergence = Divergence(
        window=fork.window,
        position=len(fork.prefix),
        temperature=fork.temperature,
        agreed=fork.agreed,
        before=target.text(fork.prefix),
        target_only=_candidate(model, fork.target_only),
        speculative=_candidate(model, fork.speculative),
    )
    watched = _watch_for(model, audio, options, fork)
    if watched is None or divergence.target_only is None or divergence.speculative is None:
        return divergence
    processor, window = watched
    logits, prompt = _forced(model.runner, processor, window, fork.prefix)
    raw = logits[0, 0].float()
    candidates = divergence.target_only, divergence.speculative
    gap = _gap(processor, logits, window, (prompt, fork.prefix), (candidates[0].token, candidates[1].token))
    own, other = (replace(candidate, logit=float(raw[candidate.token])) for candidate in candidates)
    step = torch.finfo(logits.dtype).eps * max(1.0, float(raw[[own.token, other.token]].abs().max()))
    near_tie = gap <= ROUNDING_STEPS[logits.dtype] * step
    return replace(divergence, target_only=own, speculative=other, gap=gap, near_tie=near_tie)


def _candidate(model: LoadedModel, token: int | None) -> Candidate | None:
    """A token with its text; special ones by their names, timestamps by their times."""
    if token is None:
        return None
    target, special = model.target, model.target.special
    if token >= special.timestamp_begin:
        seconds = (token - special.timestamp_begin) * STRIDE * model.front_end.frame_seconds
        return Candidate(token, f"<|{seconds:.2f}|>")
    if token >= special.eot:
        return Candidate(token, str(target.tokenizer.convert_ids_to_tokens(token)))
    return Candidate(token, target.text([token]))


class _WatchingScheduler(Scheduler):
    """Remembers the windows that it hands out, by their index and how often it did before."""

    def __init__(self, model: LoadedModel, audio: Audio, options: TranscribeOptions) -> None:
        super().__init__(model, [audio], options)
        self.seen: dict[tuple[int, int], Window] = {}

    def next_window(self) -> Window | None:
        window = super().next_window()
        if window is not None:
            self.seen[window.index, sum(index == window.index for index, _ in self.seen)] = window
        return window


def _watch_for(
    model: LoadedModel, audio: Audio, options: TranscribeOptions, fork: Fork
) -> tuple[LogitsProcessor, Window] | None:
    """Decode until the window of the fork is handed out: that window, and the logit rules that hold in it."""
    wanted = (fork.window, fork.number)
    with closing(_WatchingScheduler(model, audio, options)) as scheduler, closing(scheduler.events()) as events:
        for _ in events:
            if wanted in scheduler.seen:
                return scheduler.processor, scheduler.seen[wanted]
    return None


def _forced(
    runner: ModelRunner, processor: LogitsProcessor, window: Window, prefix: Sequence[int]
) -> tuple[Tensor, tuple[int, ...]]:
    """The target's logits (1, 1, V) after the window's prompt and `prefix`; and the prompt, its language filled in."""
    special = processor.special
    runner.allocate(1)
    runner.encode([0], window.features[None])
    prompt = window.prompt
    if DETECT in prompt:  # as the speculator detects it
        ids = sorted(special.languages.values())
        language = ids[int(_logits_after(runner, (special.sot,))[0, 0, ids].argmax())]
        prompt = tuple(language if token == DETECT else token for token in prompt)
    return _logits_after(runner, (*prompt, *prefix)), prompt


def _logits_after(runner: ModelRunner, tokens: tuple[int, ...]) -> Tensor:
    """(1, 1, V) after the last of these tokens, which are fed block by block."""
    logits = torch.empty(0)
    for first in range(0, len(tokens), BLOCK):
        block = torch.zeros(1, BLOCK, dtype=torch.long, device=runner.device)
        part = tokens[first : first + BLOCK]
        block[0, : len(part)] = torch.tensor(part, device=runner.device)
        start = torch.tensor([first], device=runner.device)
        logits = runner.backend.forward(block, start)[:, len(part) - 1 :][:, :1]
    return logits


def _gap(
    processor: LogitsProcessor,
    logits: Tensor,
    window: Window,
    text: tuple[tuple[int, ...], tuple[int, ...]],
    pair: tuple[int, int],
) -> float:
    """How far apart two tokens are in what decides between them. text: the prompt, and what was
    generated."""
    prompt, prefix = text
    device, begin = logits.device, processor.special.timestamp_begin
    tokens = torch.tensor([[*prompt, *prefix]], device=device)
    start = torch.tensor([tokens.shape[1] - 1], device=device)
    context = TokenContext.of(tokens, torch.tensor([len(prompt)], device=device), start, 1, begin)
    scores = processor(logits, context)
    temperature = torch.tensor([window.temperature], device=device)
    noisy = perturbed(scores, temperature, torch.tensor([window.key], device=device), context.index)[0, 0]
    distances = [abs(float(noisy[pair[0]] - noisy[pair[1]])) * (window.temperature or 1.0)]
    if (pair[0] >= begin) != (
        pair[1] >= begin
    ):  # logits_processor.py: where the timestamps together outweigh every word
        suppressed = processor.suppressed_first if not prefix else processor.suppressed
        words = (logits[0, 0].float() + suppressed)[:begin].amax()
        distances.append(abs(float(scores[0, 0, begin:].logsumexp(-1) - words)))
    return min(distance for distance in distances if not math.isnan(distance))
