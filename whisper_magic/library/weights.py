"""The identity of models: a digest of their weights, computed without loading them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from whisper_magic.engine.model import hub
from whisper_magic.library.records import ModelConfig
from whisper_magic.library.store import Store
from whisper_magic.options import SPEED_ONLY_OPTIONS, TranscribeOptions

CHUNK = 1 << 22  # bytes


def model_config(store: Store, target: str, draft: str | None, dtype: str, options: TranscribeOptions) -> ModelConfig:
    """The models and options that decide a text.

    Args:
        store: Keeps the digests of weights, so that these are read once.
        target: Name of the target, as `Engine.load` takes it.
        draft: Name of the draft.
        dtype: Of the weights, as they are computed with.
        options: How recordings are transcribed.

    Raises:
        CheckpointError: Where the target cannot be found.
    """
    return ModelConfig(target, weights_digest(store, target), dtype, text_affecting_options(options, draft), draft)


def text_affecting_options(options: TranscribeOptions, draft: str | None) -> str:
    """The options that affect the text and differ from their defaults, as JSON. Arguments as of `model_config`."""
    values = {name: value for name, value in vars(options).items() if name not in SPEED_ONLY_OPTIONS}
    if options.acceptance == "rejection":  # its samples depend on what is proposed
        values |= {"draft": options.draft, "draft_length": options.draft_length, "model": draft}
    defaults = vars(TranscribeOptions())
    changed = {name: value for name, value in values.items() if name not in defaults or value != defaults[name]}
    return json.dumps(changed, sort_keys=True)


def weights_digest(store: Store, target: str) -> str:
    """The SHA-256 of a checkpoint's weights.

    Args:
        store: Keeps it.
        target: Name of the checkpoint.

    Raises:
        CheckpointError: Where it cannot be found.
    """
    files = hub.locate(target)
    if files.sha256 is not None:
        return files.sha256
    stamps = json.dumps([_stamp(path) for path in files.weights])
    digest = store.digest(stamps)
    if digest is None:
        digest = sha256(files.weights)
        if not store.read_only:
            store.keep_digest(stamps, digest)
    return digest


def sha256(files: Sequence[Path]) -> str:
    """The SHA-256 of files, one after the other."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _stamp(path: Path) -> tuple[str, int, int]:
    resolved = path.resolve()
    status = resolved.stat()
    return str(resolved), status.st_size, status.st_mtime_ns
