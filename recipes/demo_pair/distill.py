"""Distillation of the draft: one decoder layer over the target's own, frozen encoder.

The draft is trained on the target's distribution (Kullback-Leibler) and, with a small weight, on the true tokens, over
the target's training windows. Acceptance in speculative decoding requires that both argmaxes agree; nothing else about
the draft matters.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from transformers import WhisperForCausalLM, WhisperForConditionalGeneration

from recipes.demo_pair.batches import Batch
from recipes.demo_pair.checkpoints import Checkpoints
from recipes.demo_pair.network import decode, encode, new_draft, token_loss
from recipes.demo_pair.recipe import CACHE, Recipe
from recipes.demo_pair.tokenizer import SpecialIds
from recipes.demo_pair.train import (
    Optimizers,
    load_trained,
    load_training_data,
    plan_of_step,
    resume,
    set_attention,
)
from recipes.demo_pair.windows import IGNORE_INDEX

_LABEL_WEIGHT = 0.2
"""Weight of the true tokens beside the target's distribution."""


def load_target(recipe: Recipe, ids: SpecialIds) -> WhisperForConditionalGeneration:
    """Load the target as far as it is trained."""
    return load_trained(recipe, ids).target.eval()


class Distillation(nn.Module):
    """The draft with its loss."""

    def __init__(self, target: WhisperForConditionalGeneration, draft: WhisperForCausalLM, ids: SpecialIds) -> None:
        """Wrap a draft; the target is frozen, and no part of this module's state."""
        super().__init__()
        self.draft = draft
        self._target, self._ids = [target.requires_grad_(False)], ids

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss, and the share of tokens at which both argmaxes agree."""
        target, predicted = self._target[0], batch.labels != IGNORE_INDEX
        with torch.no_grad():
            audio = encode(target.model.encoder, batch.mel, batch.offsets)
            wanted = target.proj_out(decode(target.model.decoder, batch.tokens, audio)[predicted]).float()
        logits = self.draft.proj_out(decode(self.draft.model.decoder, batch.tokens, audio)[predicted]).float()
        divergence = functional.kl_div(
            logits.log_softmax(-1), wanted.log_softmax(-1), log_target=True, reduction="batchmean"
        )
        truth = token_loss(logits, batch.labels[predicted], self._ids, 0.0)
        agreement = (logits.argmax(-1) == wanted.argmax(-1)).float().mean()
        return divergence + _LABEL_WEIGHT * truth, agreement


def distill_draft(recipe: Recipe, folder: Path = CACHE / "draft") -> None:
    """Train the draft to the recipe's last step, from its newest checkpoint where there is one."""
    torch.set_num_threads(recipe.threads)
    data = load_training_data(recipe)
    target = load_target(recipe, data.ids).to(recipe.device)
    modules = Distillation(target, new_draft(target, recipe.shape, data.ids).to(recipe.device), data.ids)
    optimizers = Optimizers(modules)
    checkpoints = Checkpoints(folder)
    for step in range(resume(checkpoints, modules, optimizers), recipe.draft_steps):
        plan = plan_of_step(recipe.draft_phases, recipe.seed, step)
        set_attention(target, plan.kind)
        set_attention(modules, plan.kind)
        with torch.autocast(recipe.device, torch.bfloat16):
            loss, agreement = modules(data.batches.batch(-1 - step, plan.kind, plan.languages))
        torch.autograd.backward(loss)
        optimizers.step(plan.rate)
        if step % 25 == 0:
            checkpoints.log(step=step, kind=plan.kind.positions, loss=loss.item(), agreement=agreement.item())
        if (step + 1) % recipe.checkpoint_every == 0 or step + 1 == recipe.draft_steps:
            checkpoints.save(step + 1, {"modules": modules.state_dict(), "optimizers": optimizers.state()})


def load_draft(
    recipe: Recipe, target: WhisperForConditionalGeneration, ids: SpecialIds, folder: Path = CACHE / "draft"
) -> WhisperForCausalLM:
    """Load the draft from its newest checkpoint; where there is none, as it is before training."""
    draft = new_draft(target, recipe.shape, ids)
    step, state = Checkpoints(folder).newest()
    if state is not None:
        Distillation(target, draft, ids).load_state_dict(state["modules"])
    print(f"draft: weights after {step} steps", flush=True)
    return draft.eval()
