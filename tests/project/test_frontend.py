"""The bundles that are committed are those that their source gives, and the source passes its own checks."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "whisper_magic" / "notebook" / "widgets" / "static"
MOST = 275_000  # bytes of all bundles


def test_bundles_are_made_of_the_source_that_is_here() -> None:
    digest = hashlib.sha256()
    sources = sorted(path for path in (FRONTEND / "src").rglob("*") if path.is_file())
    for path in [*sources, FRONTEND / "package-lock.json"]:
        digest.update(path.read_bytes())
    for bundle in STATIC.glob("*.js"):
        named = re.search(r"Built from frontend/ \((\w+)\)", bundle.read_text("utf-8"))
        assert named is not None
        assert named[1] == digest.hexdigest()[:16], f"{bundle.name} is stale: run make frontend, and commit it"


def test_bundles_are_small_and_ask_nobody_but_the_kernel() -> None:
    bundles = [path.read_text("utf-8") for path in STATIC.glob("*.js")]
    assert bundles
    assert sum(map(len, bundles)) < MOST
    for text in bundles:
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
