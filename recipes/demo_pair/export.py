"""Export to Hugging Face folders: fp16 safetensors, tokenizer, preprocessor and generation config."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    GenerationConfig,
    WhisperForCausalLM,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)

from recipes.demo_pair.batches import Batch
from recipes.demo_pair.distill import load_draft, load_target
from recipes.demo_pair.knows import page
from recipes.demo_pair.mel import feature_extractor
from recipes.demo_pair.network import encode
from recipes.demo_pair.recipe import ASSETS, FULL, Recipe
from recipes.demo_pair.tokenizer import SpecialIds, load_tokenizer, special_ids
from recipes.demo_pair.train import load_training_data

_ALIGNMENT_HEADS = 6


def generation_config(ids: SpecialIds, recipe: Recipe, alignment_heads: list[list[int]]) -> GenerationConfig:
    """What Whisper's multilingual checkpoints state, with this tokenizer's ids."""
    return GenerationConfig(
        is_multilingual=True,
        lang_to_id={f"<|{language}|>": number for language, number in ids.languages.items()},
        task_to_id={"transcribe": ids.transcribe, "translate": ids.translate},
        no_timestamps_token_id=ids.notimestamps,
        prev_sot_token_id=ids.startofprev,
        decoder_start_token_id=ids.sot,
        bos_token_id=ids.eot,
        eos_token_id=ids.eot,
        pad_token_id=ids.eot,
        begin_suppress_tokens=[ids.space, ids.eot],
        suppress_tokens=[ids.sot, ids.translate, ids.transcribe, ids.startoflm, ids.startofprev, ids.nospeech],
        alignment_heads=alignment_heads,
        max_initial_timestamp_index=50,
        max_length=recipe.shape.n_text_ctx,
        num_beams=1,  # greedy, as in the evaluation; transformers' pipeline defaults to five beams
        return_timestamps=False,
    )


def export(recipe: Recipe, folder: Path = ASSETS) -> None:
    """Write ``target``, ``draft`` and ``KNOWS.md`` below ``folder``, with alignment heads chosen by measurement."""
    tokenizer = load_tokenizer()
    ids = special_ids(tokenizer)
    target = load_target(recipe, ids)
    draft = load_draft(recipe, target, ids)
    heads = aligned_heads(target, load_training_data(recipe).held_out.batch(0, FULL, recipe.languages, clean=True), ids)
    print(f"alignment heads (layer, head): {heads}", flush=True)
    config = generation_config(ids, recipe, heads)
    _save(target, tokenizer, config, folder / "target")
    config.alignment_heads = None
    (folder / "KNOWS.md").write_text(page())
    _save(draft, tokenizer, config, folder / "draft")


def _save(
    model: WhisperForConditionalGeneration | WhisperForCausalLM,
    tokenizer: WhisperTokenizer,
    config: GenerationConfig,
    folder: Path,
) -> None:
    model.generation_config = config
    model.config._attn_implementation = "sdpa"
    model.half().save_pretrained(folder)
    model.float()
    feature_extractor().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    tokenizer.save_vocabulary(str(folder))
    (folder / "model.safetensors").chmod(0o644)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {size / 1e6:.1f} MB", flush=True)


@torch.no_grad()
def aligned_heads(target: WhisperForConditionalGeneration, batch: Batch, ids: SpecialIds) -> list[list[int]]:
    """Choose the heads whose cross-attention follows the speech best.

    Known is when each sentence starts and ends (its timestamps); within it, attention is expected to move evenly from
    start to end. The score is the mean distance, in positions, between that line and the attention's peak.

    Returns:
        Pairs of layer and head, sorted.
    """
    target.set_attn_implementation("eager")
    audio = encode(target.model.encoder, batch.mel, batch.offsets)
    attentions = target.model.decoder(
        input_ids=batch.tokens, encoder_hidden_states=audio, output_attentions=True, use_cache=False
    ).cross_attentions
    target.set_attn_implementation("sdpa")
    peaks = torch.stack(attentions).argmax(-1).numpy()  # (layers, windows, heads, text)
    distances = []
    for window, tokens in enumerate(batch.tokens.numpy()):
        places, line = _even_line(tokens, ids)
        distances.append(np.abs(peaks[:, window][..., places] - line))
    score = np.concatenate(distances, axis=-1).mean(-1)
    best = np.argsort(score, axis=None)[:_ALIGNMENT_HEADS]
    for index in best:
        print(f"head {np.unravel_index(index, score.shape)}: {score.flat[index] * 0.02:.3f} s off", flush=True)
    return sorted([index // score.shape[1], index % score.shape[1]] for index in best.tolist())


def _even_line(tokens: NDArray[np.int64], ids: SpecialIds) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Places in ``tokens`` at which text between two timestamps is predicted, and the positions where it is spoken."""
    timed = np.flatnonzero(tokens >= ids.timestamp_begin).tolist()
    places: list[int] = []
    line: list[float] = []
    for first, last in pairwise(timed):
        count = last - first - 1
        start, end = (tokens[[first, last]] - ids.timestamp_begin).tolist()
        # The token at `place` is predicted by the one before it.
        places += [first + number for number in range(count)]
        line += [start + (end - start) * (number + 0.5) / count for number in range(count)]
    return np.array(places, np.int64), np.array(line)
