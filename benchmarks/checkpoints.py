"""Whisper checkpoints with random weights at the real shapes, as Hugging Face folders and converted to CTranslate2.

Speed depends on how many weights there are, not on their values, so nothing is downloaded. The weights are as large as
trained ones, so that texts vary and near-ties are rare. The embeddings of end-of-text and of the timestamps are zero:
their logits are exactly 0, below the greatest of 50,000 others, so a text never ends by itself and every implementation
writes exactly the requested number of tokens.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForCausalLM,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)
from transformers.models.whisper.tokenization_whisper import LANGUAGES
from transformers.utils import logging

VERSION = 2  # of the checkpoints written here: folders of another version are made again


@dataclass(frozen=True)
class Shape:
    """A Whisper's sizes.

    Attributes:
        draft_layers: Of the decoder-only draft, which shares the target's encoder, as distil-large-v3 does (2 layers).
        text_tokens: Tokens before the special ones.
        frames: Encoder states per window, 0.02 s each.
    """

    d_model: int
    encoder_layers: int
    decoder_layers: int
    heads: int
    draft_layers: int
    mels: int = 80
    text_tokens: int = 50_257
    languages: int = 99
    frames: int = 1500


SHAPES = {
    "toy": Shape(64, 2, 2, 2, 1, text_tokens=300, languages=3, frames=100),  # for tests
    "tiny": Shape(384, 4, 4, 6, 1),
    "base": Shape(512, 6, 6, 8, 1),
    "small": Shape(768, 12, 12, 12, 2),
    "medium": Shape(1024, 24, 24, 16, 2),
    "large-v3": Shape(1280, 32, 32, 20, 2, mels=128, languages=100),
}


@dataclass(frozen=True)
class RandomPair:
    """Folders of a random target and its draft."""

    shape: Shape
    target: Path
    draft: Path


def random_pair(name: str, work: Path) -> RandomPair:
    """Make the pair of a shape in the folder `work`, unless it is there already."""
    shape = SHAPES[name]
    folder = work / f"random-{name}"
    pair = RandomPair(shape, folder / "target", folder / "draft")
    stamp, stamped = folder / "made.json", json.dumps({"version": VERSION, **asdict(shape)})
    if not (stamp.is_file() and stamp.read_text() == stamped):
        shutil.rmtree(folder, ignore_errors=True)
        _make(pair)
        stamp.write_text(stamped)
    return pair


def convert_to_ctranslate2(target: Path, work: Path) -> Path:
    """Convert a checkpoint to CTranslate2's format in the folder `work`, unless it is there already.

    The conversion runs in its own process: see `peers/ctranslate2.py`.
    """
    weights = target / "model.safetensors"
    folder = work / "ctranslate2" / f"{target.parent.name}-{target.name}-{int(weights.stat().st_mtime)}"
    if not (folder / "model.bin").is_file():
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            pool.submit(_convert, target, folder).result()
    return folder


def _convert(target: Path, folder: Path) -> None:
    from ctranslate2.converters import TransformersConverter

    with quiet():
        files = ["tokenizer.json", "preprocessor_config.json"]
        TransformersConverter(str(target), copy_files=files).convert(str(folder), force=True)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' warnings and progress bars: printing them would take part of the time measured."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _make(pair: RandomPair) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = _tokenizer(pair.shape)
    config, generation = _configs(pair.shape, tokenizer)
    extractor = WhisperFeatureExtractor(feature_size=pair.shape.mels)
    if pair.shape.frames != 1500:  # the constructor takes whole seconds only
        extractor.chunk_length = pair.shape.frames / 50
        extractor.n_samples, extractor.nb_max_frames = pair.shape.frames * 320, pair.shape.frames * 2
    with quiet():
        for seed, (kind, folder, layers) in enumerate(
            (
                (WhisperForConditionalGeneration, pair.target, pair.shape.decoder_layers),
                (WhisperForCausalLM, pair.draft, pair.shape.draft_layers),
            )
        ):
            config.decoder_layers = layers
            model = _model(kind, config, generation, device, seed)
            for part in (model, tokenizer, extractor):
                part.save_pretrained(folder)


def _model(kind: Any, config: WhisperConfig, generation: GenerationConfig, device: str, seed: int) -> Any:
    torch.manual_seed(seed)
    with torch.device(device):
        model = kind(config)
    _randomize(model, seed, config.eos_token_id, generation.no_timestamps_token_id + 1)
    model.generation_config = generation
    return model.half()  # every side reads the same 16-bit weights


def _randomize(model: torch.nn.Module, seed: int, eot: int, timestamp_begin: int) -> None:
    with torch.no_grad():
        for name, weight in model.named_parameters():
            generator = torch.Generator(device=weight.device).manual_seed(seed)
            if "encoder.embed_positions" in name:
                continue
            noise = torch.randn(weight.shape, generator=generator, device=weight.device)
            if "layer_norm.weight" in name:
                weight.copy_(1 + 0.1 * noise)
            elif weight.dim() == 1:
                weight.copy_(0.1 * noise)
            elif "embed" in name:
                weight.copy_(noise * (0.2 if "tokens" in name else 1.2))  # with smaller ones every token repeats itself
            else:
                weight.copy_(noise * 1.5 * weight[0].numel() ** -0.5)
            if "embed_tokens" in name:
                weight[eot] = 0
                weight[timestamp_begin:] = 0
            seed += 1


def _tokenizer(shape: Shape) -> WhisperTokenizer:
    alphabet = sorted(ByteLevel.alphabet())
    words = [*alphabet, *(f"w{i}" for i in range(shape.text_tokens - len(alphabet)))]
    vocab = {word: i for i, word in enumerate(words)}
    languages = [f"<|{code}|>" for code in list(LANGUAGES)[: shape.languages]]
    names = ["<|startoftranscript|>", *languages, "<|translate|>", "<|transcribe|>"]
    names += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    tokenizer = WhisperTokenizer(vocab=vocab, merges=[], pad_token="<|endoftext|>")
    tokenizer.add_special_tokens({"additional_special_tokens": names})
    tokenizer.add_tokens([f"<|{i * 0.02:.2f}|>" for i in range(shape.frames + 1)])
    return tokenizer


def _configs(shape: Shape, tokenizer: WhisperTokenizer) -> tuple[WhisperConfig, GenerationConfig]:
    def of(name: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(name))

    eot, sot = of("<|endoftext|>"), of("<|startoftranscript|>")
    ends = {"bos_token_id": eot, "eos_token_id": eot, "pad_token_id": eot, "decoder_start_token_id": sot}
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        num_mel_bins=shape.mels,
        d_model=shape.d_model,
        encoder_layers=shape.encoder_layers,
        decoder_layers=shape.decoder_layers,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=4 * shape.d_model,
        decoder_ffn_dim=4 * shape.d_model,
        max_source_positions=shape.frames,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **ends,
    )
    special = [sot, of("<|startoflm|>"), of("<|startofprev|>"), of("<|nospeech|>"), of("<|notimestamps|>")]
    generation = GenerationConfig(**ends, max_length=448, suppress_tokens=special, begin_suppress_tokens=[of("Ġ"), eot])
    codes = [f"<|{code}|>" for code in list(LANGUAGES)[: shape.languages]]
    generation.no_timestamps_token_id = of("<|notimestamps|>")
    generation.prev_sot_token_id = of("<|startofprev|>")
    generation.is_multilingual, generation.return_timestamps = True, False
    generation.lang_to_id = {code: of(code) for code in codes}
    generation.task_to_id = {task: of(f"<|{task}|>") for task in ("translate", "transcribe")}
    generation.alignment_heads = [[shape.decoder_layers - 1, 0]]
    generation.max_initial_timestamp_index = 50
    return config, generation
