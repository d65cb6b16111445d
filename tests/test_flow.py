"""The main flow of one `%whisper`: how many frames, in how many files, from the magic to the kernel call."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from IPython.core.interactiveshell import InteractiveShell

from whisper_magic.engine.native import bindings

CONTRIBUTING = Path(__file__).resolve().parents[1] / "CONTRIBUTING.md"
Hops = tuple[str, ...]


class Stacks:
    """A profile function that collects the stacks, from the magic on, in which the kernels are asked for a round."""

    def __init__(self) -> None:
        self.seen: set[Hops] = set()

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        caller = frame.f_back if event == "call" and frame.f_code is bindings.kernels.__code__ else None
        if caller is not None and caller.f_code.co_name in ("draft_round", "verify_round"):
            self.seen.add(tuple(_from_magic(caller))[::-1])


def _from_magic(frame: FrameType | None) -> Iterator[str]:
    """`file: function` of each frame of the package, from the innermost out to the magic."""
    while frame is not None:
        code = frame.f_code
        yield f"{Path(code.co_filename).parent.name}/{Path(code.co_filename).name}: {code.co_qualname}"
        if code.co_qualname == "WhisperMagics.whisper":
            return
        frame = frame.f_back


@pytest.fixture(scope="module")
def stacks() -> set[Hops]:
    if reason := bindings.why_not():
        pytest.skip(f"NO NATIVE CPU KERNELS: {reason}")
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "whisper_magic")
    profile = Stacks()
    try:
        shell.run_line_magic("whisper", "demo --draft model --quiet --end 8")
        sys.setprofile(profile)
        shell.run_line_magic("whisper", "demo --draft model --quiet --end 8")
    finally:
        sys.setprofile(None)
        shell.run_line_magic("unload_ext", "whisper_magic")
    return profile.seen


def test_at_most_ten_frames_in_at_most_eight_files(stacks: set[Hops]) -> None:
    assert {hops[-1].split(".")[-1] for hops in stacks} == {"draft_round", "verify_round"}
    for hops in stacks:
        assert len(hops) <= 10, hops
        assert len({hop.split(":")[0] for hop in hops}) <= 8, hops


def test_contributing_lists_them(stacks: set[Hops]) -> None:
    text = CONTRIBUTING.read_text("utf-8")
    for hops in stacks:
        for hop in hops:
            file, _, function = hop.partition(": ")
            assert file in text, f"CONTRIBUTING.md lacks {file}"
            assert function.split(".")[-1] in text, f"CONTRIBUTING.md lacks {function}"
