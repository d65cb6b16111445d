"""A checkpoint folder's files: which hold the weights, in which format, and whether they are all there.

Reads names and the first bytes only; imports neither torch nor transformers.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

from whisper_magic.errors import CheckpointError

SAFETENSORS = ("model.safetensors", "model-*.safetensors")  # never variants such as model.fp32-*
SHARD_INDEX = "model.safetensors.index.json"
MODEL_BIN = "model.bin"  # read only where it is CTranslate2's, never a pickle
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "vocabulary.json", "vocabulary.txt")


@dataclass(frozen=True)
class CheckpointFiles:
    """Where a checkpoint's files are.

    Attributes:
        name: As it was asked for.
        folder: Holds the configuration and the tokenizer.
        weights: safetensors files, or the consecutive parts of a CTranslate2 model.bin.
        note: One line where the files come from elsewhere than the name suggests; else "".
        sha256: Of the joined weights, where it is known.
    """

    name: str
    folder: Path
    weights: tuple[Path, ...]
    note: str = ""
    sha256: str | None = None

    @property
    def is_ctranslate2(self) -> bool:
        return self.weights[0].suffix != ".safetensors"


def in_folder(name: str, folder: Path) -> CheckpointFiles:
    """The files of a checkpoint that lies in one folder.

    Args:
        name: As it was asked for.
        folder: Where it lies.

    Raises:
        CheckpointError: where it holds no configuration, or no complete weights in a format that is read.
    """
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{name} is not a checkpoint: {folder} holds no config.json")
    if not (weights := weight_files(folder)):
        if missing := _missing_shards(folder):
            hint = f"only some of its weights: {missing[0]} is missing; download it again"
        elif any(folder.glob("*.bin")):
            hint = "only pickled weights (.bin), which are not read: convert them to safetensors"
        else:
            hint = "no weights"
        raise CheckpointError(f"{name} at {folder} holds {hint}")
    return CheckpointFiles(name, folder, weights)


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files of a checkpoint's weights: one, or all shards; () where some are missing."""
    shards = tuple(file for pattern in SAFETENSORS for file in sorted(folder.glob(pattern)))
    if shards:
        return () if _missing_shards(folder) else shards
    file = folder / MODEL_BIN
    return (file,) if _specification(file) else ()


def _missing_shards(folder: Path) -> list[str]:
    """What the index of shards names and is not there, as after an interrupted download."""
    if (folder / SAFETENSORS[0]).is_file():
        return []
    shards = _json(folder / SHARD_INDEX).get("weight_map")
    names = sorted({str(shard) for shard in shards.values()}) if isinstance(shards, dict) else []
    return [shard for shard in names if not (folder / shard).is_file()]


def _specification(file: Path) -> str:
    """The kind of model that a CTranslate2 file begins with, such as "WhisperSpec"; "" for any other file.

    The file's first numbers are a small version and the length of that name; a pickle begins otherwise.
    """
    try:
        with file.open("rb") as opened:
            start = opened.read(64)
    except OSError:
        return ""
    if len(start) < 6:
        return ""
    version, length = struct.unpack_from("<IH", start)
    name = start[6 : 6 + length]
    return name[:-1].decode(errors="replace") if 0 < version < 256 and name.endswith(b"Spec\0") else ""


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds a tokenizer, or the vocabulary to make one from."""
    return any((folder / file).is_file() for file in TOKENIZER_FILES)


def lacks_half_a_tokenizer(folder: Path) -> str:
    """The file that is missing where only one of the two that make a tokenizer is there; else ""."""
    halves = ("vocab.json", "merges.txt")
    missing = [file for file in halves if not (folder / file).is_file()]
    return missing[0] if len(missing) == 1 and not (folder / "tokenizer.json").is_file() else ""


def is_whisper(folder: Path) -> bool:
    """Whether a folder's files say that they are a Whisper's."""
    return (
        _json(folder / "config.json").get("model_type") == "whisper"
        or _specification(folder / MODEL_BIN) == "WhisperSpec"
    )


def _json(file: Path) -> dict[str, object]:
    """A file's JSON object; {} where there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
