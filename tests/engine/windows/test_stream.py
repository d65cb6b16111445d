"""A recording's features on demand: whole or in parts, with pauses, clips and damage."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
import torch

from whisper_magic.audio.features import LogMel
from whisper_magic.audio.load import Audio, AudioStream, load
from whisper_magic.audio.vad import Pauses
from whisper_magic.engine.model.hub import demo_folder
from whisper_magic.engine.windows import sound_reader
from whisper_magic.engine.windows.stream import ALL_FRAMES, FeatureStream, Part
from whisper_magic.errors import AudioUnreadable

RATE = 1000


@pytest.fixture
def front() -> LogMel:
    """100 frames a second of 1 kHz sound, windows of one second."""
    filters = np.abs(np.random.default_rng(0).standard_normal((21, 8)))
    return LogMel.build(
        filters, n_fft=40, hop_length=10, sample_rate=RATE, window_samples=1000, device=torch.device("cpu")
    )


def noise(seconds: float) -> np.ndarray:
    return (np.random.default_rng(1).standard_normal(int(seconds * RATE)) * 0.1).astype(np.float32)


def sound(samples: np.ndarray, *, piece: int = 100, known: bool = True, broken: bool = False) -> AudioStream:
    def pieces() -> Iterator[np.ndarray]:
        for at in range(0, len(samples), piece):
            yield samples[at : at + piece, None]
        if broken:
            raise AudioUnreadable("talk.mp3 is damaged after 3 s")

    audio = Audio(samples[:0], RATE, "talk.mp3")
    return AudioStream(pieces(), audio, len(samples) / RATE if known else None, ExitStack())


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than four seconds is read two at a time."""
    monkeypatch.setattr(sound_reader, "WHOLE_SECONDS", 4.0)
    monkeypatch.setattr(sound_reader, "CHUNK_SECONDS", 2.0)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("known", [True, False])
def test_a_short_recording_is_read_whole(front: LogMel, known: bool) -> None:
    samples = noise(3.5)
    stream = FeatureStream(sound(samples, known=known), front)
    assert stream.read_until(1) == 1
    assert stream.ended
    assert not stream.in_parts
    assert stream.duration == 3.5
    assert stream.read_until(ALL_FRAMES) == stream.num_frames == 350
    assert torch.equal(stream.features(100, 200), front(samples)[:, 100:200])


@pytest.mark.usefixtures("short")
def test_a_long_one_is_read_as_far_as_needed(front: LogMel) -> None:
    samples = noise(9.0)
    samples[0] = 30.0  # the loudest moment comes first: the same range throughout
    stream = FeatureStream(sound(samples), front)
    assert stream.read_until(100) == 100
    assert 190 <= stream.num_frames <= 200
    assert stream.in_parts
    assert stream.duration == 9.0, "as its header promises"
    assert stream.read_until(250) == 250
    assert stream.num_frames < 400
    assert stream.read_until(ALL_FRAMES) == 900
    assert stream.ended
    assert torch.allclose(stream.features(0, 900), front(samples), atol=1e-4)


@pytest.mark.usefixtures("short")
def test_of_unknown_length_the_first_part_is_as_long_as_a_whole_may_be(front: LogMel) -> None:
    stream = FeatureStream(sound(noise(9.0), known=False), front)
    stream.read_until(1)
    assert 390 <= stream.num_frames <= 400
    assert stream.duration == pytest.approx(4.0)


def test_the_fingerprint_is_of_what_is_read_first(front: LogMel) -> None:
    one, same, other = (FeatureStream(sound(noise(s)), front) for s in (2.0, 2.0, 2.1))
    for stream in (one, same, other):
        stream.read_until(1)
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_damage_in_a_short_recording_is_an_error(front: LogMel) -> None:
    for known in (True, False):
        with pytest.raises(AudioUnreadable, match="damaged after 3 s"):
            FeatureStream(sound(noise(3.0), broken=True, known=known), front).read_until(1)


