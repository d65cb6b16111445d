"""One stream, packet by packet: what the tests of whole files do not reach."""

from __future__ import annotations

import io
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest

from tests.support.media import chirp, likeness
from whisper_magic.audio.load import load_channels
from whisper_magic.audio.notes import Notes
from whisper_magic.audio.sound import Span
from whisper_magic.audio.stream_decoder import StreamDecoder


def test_more_channels_than_pyav_gives_in_planes() -> None:
    channels = np.stack([chirp(1, 48_000, low=200 + 50 * number) for number in range(12)])
    file = io.BytesIO()
    with av.open(file, "w", format="wv") as container:
        stream = container.add_stream("wavpack", rate=48_000)
        stream.layout = "12 channels"
        frame = av.AudioFrame.from_ndarray(channels.T.reshape(1, -1).copy(), format="flt", layout="12 channels")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
        to_codec = av.AudioResampler(format=stream.format.name, layout="12 channels", rate=48_000)
        for converted in [*to_codec.resample(frame), *to_codec.resample(None)]:
            container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    found = load_channels(file.getvalue(), sample_rate=48_000)
    assert len(found) == 12
    for audio, expected in zip(found, channels, strict=True):
        assert likeness(audio.samples, expected) > 0.999


def a_run(codec: str) -> tuple[StreamDecoder, Notes]:
    clock = {"time": lambda frame: frame.pts / 16_000, "origin": lambda first: 0.0}
    container = SimpleNamespace(format="any", codec=codec, duration=None, counted=False, trouble="", **clock)
    notes = Notes()
    return StreamDecoder(container, 0, 0, notes, Span()), notes


def frames_of(run: StreamDecoder, sound: np.ndarray) -> np.ndarray:
    """What a run makes of decoded frames of 1,000 samples."""
    found = []
    for begin in range(0, len(sound), 1000):
        frame = av.AudioFrame.from_ndarray(sound[None, begin : begin + 1000], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 16_000, begin
        found += [block for _, block in run._frame(frame)]
    return np.concatenate(found)[:, 0]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e5])
def test_values_that_are_no_sound_are_damage_in_a_coding_and_the_users_in_pcm(value: float) -> None:
    sound = chirp(1)
    sound[5500] = value
    run, notes = a_run("vorbis")
    found = frames_of(run, sound)
    np.testing.assert_array_equal(found[:5000], sound[:5000])
    assert not found[5000:6000].any()
    np.testing.assert_array_equal(found[6000:], sound[6000:])
    assert notes.lines() == ("damaged from 0.31 s to 0.38 s: silence is inserted there",)
    run, notes = a_run("pcm_f32le")
    np.testing.assert_array_equal(frames_of(run, sound), sound)
    assert notes.lines() == ()


def test_loud_sound_is_no_damage() -> None:
    sound = 90 * chirp(1)
    run, notes = a_run("vorbis")
    np.testing.assert_array_equal(frames_of(run, sound), sound)
    assert notes.lines() == ()
