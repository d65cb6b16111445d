"""The probe decodes windows of given features: with the target alone, with its draft, and with scripted proposals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from benchmarks.checkpoints import SHAPES, random_pair
from benchmarks.probe import Probe
from benchmarks.settings import Settings, Workload
from whisper_magic.options import MAX_DRAFT_LENGTH

TOKENS = 12
WINDOWS = 3
Texts = tuple[tuple[int, ...], ...]


@pytest.fixture(scope="module")
def probe(settings: Settings) -> Iterator[Probe]:
    pair = random_pair("toy", settings.work)
    probe = Probe(pair.target, pair.draft, "cpu", "float32", Workload(timestamps=False, tokens=TOKENS))
    yield probe
    probe.close()


@pytest.fixture(scope="module")
def features() -> torch.Tensor:
    shape = SHAPES["toy"]
    return torch.randn(WINDOWS, shape.mels, 2 * shape.frames, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def texts(probe: Probe, features: torch.Tensor) -> Texts:
    """What the target alone writes in each window."""
    return probe.decode(features, 1, 0).window_tokens


def test_the_target_alone_proposes_nothing(probe: Probe, features: torch.Tensor) -> None:
    run = probe.decode(features, 1, 0)
    assert (run.windows, run.tokens, run.judged) == (WINDOWS, WINDOWS * TOKENS, 0)
    assert run.decode is not None
    assert 0 < run.decode < run.wall
    assert run.peak_bytes is None, "measured on a GPU only"


@pytest.mark.parametrize("length", [1, MAX_DRAFT_LENGTH, "auto"])
@pytest.mark.parametrize("slots", [1, 2, 3])
def test_a_draft_never_changes_the_text(
    probe: Probe, features: torch.Tensor, texts: Texts, slots: int, length: int | str
) -> None:
    assert probe.decode(features, slots, length).window_tokens == texts


@pytest.mark.parametrize("slots", [1, 2])
def test_right_scripts_are_always_accepted(probe: Probe, features: torch.Tensor, texts: Texts, slots: int) -> None:
    run = probe.decode(features, slots, 4, dict(enumerate(texts)))
    assert run.window_tokens == texts
    assert run.accepted == run.judged > 0


@pytest.mark.parametrize("slots", [1, 2])
def test_wrong_scripts_are_never_accepted(probe: Probe, features: torch.Tensor, texts: Texts, slots: int) -> None:
    wrong = {i: [(token + 1) % probe.text_tokens for token in text] for i, text in enumerate(texts)}
    run = probe.decode(features, slots, 4, wrong)
    assert run.window_tokens == texts
    assert run.accepted == 0
    assert run.judged > 0


def test_each_window_has_its_own_script(probe: Probe, features: torch.Tensor, texts: Texts) -> None:
    wrong = [(token + 1) % probe.text_tokens for token in texts[1]]
    run = probe.decode(features, 1, 4, {0: texts[0], 1: wrong, 2: texts[2]})
    rounds_of_right = -(-(TOKENS - 1) // 5)  # the prefill writes one token, each round four and the target's own
    assert run.window_tokens == texts
    assert 0 < run.judged - run.accepted <= TOKENS
    assert run.accepted >= 2 * (TOKENS - 1 - rounds_of_right)


def test_a_pass_is_timed_where_all_windows_run_at_once(probe: Probe, features: torch.Tensor) -> None:
    at_once, refilled = probe.decode(features, WINDOWS, 0), probe.decode(features, 1, 0)
    assert at_once.step is not None
    assert at_once.decode is not None
    assert 0 < at_once.step < at_once.decode
    assert refilled.step is None


def test_a_pass_reads_more_for_more_windows(probe: Probe) -> None:
    shape = SHAPES["toy"]
    cross_kv = shape.decoder_layers * 2 * shape.frames * shape.d_model * 4  # float32
    assert probe.bytes_per_pass(2) - probe.bytes_per_pass(1) == cross_kv
