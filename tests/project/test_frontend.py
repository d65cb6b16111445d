"""The bundles that are committed are those that their source gives, and the source passes its own checks."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "whisper_magic" / "notebook" / "widgets" / "static"
WIDGETS = ["explorer", "lesson", "player", "recorder"]
MAX_BYTES = 275_000  # of all bundles
TYPES_ONLY = {"src/shared/protocol.ts", "src/shared/css.d.ts"}  # nothing of them is in a bundle


def bundles() -> dict[str, dict[str, list[str]]]:
    """For each bundle the sources and packages that it was made of, as the build wrote them down."""
    parts: dict[str, dict[str, list[str]]] = json.loads((FRONTEND / "bundles.json").read_text("utf-8"))
    return parts


@pytest.mark.parametrize("name", WIDGETS)
def test_a_bundle_is_made_of_the_sources_that_are_here(name: str) -> None:
    """It names a hash of its own sources only; a source that comes to be imported changes the one that imports it."""
    parts = bundles()[name]
    lock = json.loads((FRONTEND / "package-lock.json").read_text("utf-8"))["packages"]
    digest = hashlib.sha256()
    for source in parts["sources"]:
        digest.update(f"{source}\n".encode() + (FRONTEND / source).read_bytes())
    for package in parts["packages"]:
        digest.update(f"{package}@{lock[f'node_modules/{package}']['version']}\n".encode())
    named = re.search(r"Built from frontend/ \((\w+)\)", (STATIC / f"{name}.js").read_text("utf-8"))
    assert named is not None
    assert named[1] == digest.hexdigest()[:16], f"{name}.js is stale: run make frontend, and commit it"


def test_every_bundle_and_every_source_is_written_down() -> None:
    assert {path.stem for path in STATIC.glob("*.js")} == set(bundles())
    used = {source for parts in bundles().values() for source in parts["sources"]}
    present = {str(path.relative_to(FRONTEND)) for path in (FRONTEND / "src").rglob("*") if path.is_file()}
    assert present - used == TYPES_ONLY
    assert used <= present


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_is_made_of_its_own_folder_and_of_what_is_shared(name: str) -> None:
    assert {Path(source).parts[1] for source in bundles()[name]["sources"]} == {name, "shared"}


def test_bundles_are_small_and_ask_nobody_but_the_kernel() -> None:
    texts = [path.read_text("utf-8") for path in STATIC.glob("*.js")]
    assert texts
    assert sum(map(len, texts)) < MAX_BYTES
    for text in texts:
        assert not re.search(r"\beval\(|new Function\(|importScripts", text)
        assert set(re.findall(r"https?://[^\"'`\s]+", text)) <= {
            "http://www.w3.org/1999/xhtml",  # names of markup, not addresses
            "http://www.w3.org/2000/svg",
        }


@pytest.mark.slow
def test_types_style_units_and_build() -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("NO NODE: the front end's own checks need npm (20 or newer)")
    if not (FRONTEND / "node_modules").is_dir():
        fetched = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund"], cwd=FRONTEND, capture_output=True, text=True, timeout=300
        )
        if fetched.returncode:
            pytest.skip(f"NO NPM PACKAGES: {fetched.stderr.strip().splitlines()[-1:]}")
    for script in ("check", "fresh"):
        done = subprocess.run(
            [npm, "run", "--silent", script], cwd=FRONTEND, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