@pytest.mark.usefixtures("short")
def test_damage_in_a_long_one_is_its_end(front: LogMel) -> None:
    stream = FeatureStream(sound(noise(7.0), broken=True), front)
    assert stream.read_until(ALL_FRAMES) == 700
    assert stream.ended
    assert stream.damage == "talk.mp3 is damaged after 3 s"
    assert stream.duration == 7.0


def test_clips(front: LogMel) -> None:
    stream = FeatureStream(sound(noise(3.0)), front)
    assert list(stream.parts()) == [Part(0, ALL_FRAMES)]
    clips = [Part(10, 50), Part(200, 900)]
    assert list(stream.parts(clips)) == clips


PAUSES = Pauses(pause=0.5, margin=0.1, longest=30.0)


def test_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole and in parts, the same stretches; clips are cut out of them."""
    audio = load(demo_folder() / "sample.ogg")
    filters = np.ones((201, 4))
    front = LogMel.build(
        filters, n_fft=400, hop_length=160, sample_rate=16000, window_samples=480000, device=torch.device("cpu")
    )
    whole = FeatureStream(AudioStream.of(audio), front, PAUSES)
    assert whole.detector == "silero-vad"
    found = list(whole.parts())
    assert len(found) > 5
    assert all(a.last <= b.first for a, b in itertools.pairwise(found))
    monkeypatch.setattr(sound_reader, "WHOLE_SECONDS", 10.0)
    monkeypatch.setattr(sound_reader, "CHUNK_SECONDS", 7.0)
    assert list(FeatureStream(AudioStream.of(audio), front, PAUSES).parts()) == found
    middle = (found[2].first + found[2].last) // 2
    clips = [Part(middle, found[4].last), Part(found[-1].first - 5, ALL_FRAMES)]
    cut = list(FeatureStream(AudioStream.of(audio), front, PAUSES).parts(clips))
    assert cut == [Part(middle, found[2].last), found[3], found[4], found[-1]]


def test_gaps_without_voice_are_kept_with_their_level() -> None:
    """Quiet noise of 1 s, 5 s and 3 s between and behind the sentences of the bundled recording."""
    voice = load(demo_folder() / "sample.ogg").samples[: 4 * 16000]
    quiet = (np.random.default_rng(0).uniform(-1, 1, 16000 * 9) * 0.001).astype(np.float32)
    samples = np.concatenate([quiet[:16000], voice, quiet[: 5 * 16000], voice, quiet[: 3 * 16000]])
    audio = Audio(samples, 16000, "talk.wav")
    front = LogMel.build(
        np.ones((201, 4)),
        n_fft=400,
        hop_length=160,
        sample_rate=16000,
        window_samples=480000,
        device=torch.device("cpu"),
    )
    stream = FeatureStream(AudioStream.of(audio), front, PAUSES)
    found = list(stream.parts())
    assert [round((gap.last - gap.first) / 100) for gap in stream.gaps] == [5, 3]
    assert stream.gaps[0].first == max(part.last for part in found if part.last < 900)
    assert all(0.0005 < stream.peak(gap) < 0.3 for gap in stream.gaps)
    inside = Part(stream.gaps[0].first + 100, stream.gaps[0].last - 100)
    assert 20 * np.log10(stream.peak(inside)) == pytest.approx(-60, abs=1)


def test_quiet_speech_is_detected() -> None:
    """60 dB further down, nearly the same moments are voice; a pause may count where it counted as too short."""
    voice = load(demo_folder() / "sample.ogg").samples
    front = LogMel.build(
        np.ones((201, 4)),
        n_fft=400,
        hop_length=160,
        sample_rate=16000,
        window_samples=480000,
        device=torch.device("cpu"),
    )
    loud, quiet = np.zeros((2, len(voice) // 160 + 1), bool)
    for voiced, samples in ((loud, voice), (quiet, voice * np.float32(0.001))):
        for part in FeatureStream(AudioStream.of(Audio(samples, 16000, "talk.wav")), front, PAUSES).parts():
            voiced[part.first : part.last] = True
    assert (loud == quiet).mean() > 0.97
    assert loud.mean() > 0.5
