"""Names: what each resolves to, in which order, and the message where it leads nowhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

from tests.support import ctranslate2 as ct2
from tests.support.checkpoints import in_cache, refused, texts
from whisper_magic import Engine
from whisper_magic.engine.model import hub, wheels
from whisper_magic.engine.model.checkpoint import read_target
from whisper_magic.engine.model.device import place
from whisper_magic.errors import CheckpointError


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache; no network and no packages with weights."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub.socket, "create_connection", _refused)
    monkeypatch.setattr(wheels, "WHEELS", {})
    return tmp_path / "cache"


def _refused(address: object, timeout: float) -> None:
    raise ConnectionRefusedError


def _unanswered(address: object, timeout: float) -> None:
    """A connection that never opens, as behind a firewall that drops packets."""
    time.sleep(4)
    raise TimeoutError


@pytest.fixture
def no_network(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty cache, where asking the network fails the test."""
    monkeypatch.setattr(hub, "_Probe", lambda endpoint: pytest.fail("asked the network"))
    return cache


@pytest.fixture
def hub_of(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """A hub that can be reached, and holds these repositories; the patterns that each download asked for."""

    def make(**folders: Path) -> list[list[str]]:
        asked: list[list[str]] = []

        def download(repository: str, *, allow_patterns: list[str]) -> str:
            asked.append(allow_patterns)
            source = folders.get(repository.split("/")[1].replace("-", "_"))
            if source is None:
                raise RepositoryNotFoundError("404", response=_Response())
            to = cache / "downloaded" / repository
            to.mkdir(parents=True, exist_ok=True)
            for pattern in allow_patterns:
                for file in source.glob(pattern):
                    shutil.copy(file, to)
            return str(to)

        monkeypatch.setattr(hub.socket, "create_connection", lambda address, timeout: _Response())
        monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
        return asked

    return make


class _Response:
    """As much of a socket, and of an HTTP response, as is looked at."""

    request = None

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def converted(pair: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The usual target for faster-whisper."""
    folder = ct2.save_folder(pair.target, tmp_path_factory.mktemp("converted") / "x")
    shutil.copy(pair.target / "generation_config.json", folder)
    return folder


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("tiny", "openai/whisper-tiny"),
        ("tiny.en", "openai/whisper-tiny.en"),
        ("base", "openai/whisper-base"),
        ("small", "openai/whisper-small"),
        ("large-v3", "openai/whisper-large-v3"),
        ("large", "openai/whisper-large-v3"),
        ("turbo", "openai/whisper-large-v3-turbo"),
        ("distil-large-v3", "distil-whisper/distil-large-v3"),
    ],
)
def test_short_names(short: str, full: str, pair: Any, no_network: Path) -> None:
    snapshot = in_cache(no_network, full, pair.target)
    for name in (short, full):
        files = hub.locate(name)
        assert (files.name, files.folder, files.note) == (name, snapshot, "")


def test_a_conversion_in_the_cache_stands_for_the_model(pair: Any, converted: Path, no_network: Path) -> None:
    snapshot = in_cache(no_network, "Systran/faster-whisper-base", converted)
    for name in ("base", "openai/whisper-base"):
        files = hub.locate(name)
        assert files.folder == snapshot
        assert name in files.note
        assert "Systran/faster-whisper-base" in files.note
        assert files.note in read_target(name, place("cpu", "float32", "sdpa").placement).notes
    assert hub.locate("Systran/faster-whisper-base").note == ""
    assert texts("base", language="en") == texts(str(pair.target), language="en")
    original = in_cache(no_network, "openai/whisper-base", pair.target)
    assert hub.locate("base").folder == original


def test_a_folder_comes_before_a_hub_name(
    pair: Any, no_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    snapshot = in_cache(no_network, "openai/whisper-base", pair.target)
    (tmp_path / "base").mkdir()  # some folder that happens to have a model's name
    assert hub.locate("base").folder == snapshot
    shutil.copytree(pair.target, tmp_path / "base", dirs_exist_ok=True)
    assert hub.locate("base").folder == Path("base")
    shutil.copytree(pair.target, tmp_path / "openai" / "whisper-base")
    assert hub.locate("openai/whisper-base").folder == Path("openai/whisper-base")


def test_default_drafts_go_by_every_name_of_the_target() -> None:
    for target in ("large-v3", "large", "openai/whisper-large-v3", "Systran/faster-whisper-large-v3"):
        assert hub.draft_name(target, None) == "distil-whisper/distil-large-v3"
    assert hub.draft_name("small", None) is None
    assert hub.draft_name("large-v3", "none") is None
    assert hub.draft_name("large-v3", "tiny") == "tiny"
    assert hub.draft_name("demo", None) == hub.draft_name("demo", "demo") == "demo-draft"


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "~/no-such-model", "~nosuchuser/x", "a/b/c"])
def test_missing_folders(name: str, no_network: Path) -> None:
    refused(lambda: Engine.load(name), "no folder", name, "'demo'")


@pytest.mark.parametrize(
    "name", ["", "\0", "x" * 5000, "a\nb", "C:\\models\\base", "https://huggingface.co/openai/x", "ü/ö"]
)
def test_names_that_are_none(name: str, no_network: Path) -> None:
    refused(lambda: hub.locate(name), "there is no", "'demo'")


def test_a_path_is_taken_as_a_folder(pair: Any, no_network: Path) -> None:
    assert hub.locate(pair.target).folder == pair.target
    assert hub.locate(pair.target).name == str(pair.target)


def test_a_file_is_not_its_folder(pair: Any, no_network: Path) -> None:
    refused(lambda: hub.locate(str(pair.target / "model.safetensors")), "is a file", "folder")


@pytest.mark.parametrize(
    ("name", "near"),
    [("bse", "base"), ("largev3", "large-v3"), ("whisper-base", "openai/whisper-base"), ("dmo", "demo")],
)
def test_near_names(name: str, near: str, no_network: Path) -> None:
    message = refused(lambda: hub.locate(name), f"no model or folder {name}", "did you mean")
    assert near in message.split("did you mean")[1]


def test_what_the_cache_holds_is_listed(pair: Any, converted: Path, cache: Path) -> None:
    refused(lambda: hub.locate("openai/whisper-bas"), "did you mean openai/whisper-base")
    in_cache(cache, "someone/whisper-xhosa", pair.target)
    in_cache(cache, "Systran/faster-whisper-small", converted)
    other = in_cache(cache, "someone/bert", pair.target)
    (other / "config.json").write_text('{"model_type": "bert"}')
    unfinished = in_cache(cache, "someone/unfinished", pair.target)
    (unfinished / "model.safetensors").unlink()
    assert hub.cached_models() == ["Systran/faster-whisper-small", "someone/whisper-xhosa"]
    listed = "the local cache holds Systran/faster-whisper-small, someone/whisper-xhosa"
    refused(lambda: hub.locate("openai/whisper-large-v3"), listed)
    message = refused(lambda: hub.locate("someone/whisper-xhos"), listed, "did you mean someone/whisper-xhosa")
    assert "bert" not in message
    for i in range(9):
        in_cache(cache, f"someone/whisper-{i}", pair.target)
    refused(lambda: hub.locate("medium"), "and 5 more")


def test_a_known_name_has_no_near_ones(cache: Path) -> None:
    assert "did you mean" not in refused(lambda: hub.locate("openai/whisper-large-v3"))


# -- the network -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connection", [_refused, _unanswered])
def test_no_network_is_known_within_two_seconds(
    connection: Callable[..., None], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub.socket, "create_connection", connection)
    began = time.monotonic()
    refused(lambda: hub.locate("openai/whisper-no-such"), "cannot be reached", "HF_HOME", "'demo'", "local folder")
    assert time.monotonic() - began < 2.0


def test_no_network_is_known_before_torch_is_loaded(tmp_path: Path) -> None:
    """In a fresh interpreter, with a network that swallows everything: two seconds, imports included."""
    code = """
import socket, sys, time
began = time.monotonic()
socket.create_connection = lambda *_, **__: time.sleep(30)
from whisper_magic.engine.model.hub import check
for name in ("openai/whisper-no-such", "bse", "./nowhere"):
    try:
        check(name)
    except Exception as error:
        print(type(error).__name__)
print(time.monotonic() - began)
print([name for name in ("torch", "transformers", "numpy") if name in sys.modules])
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"HF_HOME": str(tmp_path), "PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    *kinds, seconds, loaded = ran.stdout.split("\n")[:5]
    assert kinds == ["CheckpointError"] * 3
    assert float(seconds) < 2.0
    assert loaded == "[]"


def test_offline_mode_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused(lambda: hub.locate("openai/whisper-no-such"), "HF_HUB_OFFLINE")


def test_a_download(pair: Any, hub_of: Callable[..., list[list[str]]]) -> None:
    asked = hub_of(whisper_base=pair.target)
    files = hub.locate("base")
    assert {path.name for path in files.weights} == {"model.safetensors"}
    assert asked == [hub.FILES]
    assert not any(pattern.endswith((".bin", ".py")) for pattern in hub.FILES)


def test_a_download_of_a_conversion(converted: Path, hub_of: Callable[..., list[list[str]]]) -> None:
    asked = hub_of(faster_whisper_base=converted)
    files = hub.locate("Systran/faster-whisper-base")
    assert files.is_ctranslate2
    assert asked == [hub.FILES, [*hub.FILES, "model.bin"]]


def test_a_name_that_the_hub_does_not_have(hub_of: Callable[..., list[list[str]]]) -> None:
    hub_of()
    refused(lambda: hub.locate("openai/whisper-bas"), "the hub has no model", "did you mean openai/whisper-base")


def test_a_download_that_fails(cache: Path, hub_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hub_of()

    def fails(repository: str, *, allow_patterns: list[str]) -> str:
        raise LocalEntryNotFoundError("first line\nsecond line")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fails)
    refused(lambda: hub.locate("openai/whisper-base"), "could not be downloaded", "first line", "HF_HOME")


def test_an_incomplete_copy_is_completed_where_that_can_be(
    pair: Any, cache: Path, hub_of: Callable[..., list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """transformers' from_pretrained leaves a model without its tokenizer in the cache; that will do for a draft."""
    snapshot = in_cache(cache, "someone/whisper_xhosa", pair.target)
    (snapshot / "tokenizer.json").unlink()
    assert hub.locate("someone/whisper_xhosa").folder == snapshot
    hub_of(whisper_xhosa=pair.target)
    assert (hub.locate("someone/whisper_xhosa").folder / "tokenizer.json").is_file()


def test_check_looks_for_the_draft_too(pair: Any, no_network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    in_cache(no_network, "openai/whisper-large-v3", pair.target)
    hub.check("large-v3", "none")
    refused(lambda: hub.check("large-v3"), "distil-whisper/distil-large-v3 is not in the local cache")
    refused(lambda: hub.check("large-v3", "./nowhere"), "./nowhere")
    hub.check("demo")


# -- packages --------------------------------------------------------------------------------------------------------


def test_an_installed_package_stands_for_the_model(
    pair: Any, converted: Path, no_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = wheels.Installed(converted, (converted / "model.bin",), "0" * 64, "some-package")
    monkeypatch.setattr(wheels, "find", lambda name: found if name == "openai/whisper-base" else None)
    for name in ("base", "openai/whisper-base", "Systran/faster-whisper-base"):
        files = hub.locate(name)
        assert files.folder == converted
        assert files.sha256 == "0" * 64
        assert "some-package" in files.note
    with pytest.raises(CheckpointError, match="SHA-256"):
        read_target("base", place("cpu", "float32", "sdpa").placement)
    snapshot = in_cache(no_network, "openai/whisper-base", pair.target)
    assert hub.locate("base").folder == snapshot


# -- auto --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "driver", "target"),
    [
        (None, False, "openai/whisper-base"),
        ("cpu", True, "openai/whisper-base"),
        ("cuda:1", False, "openai/whisper-large-v3"),
        (None, True, None),  # torch may lack CUDA all the same
    ],
)
def test_what_auto_stands_for(
    device: str | None, driver: bool, target: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "_has_nvidia_driver", lambda: driver)
    chosen = hub.automatic(device)
    assert (chosen.target if chosen else None) == target


def test_auto_is_checked_before_torch_is_loaded(no_network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_has_nvidia_driver", lambda: False)
    monkeypatch.setattr(wheels, "find", lambda name: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused(lambda: hub.check("auto"), "openai/whisper-base is not in the local cache")
    assert not hub.is_here("openai/whisper-base")


def test_the_draft_of_whisper_base_is_bundled() -> None:
    files = hub.locate("base-draft")
    assert sum(path.stat().st_size for path in files.weights) < 20e6
    assert hub.draft_name("Systran/faster-whisper-base", None) == hub.draft_name("base", "auto") == "base-draft"
