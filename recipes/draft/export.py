"""The draft as it is used: the light format, and a Hugging Face folder that transformers' assisted generation takes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import WhisperForCausalLM, WhisperForConditionalGeneration

from recipes.draft.network import LightDraft

COPIED = ("generation_config.json",)


def export_light(draft: LightDraft, target: Path, out: Path) -> None:
    """Write layers, final norm and shortlist in float16, with the configurations.

    Args:
        draft: As trained.
        target: Folder of the target.
        out: Folder to write.
    """
    out.mkdir(parents=True, exist_ok=True)
    config = json.loads((target / "config.json").read_text())
    config |= {"architectures": ["WhisperForCausalLM"], "decoder_layers": draft.decoder.config.decoder_layers}
    config.pop("_name_or_path", None)
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    for name in COPIED:
        shutil.copyfile(target / name, out / name)
    tensors = {f"model.decoder.{name}": tensor.half().contiguous() for name, tensor in draft.light_state().items()}
    save_file({**tensors, "shortlist": draft.shortlist.int()}, out / "model.safetensors", {"format": "pt"})


def export_whole(draft: LightDraft, target: Path, out: Path) -> None:
    """Write a decoder-only Whisper with the target's tables, for `generate(assistant_model=...)` of transformers."""
    whole = WhisperForConditionalGeneration.from_pretrained(target, dtype=torch.float32)
    model = WhisperForCausalLM(draft.decoder.config)
    model.model.decoder.load_state_dict(draft.decoder.state_dict())
    model.generation_config = whole.generation_config
    model.tie_weights()
    model.half().save_pretrained(out)
