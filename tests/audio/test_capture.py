"""Sound that is still being recorded."""

from __future__ import annotations

import io
import time

import av
import numpy as np
import pytest

from whisper_magic.audio.capture import Capture
from whisper_magic.errors import AudioUnreadable

SECONDS = 5.0


def webm(seconds: float = SECONDS) -> bytes:
    """What a MediaRecorder writes: Opus in WebM, with clusters of a second and no seek table."""
    out = io.BytesIO()
    out.seekable = lambda: False  # type: ignore[method-assign]
    options = {"live": "1", "cluster_time_limit": "1000"}
    with av.open(out, "w", format="webm", options=options) as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        samples = (0.5 * np.sin(2 * np.pi * 300 * np.arange(int(seconds * 48_000)) / 48_000)).astype(np.float32)
        for begin in range(0, len(samples), 960):
            part = samples[None, begin : begin + 960]
            frame = av.AudioFrame.from_ndarray(part, format="flt", layout="mono")
            frame.sample_rate, frame.pts = 48_000, begin
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def test_samples_are_there_while_bytes_still_come() -> None:
    whole, capture = webm(), Capture()
    half = len(whole) // 2
    for begin in range(0, half, 1000):
        capture.add(whole[begin : min(begin + 1000, half)])
    assert capture.wait(1.0, timeout=10)
    assert not capture.ended
    assert capture.seconds < SECONDS
    capture.add(whole[half:])
    capture.end()
    assert capture.wait(60.0, timeout=10)
    assert capture.ended
    assert capture.seconds == pytest.approx(SECONDS, abs=0.05)
    audio = capture.audio()
    assert audio.samples.dtype == np.float32
    assert np.abs(audio.samples[1000:-1000]).max() == pytest.approx(0.5, abs=0.05)


def test_a_part_begins_where_it_says() -> None:
    capture = Capture()
    capture.add(webm())
    capture.end()
    capture.wait(60.0, timeout=10)
    part = capture.audio(1.0, 3.0)
    assert (part.start, part.duration) == (1.0, 2.0)
    assert np.array_equal(part.samples, capture.audio().samples[16_000:48_000])


def test_it_waits_no_longer_than_it_is_told() -> None:
    capture, began = Capture(), time.monotonic()
    assert not capture.wait(1.0, timeout=0.05)
    assert time.monotonic() - began < 5
    capture.end()


def test_what_is_no_sound_is_named() -> None:
    capture = Capture()
    capture.add(b"this is no sound " * 100)
    capture.end()
    capture.wait(1.0, timeout=10)
    with pytest.raises(AudioUnreadable, match=r"^microphone cannot be decoded: "):
        capture.audio()
