"""Random-weight Whispers at full strength, saved as plain Hugging Face folders."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
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

from tests.support import real_weights
from whisper_magic import Engine
from whisper_magic.engine.model.wheels import EXTRA
from whisper_magic.engine.runtime.native_backend import NativeBackend

LANGUAGES = ("en", "de", "fr")
WORDS = 300  # ordinary tokens before the special ones


@dataclasses.dataclass(frozen=True)
class Shape:
    """One random checkpoint."""

    seed: int = 0
    d_model: int = 64
    encoder_layers: int = 2
    decoder_layers: int = 2
    heads: int = 2
    mels: int = 80
    source_positions: int = 100  # encoder states of a window; a window lasts 0.02 s times that
    target_positions: int = 64
    max_length: int = 64  # tokens that may be written, as generation_config.json states it
    multilingual: bool = True
    max_initial: int | None = 20
    eot_pull: float = 1.6  # how much longer than the others the end-of-text embedding is
    stamp_pull: float = 1.3  # and those of the timestamps
    half: bool = False  # whether every weight is a 16-bit number, as OpenAI's are

    @staticmethod
    def draw(seed: int) -> Shape:
        """One of the 50: widths 64-256, 2-6 layers, 80 or 128 mels, with and without languages."""
        rng = random.Random(seed)
        width = rng.choice([64, 128, 192, 256])
        positions = rng.choice([32, 48, 64]) if seed % 50 != 1 else 448
        return Shape(
            seed=seed,
            d_model=width,
            encoder_layers=rng.choice([2, 3]),
            decoder_layers=rng.choice([2, 3, 4, 6]),
            heads=width // rng.choice([32, 64]),
            mels=rng.choice([80, 128]),
            source_positions=rng.choice([50, 75, 100]) if seed % 25 else 1500,
            target_positions=positions,
            max_length=positions,
            multilingual=rng.random() < 0.6,
            max_initial=rng.choice([None, 10, 50]),
            eot_pull=rng.choice([1.0, 1.6, 2.2]),
            stamp_pull=rng.choice([1.0, 1.2, 1.4]),
            half=seed % 2 == 1,
        )


def special_tokens(multilingual: bool) -> list[str]:
    languages = [f"<|{code}|>" for code in LANGUAGES] if multilingual else []
    tasks = ["<|translate|>", "<|transcribe|>"] if multilingual else []
    names = ["<|endoftext|>", "<|startoftranscript|>", *languages, *tasks]
    return [*names, "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]


def tokenizer_for(shape: Shape) -> WhisperTokenizer:
    alphabet = sorted(ByteLevel.alphabet())
    fillers = [f"w{i}" for i in range(WORDS - len(alphabet))]
    specials = special_tokens(shape.multilingual)
    vocab = {word: i for i, word in enumerate([*alphabet, *fillers])}
    tokenizer = WhisperTokenizer(vocab=vocab, merges=[], pad_token=specials[0])
    tokenizer.add_special_tokens({"additional_special_tokens": specials[1:]})
    tokenizer.add_tokens([f"<|{i * 0.02:.2f}|>" for i in range(shape.source_positions + 1)])
    return tokenizer


def configs(shape: Shape, tokenizer: WhisperTokenizer) -> tuple[WhisperConfig, GenerationConfig]:
    def of(name: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(name))

    eot, sot = of("<|endoftext|>"), of("<|startoftranscript|>")
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        num_mel_bins=shape.mels,
        d_model=shape.d_model,
        encoder_layers=shape.encoder_layers,
        decoder_layers=shape.decoder_layers,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=2 * shape.d_model,
        decoder_ffn_dim=2 * shape.d_model,
        max_source_positions=shape.source_positions,
        max_target_positions=shape.target_positions,
        pad_token_id=eot,
        bos_token_id=eot,
        eos_token_id=eot,
        decoder_start_token_id=sot,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    generation = GenerationConfig(
        bos_token_id=eot,
        eos_token_id=eot,
        pad_token_id=eot,
        decoder_start_token_id=sot,
        max_length=shape.max_length,
        suppress_tokens=[1, 2, 3, sot, of("<|startoflm|>"), of("<|startofprev|>"), of("<|nospeech|>")],
        begin_suppress_tokens=[of("Ġ"), eot],
    )
    generation.no_timestamps_token_id = of("<|notimestamps|>")
    generation.prev_sot_token_id = of("<|startofprev|>")
    generation.is_multilingual = shape.multilingual
    generation.return_timestamps = False
    generation.alignment_heads = [[layer, layer % shape.heads] for layer in range(shape.decoder_layers)]
    if shape.max_initial is not None:
        generation.max_initial_timestamp_index = shape.max_initial
    if shape.multilingual:
        generation.lang_to_id = {f"<|{code}|>": of(f"<|{code}|>") for code in LANGUAGES}
        generation.task_to_id = {task: of(f"<|{task}|>") for task in ("translate", "transcribe")}
    return config, generation


def strengthen(model: WhisperForConditionalGeneration, shape: Shape) -> None:
    """Weights as strong as trained ones: no near-ties, and text that depends on the sound and on its place."""
    generator = torch.Generator().manual_seed(shape.seed)
    eot = model.config.eos_token_id
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if "encoder.embed_positions" in name:
                continue
            if "layer_norm.weight" in name:
                weight.copy_(1 + 0.1 * noise)
            elif weight.dim() == 1:
                weight.copy_(0.1 * noise)
            elif "embed" in name:
                weight.copy_(noise * (0.6 if "tokens" in name else 1.2))
            else:
                weight.copy_(noise * 1.5 * weight[0].numel() ** -0.5)
            if "embed_tokens" in name:
                weight[eot] *= shape.eot_pull
                weight[-shape.source_positions - 1 :] *= shape.stamp_pull
            if shape.half:
                weight.copy_(weight.half().float())


@dataclasses.dataclass(frozen=True)
class Pair:
    """A target and drafts that agree with it always, sometimes and never, as folders."""

    shape: Shape
    target: Path
    drafts: dict[str, Path]


def save_pair(shape: Shape, folder: Path) -> Pair:
    torch.manual_seed(shape.seed)
    tokenizer = tokenizer_for(shape)
    config, generation = configs(shape, tokenizer)
    model = WhisperForConditionalGeneration(config)
    strengthen(model, shape)
    extractor = WhisperFeatureExtractor(feature_size=shape.mels, chunk_length=shape.source_positions / 50)
    extractor.chunk_length = shape.source_positions / 50
    extractor.n_samples = shape.source_positions * 320
    extractor.nb_max_frames = shape.source_positions * 2
    parts = (tokenizer, generation, extractor)
    target = _save(model, parts, folder / "target")
    drafts = {}
    for name, noise in (("always", 0.0), ("sometimes", 0.12), ("never", 3.0)):
        drafts[name] = _save(_draft(model, config, noise, shape), parts, folder / name)
    return Pair(shape, target, drafts)


def _draft(
    model: WhisperForConditionalGeneration, config: WhisperConfig, noise: float, shape: Shape
) -> WhisperForCausalLM:
    """The target's own decoder, its weights disturbed by `noise` times their size."""
    draft = WhisperForCausalLM(config)
    draft.model.decoder.load_state_dict(model.model.decoder.state_dict())
    generator = torch.Generator().manual_seed(shape.seed + 1)
    with torch.no_grad():
        for weight in draft.model.decoder.layers.parameters():
            weight += noise * weight.std().nan_to_num() * torch.randn(weight.shape, generator=generator)
            if shape.half:
                weight.copy_(weight.half().float())
    draft.tie_weights()
    return draft


