"""Device, dtype and attention: what is refused, in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from whisper_magic.engine.model.device import place
from whisper_magic.errors import OptionError


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("mps", "device 'mps' is not supported yet; use 'cpu', 'cuda' or 'cuda:1'"),
        ("xpu", "device 'xpu' is not supported yet"),
        ("meta", "device 'meta' is not supported yet"),
        ("gpu", "there is no device 'gpu'; use 'cpu'"),
        ("cuda:99", "device 'cuda:99' is not available"),
    ],
)
def test_devices_that_cannot_be_used_are_named(device: str, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        place(device, None, None)


def test_flash_attention_that_is_installed_but_does_not_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built for another torch it is found, and fails when it is used: that is known at load, and said."""
    (tmp_path / "flash_attn").mkdir()
    (tmp_path / "flash_attn" / "__init__.py").write_text("raise ImportError('undefined symbol:\\n _ZN3c10')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "flash_attn", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    for asked in (None, "flash_attention_2"):
        placed = place("cuda", None, asked)
        assert placed.placement.attention == "sdpa"
        (note,) = placed.notes
        assert note == (
            "FlashAttention-2 is not used: flash-attn is installed, but cannot be imported: undefined symbol: _ZN3c10"
        )


def test_flash_attention_that_imports_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flash_attn.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "flash_attn", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    placed = place("cuda", None, None)
    monkeypatch.delitem(sys.modules, "flash_attn", raising=False)
    assert placed.placement.attention == "flash_attention_2"
    assert placed.notes == ()
