"""Kernels of our own for CPUs, in C: compiled once on the machine that runs them, called through ctypes.

A decoder's pass over 8 rows is some hundred small steps; through torch each costs more to start than to do, and no
library multiplies 8 rows by 16-bit weights, or attends with 8 rows to 1,500 keys, at the machine's speed. `kernels.c`
does a whole pass in one call. Where there is no C compiler, everything runs through torch as before, only slower.

The compiled file lies in the user's cache folder under a name made of the source, the compiler and the processor.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sysconfig
import tempfile
from functools import cache
from pathlib import Path

import torch

SOURCE = Path(__file__).with_name("kernels.c")
FLAGS = ("-O2", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC")
TILE = 32  # as in kernels.c, like the numbers of the types
F32, F16, BF16, I8 = range(4)
TYPES = {torch.float32: F32, torch.float16: F16, torch.bfloat16: BF16, torch.int8: I8}
OFF = "WHISPER_MAGIC_NATIVE"  # the environment variable that, set to 0, leaves everything to torch

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
        *((name, Int) for name in ("layer_count", "width", "heads", "context", "embedding_type", "cache_type")),
        ("embed_scale", ctypes.c_float),
    )


class CachesStruct(ctypes.Structure):
    _fields_ = (
        *((name, Pointer) for name in ("self_kv", "cross")),
        *((name, Int) for name in ("slots", "length", "frames", "threads")),
    )


class RulesStruct(ctypes.Structure):
    _fields_ = (("forbidden", Pointer), *((name, Int) for name in ("vocab", "begin", "eot", "no_speech")))


class SlotsStruct(ctypes.Structure):
    _fields_ = (
        *((name, Pointer) for name in ("tokens", "known", "cached", "facts", "begin", "start", "limit")),
        *((name, ctypes.POINTER(Int)) for name in ("live", "read", "offered")),
        *((name, Int) for name in ("live_count", "length", "width")),
    )


_DECODER, _CACHES, _RULES, _SLOTS = (
    ctypes.POINTER(one) for one in (DecoderStruct, CachesStruct, RulesStruct, SlotsStruct)
)
_ARGUMENTS = {
    "decoder_forward": (_DECODER, _CACHES, Pointer, Pointer, Pointer, Int, Int, Pointer),
    "target_round": (_DECODER, _CACHES, _RULES, _SLOTS, Int, Pointer),
    "draft_round": (_DECODER, _CACHES, _RULES, _SLOTS, Pointer),
    "linear_forward": (ctypes.POINTER(LinearStruct), Pointer, Int, Pointer, Int),
    "pack_heads": (Pointer, Pointer, Long, Long, Int, Int, Int, Int, Int, Pointer, Pointer, Long, Int),
    "choose_rows": (Pointer, Int, _RULES, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Int),
    "attend_all": (Pointer, Pointer, Pointer, Long, Int, Int, Int, Int, ctypes.c_float, Pointer, Int),
}


@cache
def kernels() -> ctypes.CDLL | None:
    """The compiled kernels, made at the first call; None where they cannot be had (`why_not` says why)."""
    return None if isinstance(_made(), str) else _bound(_made())


def why_not() -> str:
    """Why there are no compiled kernels; '' where there are."""
    made = _made()
    return made if isinstance(made, str) else ""


def computes(dtype: torch.dtype) -> bool:
    """Whether the kernels are here and compute with weights and caches of this dtype."""
    library = kernels()
    if library is None:
        return False
    own = {torch.bfloat16: library.has_bf16, torch.int8: library.has_i8}
    return dtype == torch.float32 or (dtype in own and bool(own[dtype]()))


def _bound(path: object) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    for name, arguments in _ARGUMENTS.items():
        getattr(library, name).argtypes = arguments
        getattr(library, name).restype = None
    library.has_bf16.restype = library.has_i8.restype = ctypes.c_int
    return library


@cache
def _made() -> Path | str:
    """The compiled file, or why there is none."""
    if os.environ.get(OFF) == "0":
        return f"{OFF} is 0"
    names = (*str(sysconfig.get_config_var("CC") or "cc").split()[:1], "cc", "gcc", "clang")
    compiler = next((found for name in names if (found := shutil.which(name))), None)
    if compiler is None:
        return "there is no C compiler"
    path = _folder() / f"kernels-{_name(compiler)}.so"
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _compiled(compiler, path)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{compiler} could not compile: {error}"


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whisper_magic"


def _name(compiler: str) -> str:
    """What the compiled file depends on, in sixteen letters."""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    processor = torch.backends.cpu.get_cpu_capability() + platform.machine() + _processor()
    told = "\n".join((SOURCE.read_text(), version, processor, *FLAGS))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _processor() -> str:
    """What the processor can do, as Linux tells it; elsewhere what it is."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else [platform.processor()]
    return next((line for line in lines if line.startswith(("flags", "Features"))), lines[0] if lines else "")


def _compiled(compiler: str, path: Path) -> Path:
    """Compile to `path`, whole or not at all. Without OpenMP (Apple's clang has none) it computes on one thread."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        fresh = Path(folder) / path.name
        for openmp in (("-fopenmp",), ()):
            command = [compiler, *FLAGS, *openmp, "-o", str(fresh), str(SOURCE), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode == 0:
                fresh.replace(path)
                return path
    reason = next((line for line in done.stderr.splitlines() if "error" in line), f"exit status {done.returncode}")
    raise OSError(reason)
