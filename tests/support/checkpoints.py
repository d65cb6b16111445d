"""Checkpoint folders with something changed, the errors they raise, and the text they give."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from whisper_magic import Engine
from whisper_magic.errors import CheckpointError


def refused(call: Callable[[], object], *words: str) -> str:
    """The call raises a CheckpointError of one line that holds these words; its message."""
    with pytest.raises(CheckpointError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message


def edited(folder: Path, copy: Path, file: str, **changes: object) -> Path:
    """A copy of a checkpoint with some configuration changed."""
    shutil.copytree(folder, copy)
    path = copy / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return copy


def texts(name: str, **options: object) -> list[tuple[int, ...]]:
    """The tokens that a checkpoint writes of two seconds of noise."""
    samples = torch.randn(32000, generator=torch.Generator().manual_seed(2)).numpy() * 0.1
    with Engine.load(name, "none", device="cpu") as engine:
        transcript = engine.transcribe((samples, 16000), temperature=0.0, no_speech_threshold=None, **options)
    assert transcript.segments
    return [segment.tokens for segment in transcript.segments]


def in_cache(cache: Path, repository: str, folder: Path) -> Path:
    """A copy of a checkpoint where the hub's cache would have it; its snapshot."""
    home = cache / f"models--{repository.replace('/', '--')}"
    shutil.copytree(folder, home / "snapshots" / "abc")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("abc")
    return home / "snapshots" / "abc"
