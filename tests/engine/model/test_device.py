"""Device, dtype and attention: what is refused, in one line."""

from __future__ import annotations

import pytest

from whisper_magic.engine.model.device import place
from whisper_magic.errors import OptionError


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("mps", "device 'mps' is not supported yet; use 'cpu', 'cuda' or 'cuda:1'"),
        ("xpu", "device 'xpu' is not supported yet"),
        ("meta", "device 'meta' is not supported yet"),
        ("gpu", "there is no device 'gpu'; use 'cpu'"),
        ("cuda:99", "device 'cuda:99' is not here"),
    ],
)
def test_devices_that_cannot_be_used_are_named(device: str, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        place(device, None, None)
