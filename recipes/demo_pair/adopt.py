"""Takes the shipped pair up again as training states, where ``recipes/demo_pair/.cache`` is gone.

Weights are what was shipped (fp16), as the trunk's last state and the draft's; optimizers start afresh. The CTC head is
not shipped: one is fitted to the encoder as it stands.
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
from recipes.demo_pair.recipe import ASSETS, CACHE, SHORT, Recipe
from recipes.demo_pair.train import Material, load_material, set_attention

_STEPS, _RATE = 500, 1e-2


def adopt(recipe: Recipe, shipped: Path = ASSETS, cache: Path = CACHE) -> None:
    """Write tokenizer, trunk and draft below ``cache``. The corpus must be there: the head learns from it.

    Raises:
        FileExistsError: there is a run in the cache already, which would be lost.
        FileNotFoundError: there is no corpus in it.
    """
    if not (cache / "corpus" / "sounds.npy").is_file():
        raise FileNotFoundError(
            f"there is no whole corpus in {cache / 'corpus'}: run `python -m recipes.demo_pair speech` first"
        )
    folders = {name: cache / name for name in ("tokenizer", "target", "draft")}
    for name, folder in folders.items():
        if name != "tokenizer" and folder.exists() and any(folder.iterdir()):
            raise FileExistsError(f"{folder} holds a run already: move it away to start from the shipped pair")
    shutil.copytree(shipped / "target", folders["tokenizer"], ignore=_weights, dirs_exist_ok=True)
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    material = load_material(recipe)
    target = WhisperForConditionalGeneration.from_pretrained(shipped / "target", dtype=torch.float32)
    modules = TargetLoss(target, material.ids, recipe).to(recipe.device)
    _fit_head(modules, material)
    Checkpoints(folders["target"]).save(recipe.steps, {"modules": modules.state_dict(), "optimizers": []})
    draft = WhisperForCausalLM.from_pretrained(shipped / "draft", dtype=torch.float32)
    taught = Distillation(target, draft, material.ids)
    taught_steps = json.loads((shipped / "figures.json").read_text())["draft_steps"]
    Checkpoints(folders["draft"]).save(taught_steps, {"modules": taught.state_dict(), "optimizers": []})


def _weights(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".safetensors")]


def _fit_head(modules: TargetLoss, material: Material) -> None:
    """Teach the CTC head alone, the rest as it is."""
    set_attention(modules, SHORT)
    optimizer = torch.optim.AdamW(modules.ctc_head.parameters(), weight_decay=0.0)
    for step in range(_STEPS):
        optimizer.param_groups[0]["lr"] = _RATE * (1 - step / _STEPS)
        batch = material.batches.batch(-1 - step, SHORT, ("en", "de", "fr", "es"))
        with torch.autocast(batch.mel.device.type, torch.bfloat16):
            loss = modules.head_loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it so
        nn.utils.clip_grad_norm_(modules.ctc_head.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 50 == 0 or step == _STEPS - 1:
            print(f"CTC head, step {step}: {loss.item():.3f}", flush=True)


if __name__ == "__main__":
    try:
        adopt(Recipe())
    except (FileExistsError, FileNotFoundError) as error:
        raise SystemExit(str(error)) from None
