"""Turns the bundled pair into training checkpoints, where ``recipes/demo_pair/.cache`` is gone.

The weights are the bundled ones (fp16), as the trunk's last checkpoint and the draft's; optimizers start afresh. The
CTC head is not bundled: one is fitted to the encoder as it is.
"""

import json
import shutil
from pathlib import Path

import torch
from torch import nn
from transformers import WhisperForCausalLM, WhisperForConditionalGeneration

from recipes.demo_pair.checkpoints import Checkpoints
from recipes.demo_pair.distill import Distillation
from recipes.demo_pair.network import TargetLoss
from recipes.demo_pair.recipe import ALL, ASSETS, CACHE, SHORT, Recipe, RecipeError
from recipes.demo_pair.train import TrainingData, load_training_data, set_attention

_STEPS, _RATE = 500, 1e-2


def restore(recipe: Recipe, bundled: Path = ASSETS, cache: Path = CACHE) -> None:
    """Write tokenizer, trunk and draft below ``cache``.

    Args:
        recipe: The restored trunk counts as its trunk's end.
        bundled: Folder of the pair.
        cache: Folder of checkpoints. It must hold the corpus, which the CTC head is fitted on.

    Raises:
        RecipeError: The corpus is missing, or there is a run in the cache that would be lost.
    """
    if not (cache / "corpus" / "sounds.npy").is_file():
        raise RecipeError(f"no complete corpus in {cache / 'corpus'}: run `python -m recipes.demo_pair speech` first")
    for name in ("target", "draft"):
        if (cache / name).exists() and any((cache / name).iterdir()):
            raise RecipeError(f"{cache / name} holds a run already: move it away to restore the bundled pair")
    shutil.copytree(bundled / "target", cache / "tokenizer", ignore=_weight_files, dirs_exist_ok=True)
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    data = load_training_data(recipe)
    target = WhisperForConditionalGeneration.from_pretrained(bundled / "target", dtype=torch.float32)
    modules = TargetLoss(target, data.ids, recipe).to(recipe.device)
    _fit_ctc_head(modules, data)
    Checkpoints(cache / "target").save(recipe.steps, {"modules": modules.state_dict(), "optimizers": []})
    draft = WhisperForCausalLM.from_pretrained(bundled / "draft", dtype=torch.float32)
    distillation = Distillation(target, draft, data.ids)
    draft_steps = json.loads((bundled / "figures.json").read_text())["draft_steps"]
    Checkpoints(cache / "draft").save(draft_steps, {"modules": distillation.state_dict(), "optimizers": []})


def _weight_files(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".safetensors")]


def _fit_ctc_head(modules: TargetLoss, data: TrainingData) -> None:
    """Train the CTC head alone."""
    set_attention(modules, SHORT)
    optimizer = torch.optim.AdamW(modules.ctc_head.parameters(), weight_decay=0.0)
    for step in range(_STEPS):
        optimizer.param_groups[0]["lr"] = _RATE * (1 - step / _STEPS)
        batch = data.batches.batch(-1 - step, SHORT, ALL)
        with torch.autocast(batch.mel.device.type, torch.bfloat16):
            loss = modules.head_loss(batch)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(modules.ctc_head.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 50 == 0 or step == _STEPS - 1:
            print(f"CTC head, step {step}: {loss.item():.3f}", flush=True)
