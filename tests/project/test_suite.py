"""The suite itself: what starts it does not change what it tests, and its quick tier stays quick."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLOW_BY_ITSELF = ("browser", "real")


def test_sigint_interrupts() -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.skipif(os.name != "posix", reason="ONLY POSIX has programs that start with a signal ignored")
def test_sigint_interrupts_where_it_was_ignored_at_the_start() -> None:
    """As under `nohup`, or after `&` in a script."""
    name = f"{Path(__file__).relative_to(ROOT)}::{test_sigint_interrupts.__name__}"
    command = f'trap "" INT; exec {sys.executable} -m pytest -q -p no:cacheprovider {name}'
    ran = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout


def test_the_quick_tier_needs_no_page_and_no_real_weights(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        if any(item.get_closest_marker(name) for name in SLOW_BY_ITSELF) and not item.get_closest_marker("smoke"):
            assert item.get_closest_marker("slow"), item.nodeid


def test_the_groups_reach_xdist(request: pytest.FixtureRequest) -> None:
    """pytest-xdist appends a group to the node id; with a pytest that it does not know yet, that goes unnoticed."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("ONLY UNDER --dist loadgroup")
    groups = {item.nodeid: mark.args[0] for item in request.session.items for mark in item.iter_markers("xdist_group")}
    assert groups
    assert [name for name, group in groups.items() if not name.endswith(f"@{group}")] == []
