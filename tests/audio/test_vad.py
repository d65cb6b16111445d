"""Voice activity: the detectors against the truth and against silero-vad's own model, and stretches."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from whisper_magic.audio import vad
from whisper_magic.audio.load import load
from whisper_magic.audio.vad import Detector, LevelGate, Pauses, Segmenter, Silero, Stretch, Voice, detector
from whisper_magic.engine.model.hub import demo_folder

RATE = 16_000
SEGMENTS = json.loads((demo_folder() / "sample.json").read_text())["segments"]


@cache
def spoken() -> np.ndarray:
    """(n,) the bundled recording: 71 s."""
    return load(demo_folder() / "sample.ogg").samples


def both() -> list[Detector]:
    return [detector(RATE), LevelGate(RATE)]


def test_silero_is_what_is_used_here() -> None:
    assert [one.name for one in both()] == ["silero-vad", "level gate"]
    assert detector(8000).name == "level gate", "silero-vad runs at one rate only"


def test_without_silero_there_is_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vad.importlib.util, "find_spec", lambda name: None)
    vad._silero_weights.cache_clear()
    assert detector(RATE).name == "level gate"
    vad._silero_weights.cache_clear()


OWN = """
import sys, numpy as np, torch, warnings
warnings.simplefilter("ignore")
from silero_vad import load_silero_vad
sound = torch.from_numpy(np.load(sys.argv[1]))
with torch.inference_mode():
    np.save(sys.argv[2], load_silero_vad().audio_forward(sound[None], sr=16000)[0].numpy())
"""


@pytest.mark.slow
def test_equals_the_packages_own_model(tmp_path: Path) -> None:
    given, found = tmp_path / "given.npy", tmp_path / "found.npy"
    np.save(given, spoken())
    subprocess.run([sys.executable, "-c", OWN, str(given), str(found)], check=True)  # it sets torch's thread count
    weights = vad._silero_weights()
    assert weights is not None
    assert np.abs(np.load(found) - Silero(weights, restarts=False).feed(spoken(), last=True)).max() < 1e-4


@pytest.mark.parametrize("size", [1, 511, 70_001])
def test_chunks_do_not_matter_to_silero(size: int) -> None:
    sound = spoken()[:2000] if size == 1 else spoken()
    one, many = detector(RATE), detector(RATE)
    starts = range(0, len(sound), size)
    parts = [many.feed(sound[i : i + size], last=i + size >= len(sound)) for i in starts]
    assert np.abs(np.concatenate(parts) - one.feed(sound, last=True)).max() < 1e-4


@pytest.mark.recordings
def test_it_is_not_deaf_after_music(recordings: Path) -> None:
    """silero-vad's own model finds none of the speech behind 36 s of this guitar."""
    guitar = load(recordings / "nonspeech" / "audiomentations_acoustic_guitar_0.flac").samples
    speech = load(recordings / "fleurs" / "fleurs-de-000.ogg").samples
    found = {}
    for restarts in (False, True):
        weights = vad._silero_weights()
        assert weights is not None
        probs = Silero(weights, restarts).feed(np.concatenate([np.resize(guitar, 36 * RATE), speech]), last=True)
        found[restarts] = float((probs >= Segmenter.BEGINS).sum()) * vad.FRAME_SECONDS
    assert found[False] < 0.1
    assert found[True] > 8


def test_how_long_there_is_voice() -> None:
    voice = Voice(RATE)
    assert voice.feed(spoken()[: 20 * RATE]) == []
    assert voice.feed(spoken()[20 * RATE : 30 * RATE], last=True) == []
    seconds = sum(min(one["end"], 30) - one["start"] for one in SEGMENTS if one["start"] < 30)
    assert voice.seconds(0, 30) == pytest.approx(seconds, rel=0.25)
    assert voice.seconds(0, 30) == pytest.approx(voice.seconds(0, 12) + voice.seconds(12, 30), abs=0.1)
    assert voice.seconds(30, 60) <= vad.FRAME_SECONDS


def stretches(one: Detector, sound: np.ndarray, **changes: float) -> list[Stretch]:
    segmenter = Segmenter(RATE, one.frame, Pauses(**({"pause": 0.5, "margin": 0.1, "longest": 30.0} | changes)))
    return segmenter.feed(one.feed(sound, last=True)) + segmenter.finish(len(sound))


def test_silence_and_faint_noise_hold_no_speech() -> None:
    rng = np.random.default_rng(0)
    for sound in (np.zeros(5 * RATE, np.float32), rng.standard_normal(5 * RATE).astype(np.float32) * 1e-4):
        for one in both():
            assert stretches(one, sound) == []


def test_pauses_are_found_to_a_tenth_of_a_second_or_two() -> None:
    """Speech at known places in silence with faint noise."""
    voice = spoken()[int(SEGMENTS[2]["start"] * RATE) : int(SEGMENTS[2]["end"] * RATE)]
    noise = (np.random.default_rng(1).standard_normal(14 * RATE) * 3e-4).astype(np.float32)
    noise[2 * RATE : 2 * RATE + len(voice)] += voice
    noise[9 * RATE : 9 * RATE + len(voice)] += voice
    for one in both():
        first, second = stretches(one, noise, pause=1.0)
        for found, start in ((first, 2), (second, 9)):
            assert found.start / RATE == pytest.approx(start, abs=0.25)
            assert found.end / RATE == pytest.approx(start + len(voice) / RATE, abs=0.35)


def test_steady_sound_counts_as_speech_for_the_gate() -> None:
    sound = (np.random.default_rng(2).standard_normal(4 * RATE) * 0.1).astype(np.float32)
    assert stretches(LevelGate(RATE), sound) == [Stretch(0, 4 * RATE)]


def segmenter(**changes: float) -> Segmenter:
    return Segmenter(100, 10, Pauses(**({"pause": 0.3, "margin": 0.1, "longest": 100.0} | changes)))


def test_hysteresis_and_margins() -> None:
    one = segmenter()
    found = one.feed([0, 0.4, 0.9, 0.4, 0.9, 0, 0, 0, 0, 0.9, 0.9]) + one.finish(200)
    assert found == [Stretch(10, 60), Stretch(80, 110 + 10)]


def test_a_short_pause_does_not_part_and_a_click_is_no_speech() -> None:
    one = Segmenter(100, 5, Pauses(pause=0.3, margin=0.1, longest=100.0))
    assert one.feed([0.9] * 4 + [0] * 3 + [0.9] * 4 + [0] * 8) == [Stretch(0, 65)]
    assert one.feed([0.9] + [0] * 8) == []


def test_what_is_too_long_is_split_where_speech_is_least_likely() -> None:
    one = segmenter(longest=1.0)
    found = one.feed([0.9] * 7 + [0.5] + [0.9] * 4) + one.finish(120)
    assert found == [Stretch(0, 70), Stretch(70, 120)]


def test_the_end_of_the_recording_is_the_end() -> None:
    one = segmenter()
    assert one.feed([0.9] * 5) == []
    assert one.finish(47) == [Stretch(0, 47)]
