"""A checkpoint's name -> a folder on this machine. Never hangs: with no network, an error comes within two seconds."""

from __future__ import annotations

import importlib.resources
import os
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

from whisper_magic.errors import CheckpointError

CONNECT_SECONDS = 1.5  # how long the hub may take to answer before we say that there is no network
WEIGHTS = ("model.safetensors", "model-*.safetensors")  # never pickles, never variants such as model.fp32-*
FILES = ["*.json", "*.txt", *WEIGHTS]  # all that a checkpoint needs; never code

DEMO_NAME = "demo"
DEMO_DRAFT_NAME = "demo-draft"
DEFAULT_DRAFTS = {
    DEMO_NAME: DEMO_DRAFT_NAME,
    "openai/whisper-large-v3": "distil-whisper/distil-large-v3",
    "openai/whisper-large-v2": "distil-whisper/distil-large-v2",
    "openai/whisper-medium.en": "distil-whisper/distil-medium.en",
    "openai/whisper-small.en": "distil-whisper/distil-small.en",
}


def demo_folder() -> Path:
    """Where the bundled demo pair and its sample recording lie."""
    return Path(str(importlib.resources.files("whisper_magic"))) / "assets" / "demo"


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold a checkpoint's weights: one, or its shards."""
    return [file for pattern in WEIGHTS for file in sorted(folder.glob(pattern))]


def locate(name: str) -> Path:
    """The folder of a checkpoint: the bundled pair, a local folder, the hub's cache, or a download, in that order.

    Raises:
        CheckpointError: where there is none, saying what to do; within two seconds when there is no network.
    """
    bundled = {DEMO_NAME: "target", DEMO_DRAFT_NAME: "draft"}
    if name in bundled:
        return _checked(demo_folder() / bundled[name], name)
    folder = Path(os.path.expanduser(name))  # noqa: PTH111 - Path.expanduser raises for a user who is not there
    if folder.is_dir():
        return _checked(folder, name)
    if _looks_like_a_path(name):
        known = "a checkpoint folder, a hub name such as openai/whisper-tiny, or 'demo'"
        raise CheckpointError(f"there is no folder {name}; pass {known}")
    return _from_hub(name)


def _looks_like_a_path(name: str) -> bool:
    parts = name.split("/")
    return name.startswith((".", "/", "~")) or len(parts) != 2 or not all(parts)


def _checked(folder: Path, name: str) -> Path:
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{name} is not a checkpoint: {folder} holds no config.json")
    if not weight_files(folder):
        pickles = any(folder.glob("*.bin"))
        hint = (
            "only pickled weights (.bin), which are not read: convert them to safetensors" if pickles else "no weights"
        )
        raise CheckpointError(f"{name} at {folder} holds {hint}")
    return folder


def _from_hub(name: str) -> Path:
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        cached = Path(huggingface_hub.snapshot_download(name, allow_patterns=FILES, local_files_only=True))
        if weight_files(cached):
            return _checked(cached, name)
    except HFValidationError as error:
        raise CheckpointError(f"{name!r} is not a hub name: {str(error).splitlines()[0]}") from error
    except LocalEntryNotFoundError:
        pass  # not downloaded yet
    advice = "use a local folder, set HF_HOME to a cache that holds it, or take 'demo', which is bundled"
    if constants.HF_HUB_OFFLINE:
        raise CheckpointError(f"{name} is not in the local cache and HF_HUB_OFFLINE is set; {advice}")
    if not _reachable(constants.ENDPOINT):
        host = urlsplit(constants.ENDPOINT).hostname
        raise CheckpointError(f"{name} is not in the local cache and {host} cannot be reached; {advice}")
    try:
        return _checked(Path(huggingface_hub.snapshot_download(name, allow_patterns=FILES)), name)
    except RepositoryNotFoundError as error:
        raise CheckpointError(f"the hub has no model {name} for you; check the spelling, or log in") from error
    except (HfHubHTTPError, OSError) as error:
        raise CheckpointError(f"{name} could not be downloaded: {str(error).splitlines()[0]}; {advice}") from error


def _reachable(endpoint: str) -> bool:
    """Whether a connection to `endpoint`, or its proxy, opens in time. In a thread: name look-ups ignore time-outs."""
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    address = urlsplit(proxy or endpoint)
    port = address.port or (443 if address.scheme == "https" else 80)
    opened = threading.Event()

    def attempt() -> None:
        try:
            socket.create_connection((address.hostname or "", port), timeout=CONNECT_SECONDS).close()
        except OSError:
            return
        opened.set()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    return opened.is_set()
