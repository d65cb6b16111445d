"""Training of the target: a trunk from random weights, then branches whose mean is the target.

Muon for the matrices, AdamW for the rest, one batch per step. Each run resumes from the newest checkpoint of its
folder, and sees from there what an uninterrupted one would have seen.
"""

import random
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import nn

from recipes.demo_pair.batches import BatchMaker, TokenizedCorpus
from recipes.demo_pair.checkpoints import Checkpoints, mean_of
from recipes.demo_pair.corpus import Utterance, load_corpus, load_sounds, speak_sentences
from recipes.demo_pair.mel import raw_log_mel
from recipes.demo_pair.network import Losses, TargetLoss, new_target
from recipes.demo_pair.recipe import CACHE, FULL, SHORT, Phase, Recipe, RecipeError, WindowKind
from recipes.demo_pair.tokenizer import SpecialIds, load_tokenizer, special_ids
from recipes.demo_pair.windows import IGNORE_INDEX

_REPORT_EVERY = 25
_HELD_OUT = 60
_BRANCH_BATCHES = 1_000_000
"""A branch's batches are numbered from its number among all branches, times this."""


@dataclass(frozen=True)
class TrainingData:
    """Batches to train on, batches of held-out sentences and voices, and the ids of special tokens."""

    batches: BatchMaker
    held_out: BatchMaker
    ids: SpecialIds


def load_training_data(recipe: Recipe) -> TrainingData:
    """Read corpus and tokenizer from the cache, and synthesize the held-out sentences."""
    tokenizer = load_tokenizer()
    ids = special_ids(tokenizer)
    held_out = [
        Utterance(utterance.sentence, utterance.language, raw_log_mel(utterance.samples))
        for language in recipe.languages
        for utterance in speak_sentences(language, _HELD_OUT, recipe.seed, "held_out", unseen_voices=True)
    ]
    sounds = load_sounds()

    def tokens(texts: list[str]) -> list[list[int]]:
        token_ids: list[list[int]] = tokenizer([f" {text}" for text in texts], add_special_tokens=False).input_ids
        return token_ids

    def batches(utterances: list[Utterance]) -> BatchMaker:
        texts = tokens([utterance.sentence.text for utterance in utterances])
        english = tokens([utterance.sentence.english for utterance in utterances])
        return BatchMaker(recipe, TokenizedCorpus(utterances, texts, english, sounds), ids)

    return TrainingData(batches(load_corpus()), batches(held_out), ids)


