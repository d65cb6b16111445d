"""When the device's memory does not suffice: fewer windows at a time, the same text, and one line that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from whisper_magic import Engine, TranscribeOptions
from whisper_magic.engine.model.encoder import EncoderNetwork
from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.runtime.torch_backend import TorchDecoder

PLAIN = TranscribeOptions(temperature=0.0, no_speech_threshold=None, draft="model", language="en")
SOUNDS = [((np.random.default_rng(i).standard_normal(16000 * 3) * 0.1).astype(np.float32), 16000) for i in range(7)]


@pytest.fixture
def engine(pair: Any, through_torch: Callable[[], None]) -> Iterator[Engine]:
    through_torch()
    with Engine.load(str(pair.target), str(pair.drafts["sometimes"]), device="cpu") as loaded:
        yield loaded


@pytest.fixture
def memory_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the device have memory for so many windows."""
    whole = TorchDecoder.allocate

    def limit(most: int) -> None:
        def allocate(decoder: TorchDecoder, slots: int, length: int, frames: int) -> None:
            if slots > most:
                raise torch.OutOfMemoryError(f"no memory for {slots}")
            whole(decoder, slots, length, frames)

        monkeypatch.setattr(TorchDecoder, "allocate", allocate)

    return limit


def texts(engine: Engine, **overrides: Any) -> tuple[list[tuple[int, ...]], set[str]]:
    found = engine.transcribe_many(SOUNDS, PLAIN, **overrides)
    return [s.tokens for t in found for s in t.segments], {note for t in found for note in t.notes}


@pytest.mark.slow
def test_the_slots_are_halved_until_they_fit(engine: Engine, memory_for: Callable[[int], None]) -> None:
    expected, notes = texts(engine, batch_size=7)
    assert not notes
    memory_for(2)
    assert texts(engine, batch_size=6) == (expected, {"not enough memory: 1 of 6 windows were decoded at a time"})
    assert texts(engine, batch_size=4) == (expected, {"not enough memory: 2 of 4 windows were decoded at a time"})
    assert texts(engine, batch_size=2) == (expected, set())


def test_a_round_must_fit_too(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = texts(engine, batch_size=7)
    whole = TorchDecoder.forward

    def forward(decoder: TorchDecoder, tokens: torch.Tensor, *rest: Any) -> torch.Tensor:
        if len(tokens) > 2:
            raise torch.OutOfMemoryError
        return whole(decoder, tokens, *rest)

    monkeypatch.setattr(TorchDecoder, "forward", forward)
    allocated = ModelRunner._allocated

    def warms_up(runner: ModelRunner, slots: int) -> bool:
        """As on a GPU."""
        try:
            return allocated(runner, slots) and runner._warm_up(slots) is None
        except torch.OutOfMemoryError:
            return False

    monkeypatch.setattr(ModelRunner, "_allocated", warms_up)
    assert texts(engine, batch_size=4) == (expected, {"not enough memory: 2 of 4 windows were decoded at a time"})


def test_without_memory_for_one_it_is_an_error(engine: Engine, memory_for: Callable[[int], None]) -> None:
    memory_for(0)
    with pytest.raises(torch.OutOfMemoryError):
        texts(engine, batch_size=4)
    memory_for(9)
    assert texts(engine, batch_size=4)[0]


def test_fewer_windows_are_encoded_together(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = texts(engine, batch_size=1)
    engine._loaded().runner.encoded_together = 8  # as on a GPU
    sizes = []
    whole = EncoderNetwork.__call__

    def encode(network: EncoderNetwork, features: torch.Tensor) -> torch.Tensor:
        sizes.append(len(features))
        if len(features) > 2:
            raise torch.OutOfMemoryError
        return torch.cat([whole(network, one[None]) for one in features])

    monkeypatch.setattr(EncoderNetwork, "__call__", encode)
    assert texts(engine, batch_size=7)[0] == expected
    assert sizes[:6] == [7, 4, 2, 2, 2, 1]
