"""CTranslate2's `model.bin`: named tensors behind a small header each, read at the offsets that the file states.

The format is a plain one (OpenNMT/CTranslate2 `python/ctranslate2/specs/model_spec.py`, `ModelSpec._serialize`), all
numbers little-endian:

    uint32 version (6); string specification; uint32 revision
    uint32 count, then each variable: string name; uint8 rank; uint32 dimension * rank; uint8 type; uint32 bytes; data
    uint32 count, then each alias: string alias; string name of a variable

A string is a uint16 length, and so many bytes of UTF-8, the last of them zero. A quantised variable "x" has a scale
"x_scale", by which its numbers were multiplied: one per row, or one in all.

Nothing here trusts the file: every length is checked against its size before anything is read or allocated. The file
is read with ordinary reads, not mapped, because a mapped file that somebody shortens kills the process. This module
does not know what a Whisper is.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from whisper_magic.errors import CheckpointError
from whisper_magic.wording import shown

Tensor = torch.Tensor

VERSION = 6
TYPES = (torch.float32, torch.int8, torch.int16, torch.int32, torch.float16, torch.bfloat16)  # by their number
QUANTISED = {torch.int8: 8, torch.int16: 16}  # dtype -> bits
MAX_RANK = 8
MAX_STRING = 4096  # bytes; real names have under 100
READ_AHEAD = 512  # bytes: most of what stands between the data of two variables


class Joined:
    """One file, or consecutive parts of one, read by offset."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """
        Raises:
            OSError: where a part cannot be inspected.
        """
        self.paths = tuple(paths)
        states = [path.stat() for path in self.paths]
        self._states = [(state.st_size, state.st_mtime_ns) for state in states]
        self.size = sum(state.st_size for state in states)

    def read(self, offset: int, size: int) -> bytearray:
        """`size` bytes from `offset` on.

        Raises:
            CheckpointError: beyond the end, or where the file has changed since it was opened.
        """
        if not 0 <= offset <= offset + size <= self.size:
            raise self.damaged(f"it ends at byte {self.size:,}, before byte {offset + size:,}")
        content = bytearray(size)
        rest = memoryview(content)
        for path, (length, modified) in zip(self.paths, self._states, strict=True):
            if offset < length and rest:
                count = min(len(rest), length - offset)
                self._read_part(path, modified, offset, rest[:count])
                rest = rest[count:]
            offset = max(0, offset - length)
        return content

    def _read_part(self, path: Path, modified: int, offset: int, into: memoryview) -> None:
        try:
            with path.open("rb") as file:
                file.seek(offset)
                complete = file.readinto(into) == len(into)
            unchanged = path.stat().st_mtime_ns == modified
        except OSError as error:
            raise CheckpointError(f"{shown(str(path))} cannot be read: {error.strerror}") from error
        if not (complete and unchanged):
            raise CheckpointError(f"{shown(str(path))} changed while it was being read; load it again")

    def damaged(self, what: str) -> CheckpointError:
        """The error for a file that is not what it should be."""
        return CheckpointError(f"{shown(str(self.paths[0]))} is damaged: {what}; download or convert it again")


@dataclass(frozen=True, eq=False)
class Variable:
    """A named tensor of a file.

    Attributes:
        offset: Of its first byte in the file.
    """

    file: Joined
    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    offset: int

    def rows(self, first: int, last: int) -> Variable:
        """The part from row `first` up to, not including, row `last`."""
        row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        return replace(self, shape=(last - first, *self.shape[1:]), offset=self.offset + first * row_bytes)

    def read(self) -> Tensor:
        """The numbers as they are stored, on the CPU."""
        if not math.prod(self.shape):
            return torch.empty(self.shape, dtype=self.dtype)
        content = self.file.read(self.offset, math.prod(self.shape) * self.dtype.itemsize)
        return torch.frombuffer(content, dtype=self.dtype).reshape(self.shape)

    def scalar(self) -> int:
        """The value of a variable without dimensions, as an integer."""
        if self.shape or self.dtype.is_floating_point:
            raise self.file.damaged(f"{shown(self.name)} is not a single integer")
        return int(self.read())


@dataclass(frozen=True, eq=False)
class Dequantised:
    """Integers, and the scales that they were multiplied by."""

    variable: Variable
    scale: Variable  # one number, or one a row

    @property
    def shape(self) -> tuple[int, ...]:
        return self.variable.shape

    def read(self) -> Tensor:
        """The numbers as float32, on the CPU."""
        scale = self.scale.read().float()
        each_row = (-1, *[1] * (len(self.shape) - 1))
        return self.variable.read().float() / (scale.view(each_row) if scale.dim() else scale)


@dataclass(frozen=True, eq=False)
class ModelFile:
    """What a `model.bin` holds.

    Attributes:
        specification: The kind of model, such as "WhisperSpec".
        variables: By name; an alias has the variable that it stands for.
    """

    file: Joined
    specification: str
    variables: dict[str, Variable]

    def stored(self, name: str, first: int, last: int) -> Variable | Dequantised:
        """Rows `first` up to, not including, `last` of a matrix or vector, dequantised where it is quantised.

        Raises:
            CheckpointError: for integers without a scale, or scales of another shape.
        """
        whole = self.variables[name]
        if whole.dtype.is_floating_point:
            return whole.rows(first, last)
        # An alias shares the numbers of its variable, and so their scale.
        scale = self.variables.get(f"{whole.name}_scale")
        if whole.dtype not in QUANTISED or scale is None:
            kind = str(whole.dtype).removeprefix("torch.")
            raise self.file.damaged(f"{shown(name)} holds {kind} numbers without a scale")
        if not scale.dtype.is_floating_point or scale.shape not in ((), whole.shape[:1]):
            raise self.file.damaged(f"the scale of {shown(name)} has shape {scale.shape}, its numbers {whole.shape}")
        return Dequantised(whole.rows(first, last), scale.rows(first, last) if scale.shape else scale)


def open_model_file(paths: Sequence[Path]) -> ModelFile:
    """The variables of a `model.bin`; their data is left on disk.

    Args:
        paths: The file, or its consecutive parts.

    Raises:
        CheckpointError: for a file that is damaged, of another version, or cannot be read.
    """
    try:
        file = Joined(paths)
    except OSError as error:
        raise CheckpointError(f"{shown(str(paths[0]))} cannot be read: {error.strerror}") from error
    header = _Header(file)
    if (version := header.number("I")) != VERSION:
        raise CheckpointError(
            f"{shown(str(paths[0]))} is a CTranslate2 file of version {version}, and only version {VERSION} is read; "
            "convert the model again with a current ct2-transformers-converter"
        )
    specification = header.string()
    header.number("I")  # the specification's revision: the names suffice
    variables: dict[str, Variable] = {}
    for _ in range(header.number("I")):
        variable = header.variable()
        if variable.name in variables:
            raise file.damaged(f"it holds {shown(variable.name)} twice")
        variables[variable.name] = variable
    for _ in range(header.number("I")):
        alias, name = header.string(), header.string()
        if name not in variables or alias in variables:
            raise file.damaged(f"{shown(alias)} cannot be an alias of {shown(name)}")
        variables[alias] = variables[name]
    if header.offset != file.size:
        raise file.damaged(f"{file.size - header.offset:,} bytes follow its end")
    return ModelFile(file, specification, variables)


class _Header:
    """Reads the parts between the tensors' data, front to back."""

    def __init__(self, file: Joined) -> None:
        self.file, self.offset = file, 0
        self._ahead, self._ahead_from = b"", 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        start = self.offset - self._ahead_from
        if not 0 <= start <= start + size <= len(self._ahead):
            count = max(size, min(READ_AHEAD, self.file.size - self.offset))
            self._ahead, self._ahead_from, start = bytes(self.file.read(self.offset, count)), self.offset, 0
        self.offset += size
        return self._ahead[start : start + size]

    def number(self, kind: str) -> int:
        """The next unsigned integer; kind: "B", "H" or "I"."""
        return int(struct.unpack(f"<{kind}", self.take(struct.calcsize(kind)))[0])

    def string(self) -> str:
        length = self.number("H")
        if length > MAX_STRING:
            raise self.file.damaged(f"a name at byte {self.offset:,} has {length:,} bytes")
        try:
            return self.take(length).removesuffix(b"\0").decode()
        except UnicodeDecodeError as error:
            raise self.file.damaged(f"a name before byte {self.offset:,} is not UTF-8") from error

    def variable(self) -> Variable:
        name, rank = self.string(), self.number("B")
        if rank > MAX_RANK:
            raise self.file.damaged(f"{shown(name)} has {rank} dimensions")
        shape = tuple(self.number("I") for _ in range(rank))
        number, size = self.number("B"), self.number("I")
        if number >= len(TYPES):
            raise self.file.damaged(f"{shown(name)} has numbers of an unknown type {number}")
        dtype = TYPES[number]
        if math.prod(shape) * dtype.itemsize != size:
            raise self.file.damaged(f"{shown(name)} has shape {shape} and {size:,} bytes")
        if self.offset + size > self.file.size:
            raise self.file.damaged(f"it ends at byte {self.file.size:,}, inside {shown(name)}")
        variable = Variable(self.file, name, shape, dtype, self.offset)
        self.offset += size
        return variable
