"""The draft: one decoder layer over the target's own, frozen encoder, taught to foretell the target.

It learns the target's distribution (Kullback-Leibler) and, a little, the truth, over the target's training
windows. Acceptance in speculative decoding asks that both argmaxes agree; nothing else about the draft matters.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from transformers import WhisperForCausalLM, WhisperForConditionalGeneration

from recipes.demo_pair.batches import Batch
from recipes.demo_pair.checkpoints import Checkpoints
from recipes.demo_pair.network import decode, draft_from, encode, token_loss
from recipes.demo_pair.recipe import CACHE, Recipe
from recipes.demo_pair.tokenizer import SpecialIds
from recipes.demo_pair.train import Optimizers, load_material, plan_of_step, set_attention, trained
from recipes.demo_pair.windows import IGNORED

_TRUTH = 0.2
"""Weight of the truth beside the target's own distribution."""


def load_target(recipe: Recipe, ids: SpecialIds) -> WhisperForConditionalGeneration:
    """The target as far as it has come."""
    return trained(recipe, ids).target.eval()


class Distillation(nn.Module):
    """What the draft is asked on one batch."""

    def __init__(self, target: WhisperForConditionalGeneration, draft: WhisperForCausalLM, ids: SpecialIds) -> None:
        super().__init__()
        self.draft = draft
        self._target, self._ids = [target.requires_grad_(False)], ids

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss, and the share of tokens at which both argmaxes agree."""
        target, asked = self._target[0], batch.labels != IGNORED
        with torch.no_grad():
            audio = encode(target.model.encoder, batch.mel, batch.offsets)
            taught = target.proj_out(decode(target.model.decoder, batch.tokens, audio)[asked]).float()
        logits = self.draft.proj_out(decode(self.draft.model.decoder, batch.tokens, audio)[asked]).float()
        divergence = functional.kl_div(
            logits.log_softmax(-1), taught.log_softmax(-1), log_target=True, reduction="batchmean"
        )
        truth = token_loss(logits, batch.labels[asked], self._ids, 0.0)
        agreement = (logits.argmax(-1) == taught.argmax(-1)).float().mean()
        return divergence + _TRUTH * truth, agreement


def distil_draft(recipe: Recipe, folder: Path = CACHE / "draft") -> None:
    """Distil the draft to the recipe's last step, from the newest checkpoint where there is one."""
    torch.set_num_threads(recipe.threads)
    material = load_material(recipe)
    target = load_target(recipe, material.ids).to(recipe.device)
    modules = Distillation(target, draft_from(target, recipe.shape, material.ids).to(recipe.device), material.ids)
    optimizers = Optimizers(modules)
    checkpoints = Checkpoints(folder)
    first, state = checkpoints.newest()
    if state is not None:
        modules.load_state_dict(state["modules"])
        if state["optimizers"]:
            optimizers.load(state["optimizers"])
    for step in range(first, recipe.draft_steps):
        plan = plan_of_step(recipe.draft_phases, recipe.seed, step)
        set_attention(target, plan.kind)
        set_attention(modules, plan.kind)
        with torch.autocast(recipe.device, torch.bfloat16):
            loss, agreement = modules(material.batches.batch(-1 - step, plan.kind, plan.languages))
        torch.autograd.backward(loss)
        optimizers.step(plan.rate)
        if step % 25 == 0:
            checkpoints.log(step=step, kind=plan.kind.positions, loss=loss.item(), agreement=agreement.item())
        if (step + 1) % recipe.checkpoint_every == 0 or step + 1 == recipe.draft_steps:
            checkpoints.save(step + 1, {"modules": modules.state_dict(), "optimizers": optimizers.state()})


def load_draft(
    recipe: Recipe, target: WhisperForConditionalGeneration, ids: SpecialIds, folder: Path = CACHE / "draft"
) -> WhisperForCausalLM:
    """The draft from its newest checkpoint; where there is none, the untaught one."""
    draft = draft_from(target, recipe.shape, ids)
    step, state = Checkpoints(folder).newest()
    if state is not None:
        Distillation(target, draft, ids).load_state_dict(state["modules"])
    print(f"draft: the weights after {step} steps", flush=True)
    return draft.eval()
