"""Distillation: the draft learns the target's distribution over the shortlist, and the tokens that the target chose.

Kullback-Leibler divergence to the target's distribution, and cross-entropy with what it wrote (whose timestamps obey
rules that the distribution does not know). Muon trains the matrices, AdamW the rest. The draft that is exported is the
exponential moving average of the weights.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional
from transformers import WhisperForConditionalGeneration

from recipes.draft.data import Batch, Labels
from recipes.draft.network import LightDraft

Tensor = torch.Tensor
LABEL_WEIGHT = 0.3  # of the cross-entropy
AVERAGE = 0.995  # of the moving average, a step
WARM_UP, COOL_DOWN = 50, 0.35  # steps; share of all steps
FINE = 0.5  # share of the learning rate below which every encoder state is read: until then every second one will do


@dataclass(frozen=True)
class Training:
    """The command line's choices.

    Attributes:
        target: A Hugging Face folder.
        folder: Where checkpoints and log go.
        layers: Which of the target's decoder layers the draft begins with.
        steps: In all.
        batch: Windows a step.
        rate: Of Muon; AdamW's is a tenth of it.
        threads: torch threads.
        seed: Of the order.
        device: "cpu" or "cuda".
    """

    target: str
    folder: Path
    layers: tuple[int, ...]
    steps: int = 5000
    batch: int = 16
    rate: float = 0.01
    threads: int = 2
    seed: int = 0
    device: str = "cpu"


def rate_at(step: int, steps: int) -> float:
    """The share of the full learning rate: up, level, and linearly down."""
    return min((step + 1) / WARM_UP, 1.0, (steps - step) / (COOL_DOWN * steps))


def loss_of(draft: LightDraft, batch: Batch, stride: int = 1) -> tuple[Tensor, Tensor]:
    """The loss, and where the draft's likeliest token is the target's, (predicted,). stride: of the encoder states."""
    logits = draft(batch.tokens, batch.states[:, ::stride], batch.predicted).float()
    with torch.no_grad():
        wanted = functional.linear(batch.hidden.to(draft.head.dtype), draft.head).float()
        at = torch.searchsorted(draft.shortlist, batch.labels).clamp_(max=len(draft.shortlist) - 1)
        listed = draft.shortlist[at] == batch.labels
    divergence = functional.kl_div(
        logits.log_softmax(-1), wanted.log_softmax(-1), log_target=True, reduction="batchmean"
    )
    labels = torch.where(listed, at, -100)
    truth = functional.cross_entropy(logits, labels, ignore_index=-100)
    return divergence + LABEL_WEIGHT * truth, listed & (logits.argmax(-1) == at)


class Trainer:
    """The draft with its optimizers, as far as it is trained."""

    def __init__(self, training: Training, shortlist: Tensor) -> None:
        self.training = training
        target = WhisperForConditionalGeneration.from_pretrained(training.target, dtype=torch.float32)
        self.draft = LightDraft(target, training.layers, shortlist).to(training.device)
        own = dict(self.draft.named_parameters())
        trained = {name: p for name, p in own.items() if p.requires_grad}
        matrices = [p for p in trained.values() if p.ndim == 2]
        rest = [p for p in trained.values() if p.ndim != 2]
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, lr=training.rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=training.rate, weight_decay=0.0),
        ]
        self.average = {name: p.detach().clone() for name, p in trained.items()}
        self.step = 0
        self._resume()

    @property
    def _file(self) -> Path:
        return self.training.folder / "checkpoint.pt"

    def _resume(self) -> None:
        if not self._file.exists():
            return
        state = torch.load(self._file, map_location=self.training.device, weights_only=True)
        self.draft.load_state_dict(state["draft"], strict=False)
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.average, self.step = state["average"], state["step"]

    def save(self) -> None:
        """Write a checkpoint, whole or not at all."""
        trained = {name: p for name, p in self.draft.named_parameters() if p.requires_grad}
        part = self._file.with_suffix(".part")
        optimizers = [optimizer.state_dict() for optimizer in self.optimizers]
        torch.save({"draft": trained, "average": self.average, "optimizers": optimizers, "step": self.step}, part)
        part.rename(self._file)

    def use_average(self) -> None:
        """Take the averaged weights in place of the last ones."""
        self.draft.load_state_dict(self.average, strict=False)

    def run(self, labels: Labels) -> None:
        """Train to the last step, over the labels that are there, and those that are added meanwhile."""
        training = self.training
        seen, right, losses, began = 0, 0, list[float](), time.perf_counter()
        for batch in self._endless(labels):
            if self.step >= training.steps:
                break
            share = rate_at(self.step, training.steps)
            for optimizer, scale in zip(self.optimizers, (1.0, 0.1), strict=True):
                for group in optimizer.param_groups:
                    group["lr"] = training.rate * scale * share
            with torch.autocast(training.device, torch.bfloat16):
                loss, agreed = loss_of(self.draft, batch, stride=1 if share < FINE else 2)
            torch.autograd.backward(loss)
            for optimizer in self.optimizers:
                optimizer.step()
                optimizer.zero_grad()
            with torch.no_grad():
                for name, p in self.draft.named_parameters():
                    if p.requires_grad:
                        self.average[name].lerp_(p, 1 - min(AVERAGE, self.step / (self.step + 10)))
            self.step += 1
            seen, right = seen + len(agreed), right + int(agreed.sum())
            losses.append(loss.item())
            if self.step % 20 == 0:
                now = time.perf_counter()
                fact = {"step": self.step, "loss": sum(losses) / len(losses), "agreement": right / seen}
                fact |= {"windows": len(labels.examples), "seconds": (now - began) / 20}
                with (training.folder / "log.jsonl").open("a") as log:
                    print(json.dumps(fact), file=log)
                print(fact, flush=True)
                seen, right, losses, began = 0, 0, [], now
            if self.step % 50 == 0:
                self.save()
        self.save()

    def _endless(self, labels: Labels) -> Iterator[Batch]:
        epoch = self.step
        while True:
            labels.refresh()
            yield from labels.batches(self.training.batch, self.training.seed + epoch)
            epoch += 1_000_003


def agreement(draft: LightDraft, labels: Labels, batch: int = 8) -> dict[str, tuple[int, int]]:
    """Teacher-forced next-token agreement with the target per "language task": (right, all)."""
    right, seen = Counter[str](), Counter[str]()
    examples = sorted(labels.examples, key=lambda e: e.total)
    for at in range(0, len(examples), batch):
        some = labels.batch(examples[at : at + batch])
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            _, agreed = loss_of(draft, some)
        for group, hit in zip(some.groups.tolist(), agreed.tolist(), strict=True):
            seen[some.names[group]] += 1
            right[some.names[group]] += hit
    return {name: (right[name], seen[name]) for name in sorted(seen)}
