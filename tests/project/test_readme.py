"""The README is short, in order, and its figures are those of the committed results."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.markdown import README, ROOT

TEXT = README.read_text("utf-8")
HEADINGS = [
    "Install",
    "Ten lines to a result",
    "Which model for which machine",
    "A folder",
    "What lossless means",
    "Benchmarks",
    "More",
]
FINDINGS = (  # of benchmarks/results/verdict-cpu.json, in the order of the README's rows
    "demo pair, float32, 71.0 s: our target only / our speculative, decode",
    "demo pair, float32, 71.0 s: transformers assisted (the best) / ours, wall",
    "demo pair, float32, 71.0 s: faster-whisper sequential / ours, wall",
    "base, bfloat16, 1 window, 60 tokens, acceptance 0.8: transformers assisted (the best) / ours, decode",
    "base, float32, 8 windows, 60 tokens, acceptance 0.8: CTranslate2 / ours, decode",
    "demo pair, float32: windows per second at batch 8 / at batch 1",
)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "benchmarks/results/verdict-cpu.json").read_text())
    return found


def test_it_is_short_and_in_order() -> None:
    assert len(TEXT.splitlines()) < 140
    assert re.findall(r"^## (.+)$", TEXT, re.MULTILINE) == HEADINGS
    assert TEXT.index("![") < TEXT.index("## Install"), "the picture comes first"


def test_the_picture_is_small() -> None:
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", TEXT):
        assert (ROOT / picture).stat().st_size < 300_000


def test_benchmark_rows_are_the_committed_results(report: dict[str, Any]) -> None:
    measured = {finding["name"]: finding["value"] for finding in report["findings"]}
    section = TEXT.partition("## Benchmarks")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| .+ \| ([\d.]+) \|$", section, re.MULTILINE)
    assert rows == [f"{measured[name]:.2f}" for name in FINDINGS]


def test_the_hardware_line_is_that_of_the_results(report: dict[str, Any]) -> None:
    machine, text = report["machine"], " ".join(TEXT.split())
    assert f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads" in text
    versions = dict(machine["versions"])
    for name in ("torch", "transformers", "ctranslate2", "faster-whisper"):
        assert f"{name} {versions[name]}" in text
    assert f"medians of {report['settings']['repeats']} runs" in text
