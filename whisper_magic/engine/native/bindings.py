"""The compiled kernels through ctypes: every struct and every argument of `cpu_kernels.c`."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import torch

from whisper_magic.engine.native.build import Unavailable, compiled
from whisper_magic.wording import one_line

TILE = 32  # as in cpu_kernels.c, like the numbers of the types and of the statuses
F32, F16, BF16, I8 = range(4)
TYPES = {torch.float32: F32, torch.float16: F16, torch.bfloat16: BF16, torch.int8: I8}
OK, NO_MEMORY, BAD_TOKEN = range(3)

Pointer, Int, Long = ctypes.c_void_p, ctypes.c_int32, ctypes.c_long


class LinearStruct(ctypes.Structure):
    _fields_ = (
        ("weight", Pointer),
        ("bias", Pointer),
        ("scale", Pointer),
        ("shift", Pointer),
        *((name, Int) for name in ("outputs", "inputs", "type", "gelu")),
    )


class NormStruct(ctypes.Structure):
    _fields_ = (("weight", Pointer), ("bias", Pointer))


class LayerStruct(ctypes.Structure):
    _fields_ = (
        *((name, NormStruct) for name in ("self_norm", "cross_norm", "ffn_norm")),
        *((name, LinearStruct) for name in ("qkv", "self_out", "cross_q", "cross_out", "fc1", "fc2")),
    )


class DecoderStruct(ctypes.Structure):
    _fields_ = (
        ("layers", ctypes.POINTER(LayerStruct)),
        ("embedding", Pointer),
        ("positions", Pointer),
        ("final_norm", NormStruct),
        ("output", LinearStruct),
        *(
            (name, Int)
            for name in ("layer_count", "width", "heads", "context", "vocab", "embedding_type", "cache_type")
        ),
        ("embed_scale", ctypes.c_float),
    )


class CachesStruct(ctypes.Structure):
    _fields_ = (
        *((name, Pointer) for name in ("self_kv", "cross")),
        *((name, Int) for name in ("slots", "length", "frames", "threads")),
    )


class ProcessorStruct(ctypes.Structure):
    _fields_ = (
        *((name, Pointer) for name in ("states", "logit_mask", "min_step", "ids", "languages")),
        *((name, Int) for name in ("vocab", "begin", "stamp", "eot", "no_speech", "language_count", "max_generated")),
    )


class SlotsStruct(ctypes.Structure):
    _fields_ = (
        *((name, Pointer) for name in ("tokens", "num_tokens", "num_cached", "round_output")),
        *((name, Pointer) for name in ("num_prompt", "sot_index", "max_tokens")),
        *((name, ctypes.POINTER(Int)) for name in ("active", "draft_cached", "num_drafted")),
        *((name, Int) for name in ("active_count", "length", "width")),
    )


_LINEAR, _DECODER, _CACHES, _PROCESSOR, _SLOTS = (
    ctypes.POINTER(struct) for struct in (LinearStruct, DecoderStruct, CachesStruct, ProcessorStruct, SlotsStruct)
)
_ARGUMENTS = {  # of the functions that return a status
    "decoder_forward": (_DECODER, _CACHES, Pointer, Pointer, Pointer, Int, Int, Pointer),
    "verify_round": (_DECODER, _CACHES, _PROCESSOR, _SLOTS, Int, Pointer),
    "draft_round": (_DECODER, _CACHES, _PROCESSOR, _SLOTS, Pointer),
    "linear_forward": (_LINEAR, Pointer, Int, Pointer, Int),
    "choose_rows": (Pointer, Int, _PROCESSOR, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Int),
    "attend_all": (Pointer, Pointer, Pointer, Long, Int, Int, Int, Int, ctypes.c_float, Pointer, Int),
}
_PACK_HEADS = (Pointer, Pointer, Long, Long, Int, Int, Int, Int, Int, Pointer, Pointer, Long, Int)


def kernels() -> ctypes.CDLL:
    """The compiled kernels, made at the first call.

    Raises:
        Unavailable: Where there can be none.
    """
    library = _load()
    if isinstance(library, str):
        raise Unavailable(library)
    return library


def why_not() -> str:
    """Why there are no compiled kernels; "" where there are."""
    library = _load()
    return library if isinstance(library, str) else ""


def computes(dtype: torch.dtype) -> bool:
    """Whether the kernels are here and compute with weights and caches of this dtype."""
    library = _load()
    if isinstance(library, str):
        return False
    own = {torch.bfloat16: library.has_bf16, torch.int8: library.has_i8}
    return dtype == torch.float32 or (dtype in own and bool(own[dtype]()))


@cache
def _load() -> ctypes.CDLL | str:
    """The library, or why there is none. One that cannot be loaded is compiled once more."""
    try:
        try:
            return _bind(ctypes.CDLL(str(compiled())))
        except (OSError, AttributeError):  # not a library, or not whole
            return _bind(ctypes.CDLL(str(compiled(anew=True))))
    except Unavailable as error:
        return str(error)
    except (OSError, AttributeError) as error:
        return f"the compiled library could not be loaded: {one_line(error)}"


def _bind(library: ctypes.CDLL) -> ctypes.CDLL:
    for name, arguments in _ARGUMENTS.items():
        function = getattr(library, name)
        function.argtypes, function.restype, function.errcheck = arguments, Int, _check
    library.pack_heads.argtypes, library.pack_heads.restype = _PACK_HEADS, None
    library.has_bf16.restype = library.has_i8.restype = Int
    return library


def _check(status: int, function: Any, arguments: tuple[Any, ...]) -> None:
    if status == NO_MEMORY:
        raise MemoryError("the native CPU kernels could not allocate their buffers")
    assert status != BAD_TOKEN, "a token id outside the vocabulary"
    assert status == OK