class Optimizers:
    """Muon for the layers' matrices, AdamW for embeddings, convolutions, norms and biases."""

    def __init__(self, modules: nn.Module) -> None:
        """Sort the weights that require gradients."""
        named = [(name, weight) for name, weight in modules.named_parameters() if weight.requires_grad]
        matrices = [weight for name, weight in named if _is_matrix(name, weight)]
        others = [weight for name, weight in named if not _is_matrix(name, weight)]
        self._weights = matrices + others
        self._all: list[torch.optim.Optimizer] = [torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0)]
        self._all.append(torch.optim.Muon(matrices, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"))

    def step(self, rate: float) -> float:
        """Clip gradients, step at the learning rate `rate`, and clear them.

        Returns:
            The gradients' norm before clipping.
        """
        norm = nn.utils.clip_grad_norm_(self._weights, 1.0)
        for optimizer in self._all:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return float(norm)

    def state(self) -> list[dict[str, Any]]:
        """The optimizers' states, for a checkpoint."""
        return [optimizer.state_dict() for optimizer in self._all]

    def load(self, states: Iterable[dict[str, Any]]) -> None:
        """Restore what `state` returned."""
        for optimizer, state in zip(self._all, states, strict=True):
            optimizer.load_state_dict(state)


def _is_matrix(name: str, weight: torch.Tensor) -> bool:
    return weight.ndim == 2 and "embed" not in name and "ctc_head" not in name and "proj_out" not in name


@dataclass(frozen=True)
class StepPlan:
    """What one step trains on, and at which learning rate: see `Phase`."""

    kind: WindowKind
    rate: float
    languages: tuple[str, ...]
    encoder_only: bool
    packed: float


def plan_of_step(phases: Iterable[Phase], seed: int, step: int) -> StepPlan:
    """Find a step's phase, and draw its window kind by the phase's odds."""
    rng = random.Random(f"kind {seed} {step}")
    for phase in phases:
        if step < phase.steps:
            kinds = [kind for kind, _ in phase.odds]
            kind = rng.choices(kinds, [odds for _, odds in phase.odds])[0]
            first, last = phase.rates
            rate = first + (last - first) * (step + 1) / phase.steps
            return StepPlan(kind, rate, phase.languages, phase.encoder_only, phase.packed)
        step -= phase.steps
    raise IndexError("past the last step")


def set_attention(module: nn.Module, kind: WindowKind) -> None:
    """Choose the faster attention on a CPU: eager on short windows, SDPA on full ones."""
    name = "sdpa" if kind == FULL else "eager"
    for part in module.modules():
        config = getattr(part, "config", None)
        if config is not None:
            config._attn_implementation = name


def train_target(recipe: Recipe, folder: Path = CACHE / "target") -> None:
    """Train the trunk to its last step, then the rounds of branches, those side by side on a CPU."""
    if Checkpoints(folder).last_step() < recipe.steps:
        _run(recipe, folder, recipe.phases, folder, None)
    at_once = recipe.workers if recipe.device == "cpu" else 1
    for turn in range(len(recipe.rounds)):
        with ProcessPoolExecutor(at_once, get_context("spawn")) as pool:
            list(pool.map(partial(train_branch, recipe, turn, folder=folder), range(recipe.branches)))


def train_branch(recipe: Recipe, turn: int, number: int, folder: Path = CACHE / "target") -> None:
    """Train branch `number` of round `turn` (both from 0) to its last step."""
    _run(recipe, branch_folder(folder, turn, number), recipe.rounds[turn], folder, turn * recipe.branches + number)


def load_trained(
    recipe: Recipe, ids: SpecialIds, folder: Path = CACHE / "target", turns: int | None = None
) -> TargetLoss:
    """Load the target as far as it is trained: the mean of the last complete round's branches, or the trunk.

    Args:
        recipe: Its rounds, branches and averaged steps.
        ids: Of the special tokens.
        folder: Of the trunk's checkpoints.
        turns: Rounds to consider; None considers all.

    Raises:
        RecipeError: Nothing is trained yet.
    """
    states, name = _newest(recipe, folder, len(recipe.rounds) if turns is None else turns)
    modules = TargetLoss(new_target(recipe.shape, ids), ids, recipe)
    modules.load_state_dict(mean_of(states))
    print(f"target: {name}", flush=True)
    return modules


def _newest(recipe: Recipe, folder: Path, turns: int) -> tuple[list[dict[str, torch.Tensor]], str]:
    """The states whose mean is the target, and a description of them."""
    for turn in reversed(range(turns)):
        ends = [Checkpoints(branch_folder(folder, turn, number)) for number in range(recipe.branches)]
        step = recipe.round_steps[turn]
        if ends and all(end.has((step,)) for end in ends):
            return [end.modules(step) for end in ends], f"the mean of {len(ends)} branches, {turn + 1} rounds"
    checkpoints = Checkpoints(folder)
    steps = recipe.averaged if checkpoints.has(recipe.averaged) else (checkpoints.last_step(),)
    if steps == (0,):
        raise RecipeError(f"no training checkpoint in {folder}: run `python -m recipes.demo_pair target` first")
    return [checkpoints.modules(step) for step in steps], f"the trunk after {', '.join(map(str, steps))} steps"


def branch_folder(folder: Path, turn: int, number: int) -> Path:
    """Folder of the checkpoints of branch `number` of round `turn` (both from 0)."""
    return folder / f"round-{turn + 1}" / f"branch-{number + 1}"


def _run(recipe: Recipe, folder: Path, phases: Sequence[Phase], trunk: Path, branch: int | None) -> None:
    """Train the trunk, or a branch from the target as it was before its round.

    branch: its number among those of all rounds; None for the trunk.
    """
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    data = load_training_data(recipe)
    steps = sum(phase.steps for phase in phases)
    if branch is None:
        modules = TargetLoss(new_target(recipe.shape, data.ids), data.ids, recipe)
    else:
        modules = load_trained(recipe, data.ids, trunk, branch // recipe.branches)
    checkpoints = Checkpoints(folder, keep_steps=recipe.averaged)
    modules.to(recipe.device)
    optimizers = Optimizers(modules)
    first = resume(checkpoints, modules, optimizers)
    offset = 0 if branch is None else _BRANCH_BATCHES * (branch + 1)
    started = time.perf_counter()
    for step in range(first, steps):
        plan = plan_of_step(phases, recipe.seed, step)
        losses, norm = _one_step(modules, optimizers, data, plan, step + offset)
        if step % _REPORT_EVERY == 0:
            checkpoints.log(
                step=step,
                kind=plan.kind.positions,
                rate=plan.rate,
                text=losses.text.item(),
                ctc=losses.ctc.item(),
                guide=losses.guide.item(),
                norm=norm,
                seconds=time.perf_counter() - started,
            )
        if (step + 1) % recipe.checkpoint_every == 0 or step + 1 in (*recipe.averaged, steps):
            checkpoints.log(step=step + 1, **_accuracies(modules, data, recipe))
            checkpoints.save(step + 1, {"modules": modules.state_dict(), "optimizers": optimizers.state()})


def resume(checkpoints: Checkpoints, modules: nn.Module, optimizers: Optimizers) -> int:
    """Load the newest checkpoint, where there is one, and return the first step to train."""
    first, state = checkpoints.newest()
    if state is not None:
        modules.load_state_dict(state["modules"])
        if state["optimizers"]:
            optimizers.load(state["optimizers"])
    return first


def _one_step(
    modules: TargetLoss, optimizers: Optimizers, data: TrainingData, plan: StepPlan, step: int
) -> tuple[Losses, float]:
    set_attention(modules, plan.kind)
    batch = data.batches.batch(step, plan.kind, plan.languages, packed=plan.packed)
    with torch.autocast(batch.mel.device.type, torch.bfloat16):
        losses = modules(batch, plan.encoder_only)
    torch.autograd.backward(modules.total(losses))
    return losses, optimizers.step(plan.rate)


@torch.no_grad()
def _accuracies(modules: TargetLoss, data: TrainingData, recipe: Recipe) -> dict[str, float]:
    """Teacher-forced accuracy of text tokens on held-out sentences in held-out voices: short windows of each language,
    and full ones of all."""
    drawn = {language: (SHORT, (language,)) for language in recipe.languages} | {"full": (FULL, recipe.languages)}
    accuracies = {}
    for name, (kind, languages) in drawn.items():
        set_attention(modules, kind)
        batch = data.held_out.batch(0, kind, languages, clean=True)
        with torch.autocast(batch.mel.device.type, torch.bfloat16):
            best = modules.logits(batch).argmax(-1)
        text = (batch.labels != IGNORE_INDEX) & (batch.labels < data.ids.eot)
        accuracies[name] = (best == batch.labels)[text].float().mean().item()
    return accuracies
