"""Hugging Face checkpoint folders: configuration, generation configuration, tokenizer and tensors.

transformers reads the configurations; weights come from safetensors only, and no remote code runs.
"""

from __future__ import annotations

from pathlib import Path

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperTokenizer

from whisper_magic.engine.model.files import CheckpointFiles, lacks_half_a_tokenizer
from whisper_magic.engine.model.vocabulary import special_ids
from whisper_magic.engine.model.weights import StoredTensor, safetensors
from whisper_magic.errors import CheckpointError
from whisper_magic.wording import one_line

GENERATION_CONFIG = "generation_config.json"
ENGLISH_VOCABULARY = 51864  # tokens of OpenAI's English-only Whispers, whose languages and tasks are never chosen
EXTRACTOR_FILES = ("preprocessor_config.json", "processor_config.json")


class HuggingFaceFolder:
    """A checkpoint as `save_pretrained` writes it."""

    def __init__(self, files: CheckpointFiles) -> None:
        self.name, self.folder, self._weights = files.name, files.folder, files.weights

    def config(self) -> WhisperConfig:
        """
        Raises:
            CheckpointError: for a file that is missing, damaged, or describes another kind of model.
        """
        try:
            raw, _ = WhisperConfig.get_config_dict(self.folder)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{self.name} has no readable config.json: {one_line(error)}") from error
        if raw.get("model_type") != "whisper":
            raise CheckpointError(f"{self.name} is a {raw.get('model_type', 'nameless')!r} model, not a Whisper")
        try:
            config: WhisperConfig = WhisperConfig.from_dict(raw)
        except (TypeError, ValueError, StrictDataclassError) as error:
            raise CheckpointError(f"{self.name} has an invalid config.json: {one_line(error)}") from error
        return config

    def generation(self) -> GenerationConfig:
        """The generation configuration; where the folder has none, as very old ones do, what config.json has of it, and
        the special tokens of the tokenizer.

        Raises:
            CheckpointError: for a damaged file.
        """
        generation = read_generation_config(self.name, self.folder)
        if generation is None:
            config = self.config()
            generation = GenerationConfig.from_model_config(config)
            multilingual = config.vocab_size != ENGLISH_VOCABULARY
            for name, value in special_ids(self.tokenizer().get_vocab(), multilingual).items():
                if value is not None:
                    setattr(generation, name, value)
        return generation

    def tokenizer(self) -> WhisperTokenizer:
        """
        Raises:
            CheckpointError: for damaged files. Missing ones give a tokenizer without words.
        """
        return read_tokenizer(self.name, self.folder)

    def tensors(self) -> dict[str, StoredTensor]:
        """The tensors by name, "model." left out.

        Raises:
            CheckpointError: for a damaged file.
        """
        try:
            return safetensors(self._weights)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{self.name} could not be read: {one_line(error)}") from error

    def notes(self) -> tuple[str, ...]:
        """What is made up for, because a file is missing."""
        if (self.folder / GENERATION_CONFIG).is_file():
            return ()
        return (
            f"{self.name} has no {GENERATION_CONFIG}: special tokens are those of its tokenizer, and tokens that are "
            "suppressed those of config.json, if any",
        )


def read_generation_config(name: str, folder: Path) -> GenerationConfig | None:
    """A folder's generation_config.json; None where there is none.

    Raises:
        CheckpointError: for a damaged file.
    """
    if not (folder / GENERATION_CONFIG).is_file():
        return None
    try:
        return GenerationConfig.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{name} has a damaged generation_config.json: {one_line(error)}") from error


def read_tokenizer(name: str, folder: Path) -> WhisperTokenizer:
    """A folder's tokenizer, from tokenizer.json or from vocab.json and merges.txt.

    Raises:
        CheckpointError: for damaged files.
    """
    try:
        if lacking := lacks_half_a_tokenizer(folder):
            raise OSError(f"{lacking} is missing")
        return WhisperTokenizer.from_pretrained(folder)
    except Exception as error:  # the tokenizers library raises bare Exceptions for files that it cannot parse
        raise CheckpointError(f"{name} has no readable tokenizer: {one_line(error)}") from error


def has_feature_extractor(folder: Path) -> bool:
    """Whether a folder describes its feature extractor."""
    return any((folder / file).is_file() for file in EXTRACTOR_FILES)


def read_feature_extractor(name: str, folder: Path, config: WhisperConfig) -> WhisperFeatureExtractor:
    """A folder's feature extractor; where it describes none, Whisper's usual one with the model's mel count.

    Raises:
        CheckpointError: for a damaged file, or one that describes features of another size than the model's.
    """
    mels = int(config.num_mel_bins)
    if not has_feature_extractor(folder):
        return WhisperFeatureExtractor(feature_size=mels)
    try:
        extractor = WhisperFeatureExtractor.from_pretrained(folder)
        size = int(extractor.feature_size)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"{name} has no readable preprocessor_config.json: {one_line(error)}") from error
    if size != mels:
        raise CheckpointError(
            f"{name} has a preprocessor_config.json of {size} mel bins, but its model needs {mels}; "
            "use the file of the model that it was made from"
        )
    return extractor
