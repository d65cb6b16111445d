"""Kernels of our own: what torch computes, a row that knows nothing but itself, and a machine without a compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from whisper_magic.engine.model.checkpoint import Placement, read_target
from whisper_magic.engine.model.decoder import DecoderNetwork
from whisper_magic.engine.native import bindings as native
from whisper_magic.engine.runtime import native_pass
from whisper_magic.engine.runtime.model_runner import Side
from whisper_magic.engine.runtime.native_pass import NativePass
from whisper_magic.engine.sample.logits_processor import Place, Rules

needs_kernels = pytest.mark.skipif(native.kernels() is None, reason=f"no compiled kernels: {native.why_not()}")
DTYPES = [
    pytest.param(dtype, marks=pytest.mark.skipif(not native.computes(dtype), reason=f"no kernels for {dtype} here"))
    for dtype in (torch.float32, torch.bfloat16)
]
FRAMES, LENGTH, SLOTS = 100, 64, 5
NEAR = {torch.float32: 2e-4, torch.bfloat16: 6e-2}  # of the logits' size


def network(pair: Any, dtype: torch.dtype) -> DecoderNetwork:
    target = read_target(str(pair.target), Placement(torch.device("cpu"), dtype, "sdpa"))
    return DecoderNetwork.build(target.decoder_state, target.config)


class Caches:
    """A decoder twice, each with caches of the same content: through torch, and in one call."""

    def __init__(self, net: DecoderNetwork) -> None:
        generator = torch.Generator().manual_seed(1)
        shape = (len(net.layers), 2, SLOTS, net.heads)
        self.net, self.ours = net, NativePass.of(net)
        assert self.ours is not None
        self.cross = torch.randn(*shape, FRAMES, net.head_dim, generator=generator).to(net.dtype)
        self.texts = torch.randn(*shape, LENGTH, net.head_dim, generator=generator).to(net.dtype)
        self.tiles = self.ours.room_for_sound(SLOTS, FRAMES)
        for slot in range(SLOTS):
            self.ours.hear(self.tiles, slot, self.cross[:, :, slot])

    def native(self, tokens: torch.Tensor, start: torch.Tensor, live: list[int] | None = None) -> torch.Tensor:
        assert self.ours is not None
        return self.ours.forward(native_pass.Caches(self.texts.clone(), self.tiles, FRAMES), tokens, start, live)

    def torch(self, tokens: torch.Tensor, start: torch.Tensor, live: list[int] | None = None) -> torch.Tensor:
        return self.net.forward(tokens, start, self.texts.clone(), self.cross, live=live).float()


@pytest.fixture(params=DTYPES)
def caches(request: pytest.FixtureRequest, pair: Any) -> Iterator[Caches]:
    with torch.inference_mode():
        yield Caches(network(pair, request.param))


def drawn(block: int) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(0, 300, (SLOTS, block), generator=torch.Generator().manual_seed(block))
    return tokens, torch.tensor([0, 3, 17, 1, LENGTH - block])


@pytest.mark.parametrize("block", [1, 2, 3, 5, 8, 11])
@torch.inference_mode()
def test_a_pass_is_what_torch_computes(caches: Caches, block: int) -> None:
    found, expected = caches.native(*drawn(block)), caches.torch(*drawn(block))
    assert (found - expected).abs().max() < NEAR[caches.net.dtype] * expected.abs().max()


@torch.inference_mode()
def test_what_a_pass_reads_is_kept_for_the_next(caches: Caches) -> None:
    """Eight tokens at once, or in three passes over the same cache."""
    assert caches.ours is not None
    tokens, _ = drawn(8)
    start = torch.arange(SLOTS)
    whole, kept = caches.native(tokens, start), native_pass.Caches(caches.texts.clone(), caches.tiles, FRAMES)
    parts = [
        caches.ours.forward(kept, tokens[:, first:last].clone(), start + first, None)
        for first, last in ((0, 3), (3, 4), (4, 8))
    ]
    assert torch.equal(torch.cat(parts, 1), whole)


@torch.inference_mode()
def test_a_row_knows_nothing_but_itself(caches: Caches) -> None:
    """To the last bit: alone, with other slots, on two threads."""
    tokens, start = drawn(8)
    everyone = caches.native(tokens, start)
    some = caches.native(tokens, start, [1, 3])
    assert torch.equal(some[[1, 3]], everyone[[1, 3]])
    assert not some[[0, 2, 4]].any()
    for slot in range(SLOTS):
        assert torch.equal(caches.native(tokens[:, :1].clone(), start, [slot])[slot], everyone[slot, :1])
    before = torch.get_num_threads()
    try:
        for threads in (
            2,
            3,
        ):  # which share a head's attention where there are few, and each take some where there are many
            torch.set_num_threads(threads)
            assert torch.equal(caches.native(tokens, start), everyone)
            assert torch.equal(caches.native(tokens, start, [3])[3], everyone[3])
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
def test_what_was_heard_can_be_read_back(caches: Caches) -> None:
    assert caches.ours is not None
    for slot in range(SLOTS):
        assert torch.equal(caches.ours.heard(caches.tiles, slot, FRAMES)[:, :, 0], caches.cross[:, :, slot])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("frames", [1, 31, 100, 750])
@torch.inference_mode()
def test_attention_of_an_encoder_is_what_torch_computes(dtype: torch.dtype, frames: int) -> None:
    qkv = (torch.randn(2, frames, 3, 3, 64, generator=torch.Generator().manual_seed(frames)) * 1.3).to(dtype)
    q, k, v = qkv.unbind(2)
    assert native_pass.attends(q)
    expected = F.scaled_dot_product_attention(*(part.float().transpose(1, 2) for part in (q, k, v)), scale=0.125)
    found = native_pass.attention(q, k, v, 0.125).float()
    assert (found - expected.transpose(1, 2)).abs().max() < (1e-5 if dtype == torch.float32 else 3e-2)


@needs_kernels
@pytest.mark.parametrize("timestamps", [True, False])
@torch.inference_mode()
def test_the_best_that_the_rules_leave(pair: Any, timestamps: bool, through_torch: Callable[[], None]) -> None:
    """Over rows after text, one timestamp, two, none; with likely timestamps, unlikely ones, and none left."""
    special = read_target(str(pair.target), Placement(torch.device("cpu"), torch.float32, "sdpa")).special
    rules = Rules.build(special, torch.device("cpu"), timestamps=timestamps)
    begin, vocab = special.timestamp_begin, special.vocab
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(40, 8, vocab, generator=generator) * 3
    logits[::3, :, begin:] += 4
    logits[1::3, :, begin:] -= 9
    tokens = torch.randint(begin - 20, vocab, (2, 40, 8), generator=generator)
    index = torch.randint(0, 5, (40, 8), generator=generator)
    latest = torch.where(index > 1, torch.randint(begin - 1, vocab, (40, 8), generator=generator), -1)
    latest[-1] = vocab - 1  # no later one is left
    place = Place(index, tokens[0], tokens[1], torch.where(latest < begin, -1, latest))
    choice, logprob = rules.best(logits, place)
    through_torch()
    expected, likely = rules.best(logits, place)
    assert torch.equal(choice, expected)
    torch.testing.assert_close(logprob, likely, rtol=1e-4, atol=1e-4, equal_nan=True)  # nan: where none is left
    assert len(choice.unique()) > 30


@needs_kernels
@torch.inference_mode()
def test_gelu_of_numbers_of_any_size() -> None:
    from whisper_magic.engine.model.linear import Tiled

    x = torch.cat([torch.linspace(-12, 12, 1001), torch.tensor([1e4, -1e4, 1e-20, 0.0])])[:, None].repeat(1, 16)
    layer = Tiled.build(torch.eye(16), None, F.gelu, torch.float32)
    torch.testing.assert_close(layer(x), F.gelu(x), rtol=2e-6, atol=2e-6)


def test_a_shape_that_they_cannot_do_goes_through_torch(make_pair: Any, shape: Any) -> None:
    side = Side(network(make_pair(shape(heads=4)), torch.float32))  # heads of 16
    assert side.native is None
    side.allocate(2, 16, 10)
    sound = torch.randn(len(side.network.layers), 2, 4, 10, 16)
    side.hear(1, sound)
    assert torch.equal(side.heard(1)[:, :, 0], sound)


# -- compiling -------------------------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], str]:
    """A machine whose compiler is this script, or that has none; why there are no kernels on it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(native.OFF, raising=False)
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))

    def with_compiler(script: str | None) -> str:
        for name in ("gcc", "cc"):
            (tools / name).unlink(missing_ok=True)
            if script is not None:
                (tools / name).write_text(f"#!/bin/sh\n{script}\n")
                (tools / name).chmod(0o755)
        made = native._made.__wrapped__()
        return made if isinstance(made, str) else ""

    return with_compiler


def test_without_a_compiler_it_is_said(machine: Callable[[str | None], str]) -> None:
    assert machine(None) == "there is no C compiler"


def test_a_compiler_that_fails_is_quoted(machine: Callable[[str | None], str], tmp_path: Path) -> None:
    said = machine("echo 'kernels.c:1: error: no such thing' >&2; exit 1")
    assert said.endswith("could not compile: kernels.c:1: error: no such thing")
    assert not list(tmp_path.rglob("kernels-*")), "nothing half-made is left"


def test_what_was_compiled_is_found_again(machine: Callable[[str | None], str], tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f'case "$*" in *--version*) echo 1 ;; *) echo x >> {count}; for a; do case "$p" in -o) : > "$a" ;; esac; p="$a"; done ;; esac'  # noqa: E501
    assert machine(script) == ""
    assert machine(script) == ""
    assert count.read_text() == "x\n"


def test_it_can_be_turned_off(machine: Callable[[str | None], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.OFF, "0")
    assert machine("exit 0") == "WHISPER_MAGIC_NATIVE is 0"


def test_a_folder_that_cannot_be_written_is_no_error(
    machine: Callable[[str | None], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    assert "could not compile" in machine("exit 0")
