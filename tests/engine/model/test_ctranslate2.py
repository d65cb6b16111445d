"""model.bin: what is read is what was written, and a file that is not as it should be gives one line."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest
import torch

from tests.support.ctranslate2 import string, variable, write
from whisper_magic.engine.model.ctranslate2 import Joined, open_model_file
from whisper_magic.errors import CheckpointError

TENSORS = {
    "scalar": torch.tensor(-7, dtype=torch.int16),
    "single": torch.randn(6, 4, generator=torch.Generator().manual_seed(0)),
    "half": torch.arange(12).reshape(3, 4).half(),
    "brain": torch.arange(10).bfloat16(),
    "int8": torch.arange(-60, 60, dtype=torch.int8).reshape(6, 4, 5),
    "int8_scale": torch.arange(1, 7).float(),
    "int16": torch.arange(-500, 500, dtype=torch.int16).reshape(10, 100),
    "int16_scale": torch.tensor(4.0),
    "int32": torch.arange(3, dtype=torch.int32),
    "empty": torch.zeros(0, 4),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write(tmp_path / "model.bin", TENSORS, {"alias": "int8", "other": "half"})
    return tmp_path / "model.bin"


def refused(path: Path, *words: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        open_model_file([path])
    assert "\n" not in str(caught.value)
    for word in (str(path), *words):
        assert word in str(caught.value), str(caught.value)


def test_every_type_is_read_as_it_was_written(file: Path) -> None:
    model = open_model_file([file])
    assert model.specification == "WhisperSpec"
    assert model.variables.keys() == TENSORS.keys() | {"alias", "other"}
    for name, tensor in TENSORS.items():
        read = model.variables[name].read()
        assert read.dtype == tensor.dtype
        assert torch.equal(read, tensor), name
    assert model.variables["scalar"].scalar() == -7
    assert torch.equal(model.variables["alias"].read(), TENSORS["int8"])


def test_some_rows_are_read_alone(file: Path) -> None:
    model = open_model_file([file])
    for name in ("single", "half", "brain"):
        assert torch.equal(model.stored(name, 1, 3).read(), TENSORS[name][1:3])
        assert model.stored(name, 1, 3).shape == TENSORS[name][1:3].shape


def test_integers_are_divided_by_their_scales(file: Path) -> None:
    model = open_model_file([file])
    rows = TENSORS["int8"].float() / TENSORS["int8_scale"].view(-1, 1, 1)
    assert torch.equal(model.stored("int8", 0, 6).read(), rows)
    assert torch.equal(model.stored("alias", 2, 4).read(), rows[2:4])
    assert torch.equal(model.stored("int16", 5, 10).read(), TENSORS["int16"][5:].float() / 4)


def test_a_file_in_parts(file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    for cut in (1, 5, 100, len(content) // 2, len(content) - 1):
        parts = [tmp_path / "one", tmp_path / "two"]
        parts[0].write_bytes(content[:cut])
        parts[1].write_bytes(content[cut:])
        model = open_model_file(parts)
        for name, tensor in TENSORS.items():
            assert torch.equal(model.variables[name].read(), tensor), (name, cut)


def test_nothing_but_the_headers_is_read_before_it_is_asked_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, {"large": torch.zeros(1 << 20), "small": torch.ones(2)}, {})
    counted = []
    read = Joined.read
    monkeypatch.setattr(Joined, "read", lambda self, at, size: counted.append(size) or read(self, at, size))
    model = open_model_file([file])
    assert sum(counted) < 4096
    assert model.variables["small"].read().tolist() == [1, 1]


def test_what_is_read_outlives_the_file(file: Path) -> None:
    tensor = open_model_file([file]).variables["single"].read()
    file.write_bytes(bytes(file.stat().st_size))
    assert torch.equal(tensor, TENSORS["single"])


@pytest.mark.parametrize("change", ["shortened", "rewritten", "removed"])
def test_a_file_that_changes_while_it_is_read(file: Path, change: str) -> None:
    model = open_model_file([file])
    if change == "removed":
        file.unlink()
    elif change == "shortened":
        os.truncate(file, 40)
    else:
        os.utime(file, ns=(0, 0))
    with pytest.raises(CheckpointError, match=r"changed while|cannot be read"):
        model.variables["single"].read()


def test_another_version_says_what_to_do(file: Path) -> None:
    write(file, TENSORS, {}, version=5)
    refused(file, "version 5", "version 6", "ct2-transformers-converter")


def test_what_is_wrong_is_named(file: Path) -> None:
    def written(*variables: bytes, count: int | None = None, aliases: bytes = struct.pack("<I", 0)) -> None:
        head = struct.pack("<I", 6) + string("WhisperSpec") + struct.pack("<I", 3)
        number = struct.pack("<I", len(variables) if count is None else count)
        file.write_bytes(head + number + b"".join(variables) + aliases)

    good = variable("x", (2,), 0, bytes(8))
    written(good, good)
    refused(file, "x twice")
    written(variable("x", (3,), 0, bytes(8)))
    refused(file, "x has shape (3,) and 8 bytes")
    written(variable("x", (2**32 - 1,) * 8, 0, bytes(8), size=2**32 - 1))
    refused(file, "x has shape")
    written(variable("x", (2**30 - 1,), 0, bytes(8), size=2**32 - 4))
    refused(file, "ends at byte", "inside x")
    written(variable("x", (1,) * 200, 0, bytes(4)))
    refused(file, "200 dimensions")
    written(variable("x", (2,), 9, bytes(8)))
    refused(file, "unknown type 9")
    written(good, count=2**32 - 1)
    refused(file, "ends at byte")
    written(good, aliases=struct.pack("<I", 1) + string("y") + string("z"))
    refused(file, "y cannot be an alias of z")
    written(good, aliases=struct.pack("<I", 1) + string("x") + string("x"))
    refused(file, "x cannot be an alias of x")
    written(good, aliases=struct.pack("<I", 0) + b"more")
    refused(file, "4 bytes follow its end")
    written(struct.pack("<H", 5000) + bytes(5000))
    refused(file, "5,000 bytes")
    written(struct.pack("<H", 3) + b"\xff\xfe\0" + good[4:])
    refused(file, "UTF-8")
    written(variable("x\n\x1b[31m", (2,), 9, bytes(8)))
    refused(file, r"x\n\x1b[31m")


def test_integers_without_a_fitting_scale(file: Path) -> None:
    write(file, {"a": torch.ones(4, 2, dtype=torch.int8), "a_scale": torch.ones(3)}, {})
    model = open_model_file([file])
    with pytest.raises(CheckpointError, match=r"scale of a has shape \(3,\)"):
        model.stored("a", 0, 4)
    write(file, {"a": torch.ones(4, 2, dtype=torch.int8)}, {})
    with pytest.raises(CheckpointError, match="int8 numbers without a scale"):
        open_model_file([file]).stored("a", 0, 4)
    write(file, {"a": torch.ones(4, dtype=torch.int32), "a_scale": torch.ones(4)}, {})
    with pytest.raises(CheckpointError, match="int32 numbers"):
        open_model_file([file]).stored("a", 0, 4)


def test_a_scalar_that_is_none(file: Path) -> None:
    model = open_model_file([file])
    for name in ("single", "int16_scale"):
        with pytest.raises(CheckpointError, match="not a single integer"):
            model.variables[name].scalar()


def test_missing_and_empty_files(tmp_path: Path) -> None:
    refused(tmp_path / "none", "cannot be read")
    (tmp_path / "empty").write_bytes(b"")
    refused(tmp_path / "empty", "ends at byte 0")


def test_hundreds_of_damaged_files(file: Path) -> None:
    """Each is read in full or refused in one line; nothing is allocated that the file does not hold."""
    whole = file.read_bytes()
    dice = random.Random(0)
    messages = []
    for turn in range(900):
        file.write_bytes(mutated(whole, turn, dice))
        try:
            read_all(file)
        except CheckpointError as error:
            messages.append(str(error))
    assert not any("\n" in message for message in messages)
    assert 500 < len(messages) < 850  # in the others only data was hit


def read_all(file: Path) -> None:
    """Every number of a file, once as it is stored and once dequantised."""
    model = open_model_file([file])
    for name, stored in model.variables.items():
        assert tuple(stored.read().shape) == stored.shape
        if stored.shape and (stored.dtype.is_floating_point or f"{name}_scale" in model.variables):
            assert tuple(model.stored(name, 0, stored.shape[0]).read().shape) == stored.shape


def mutated(whole: bytes, turn: int, dice: random.Random) -> bytes:
    """A copy with one thing wrong, mostly in the headers."""
    content, at = bytearray(whole), dice.randrange(len(whole))
    kind = turn % 6
    if kind == 0:
        return bytes(content[:at])
    if kind == 1:
        content[at] ^= 1 << dice.randrange(8)
    elif kind == 2:
        number = dice.choice([0, 1, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, dice.getrandbits(32)])
        content[at : at + 4] = struct.pack("<I", number)
    elif kind == 3:
        del content[at : at + dice.randrange(1, 40)]
    elif kind == 4:
        content[at:at] = dice.randbytes(dice.randrange(1, 40))
    else:
        name = dice.choice(list(TENSORS)).encode()
        start = whole.index(name)
        content[start + dice.randrange(-2, len(name) + 16)] = dice.randrange(256)
    return bytes(content)