def _save(model: torch.nn.Module, parts: tuple[object, ...], folder: Path) -> Path:
    model.save_pretrained(folder)
    for part in parts:
        part.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def make_pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Shape], Pair]:
    """Saves each random pair once a session."""
    made: dict[Shape, Pair] = {}

    def make(shape: Shape) -> Pair:
        if shape not in made:
            made[shape] = save_pair(shape, tmp_path_factory.mktemp("pair"))
        return made[shape]

    return make


@pytest.fixture(scope="session")
def shape() -> type[Shape]:
    return Shape


@pytest.fixture(scope="session")
def pair(make_pair: Callable[[Shape], Pair]) -> Pair:
    """The usual tiny multilingual pair."""
    return make_pair(Shape())


@pytest.fixture(scope="module")
def engines(pair: Pair) -> Iterator[dict[str, Engine]]:
    """The usual pair with each of its drafts."""
    loaded = {name: Engine.load(str(pair.target), str(folder), device="cpu") for name, folder in pair.drafts.items()}
    yield loaded
    for engine in loaded.values():
        engine.close()


@pytest.fixture
def through_torch(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What is loaded from then on has no native CPU kernels, as where there is no C compiler."""
    return lambda: monkeypatch.setattr(NativeBackend, "obstacle", lambda *args: "turned off by a test")


@pytest.fixture(scope="session")
def real_engine(real_folder: Callable[[str], Path]) -> Iterator[Engine]:
    """openai/whisper-base in float32 with its bundled draft: one for all tests that need no other."""
    with Engine.load(str(real_folder("openai/whisper-base")), "base-draft", dtype="float32", device="cpu") as loaded:
        yield loaded


@pytest.fixture(scope="session")
def real_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Real Whisper weights as a Hugging Face folder: of "openai/whisper-base" or "openai/whisper-tiny.en"."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            converted = real_weights.convert(name, tmp_path_factory.mktemp("real") / name.split("/")[1])
            if converted is None:
                pytest.skip(f"NO REAL WEIGHTS of {name}: {EXTRA}")
            made[name] = converted
        return made[name]

    return folder
