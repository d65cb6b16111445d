"""Which models write a text: the digest of their weights, found without loading them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from whisper_magic.engine.model import hub
from whisper_magic.library.store import RunKey, Store
from whisper_magic.options import TranscribeOptions

CHUNK = 1 << 22  # bytes
# Options that change the time it takes, never the text (contracts A and B).
UNTEXTUAL = frozenset({"draft", "draft_length", "batch_size"})


def run_key(store: Store, target: str, draft: str | None, dtype: str, options: TranscribeOptions) -> RunKey:
    """What decides the text that a target writes with these options.

    Args:
        store: Keeps the digests of weights, so that these are read once.
        target: Name of the target, as `Engine.load` takes it.
        draft: Name of the draft.
        dtype: Of the weights, as they are computed with.
        options: How recordings are transcribed.

    Raises:
        CheckpointError: Where the target cannot be found.
    """
    return RunKey(target, weights_digest(store, target), dtype, decisive_options(options, draft), draft)


def decisive_options(options: TranscribeOptions, draft: str | None) -> str:
    """The options that decide the text, as JSON: those that are not as usual. Arguments as of `run_key`."""
    decisive = {field.name: getattr(options, field.name) for field in fields(options) if field.name not in UNTEXTUAL}
    if options.acceptance == "rejection":  # its samples depend on what is proposed
        decisive |= {"draft": options.draft, "draft_length": options.draft_length, "model": draft}
    usual = asdict(TranscribeOptions())
    differing = {name: value for name, value in decisive.items() if name not in usual or value != usual[name]}
    return json.dumps(differing, sort_keys=True)


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
    found = store.digest(stamps)
    if found is None:
        found = sha256(files.weights)
        if not store.read_only:
            store.keep_digest(stamps, found)
    return found


def sha256(files: Sequence[Path]) -> str:
    """Of files, one after the other."""
    made = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                made.update(chunk)
    return made.hexdigest()


def _stamp(path: Path) -> tuple[str, int, int]:
    found = path.resolve()
    status = found.stat()
    return str(found), status.st_size, status.st_mtime_ns
