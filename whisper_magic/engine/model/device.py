"""Device, dtype and attention: chosen from what was asked for and what this machine can do."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import get_args

import torch

from whisper_magic.engine.model.checkpoint import Placement
from whisper_magic.engine.model.threads import choose_threads
from whisper_magic.errors import OptionError
from whisper_magic.options import Attention, Dtype
from whisper_magic.wording import counted, near, one_line

DTYPES: dict[str, torch.dtype] = {name: getattr(torch, name) for name in get_args(Dtype)}
ATTENTIONS = get_args(Attention)
FLASH_CAPABILITY = (8, 0)  # Ampere: the oldest GPU that FlashAttention-2 supports


@dataclass(frozen=True)
class Placed:
    """A choice.

    Attributes:
        placement: What was chosen.
        device_name: The device, for people.
        notes: One line for each thing that is not as asked for, or that the machine lacks.
    """

    placement: Placement
    device_name: str
    notes: tuple[str, ...]


def place(device: str | None, dtype: str | None, attention: str | None) -> Placed:
    """Choose device, dtype and attention. On a CPU, also how many threads torch uses (`choose_threads`).

    Args:
        device: "cpu", "cuda" or "cuda:N"; None takes CUDA where there is one.
        dtype: One of DTYPES; None takes float16 on CUDA and float32 elsewhere.
        attention: One of ATTENTIONS, of the encoder; None takes the fastest that works.

    Raises:
        OptionError: For a name that does not exist, or a device that is not there.
    """
    where = _device(device)
    if dtype is not None and dtype not in DTYPES:
        raise OptionError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}{near(str(dtype), DTYPES)}")
    kind = DTYPES[dtype] if dtype else (torch.float16 if where.type == "cuda" else torch.float32)
    if attention is not None and attention not in ATTENTIONS:
        raise OptionError(f"attention must be one of {', '.join(ATTENTIONS)}, got {attention!r}")
    obstacle = _flash_obstacle(where, kind)
    notes = []
    expected = attention == "flash_attention_2" or (attention is None and where.type == "cuda")
    if expected and obstacle is not None:
        notes.append(f"FlashAttention-2 is not used: {obstacle}")
    if where.type == "cpu" and (note := choose_threads()):
        notes.append(note)
    usable = "sdpa" if obstacle else "flash_attention_2"
    chosen = usable if attention in (None, "flash_attention_2") else attention
    return Placed(Placement(where, kind, str(chosen)), _device_name(where), tuple(notes))


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OptionError(f"there is no device {name!r}; use 'cpu', 'cuda' or 'cuda:1'") from error
    if device.type not in ("cpu", "cuda"):
        raise OptionError(f"device {name!r} is not supported yet; use 'cpu', 'cuda' or 'cuda:1'")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise OptionError(
            f"device {name!r} is not available: torch finds {torch.cuda.device_count()} CUDA devices; use 'cpu'"
        )
    return device


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    threads = torch.get_num_threads()
    return f"{device} ({counted(threads, 'thread')})"


def _flash_obstacle(device: torch.device, dtype: torch.dtype) -> str | None:
    """Why FlashAttention-2 cannot be used; None where it can."""
    if device.type != "cuda":
        return "it needs a CUDA device"
    if dtype not in (torch.float16, torch.bfloat16):
        return f"it needs float16 or bfloat16, not {str(dtype).removeprefix('torch.')}"
    capability = torch.cuda.get_device_capability(device)
    if capability < FLASH_CAPABILITY:
        return f"it needs compute capability 8.0, this GPU has {capability[0]}.{capability[1]}"
    if importlib.util.find_spec("flash_attn") is None:
        return "flash-attn is not installed (pip install 'whisper-magic[flash]')"
    try:
        importlib.import_module("flash_attn")
    except Exception as error:  # built for another torch or CUDA, it fails with whatever its extension raises
        return f"flash-attn is installed, but cannot be imported: {one_line(error)}"
    return None
