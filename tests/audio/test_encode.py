"""Sound for a browser: nothing is shifted, nothing is missing."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.media import chirp, delay, likeness
from whisper_magic.audio import encode as module
from whisper_magic.audio.encode import CODINGS, encode, encoded
from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.audio.load import load
from whisper_magic.audio.stream import AudioStream
from whisper_magic.errors import AudioInvalid, AudioNotFound, AudioUnreadable

CODECS = ("opus", "mp3")


def clicks(times: tuple[float, ...], seconds: float, rate: int) -> np.ndarray:
    """(n,) short bursts of 1 kHz in a little noise."""
    sound = 1e-3 * np.random.default_rng(0).standard_normal(round(seconds * rate))
    length = rate // 200
    burst = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(length) / rate) * np.hanning(length)
    for time in times:
        sound[round(time * rate) :][:length] += burst
    return sound.astype(np.float32)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_a_click_stays_where_it_is(codec: str, rate: int) -> None:
    times = (0.5, 1.0, 5.0, 9.25)
    sound = clicks(times, 10.37, rate)
    found = load(encode(Excerpt(sound, rate), codec), sample_rate=48_000).samples
    same = load(sound, rate, sample_rate=48_000).samples
    for time in times:
        around = slice(round((time - 0.1) * 48_000), round((time + 0.1) * 48_000))
        assert abs(delay(found[around], same[around], 2_400)) <= 24, "half a millisecond"
    assert len(found) == pytest.approx(10.37 * 48_000, abs=48)


@pytest.mark.parametrize("codec", CODECS)
def test_it_sounds_alike_and_is_small(codec: str) -> None:
    sound = chirp(20)
    content = encode(Excerpt(sound, 16_000), codec)
    assert likeness(load(content).samples[: len(sound)], sound) > 0.97
    assert 20_000 < len(content) * 8 / 20 < 40_000


@pytest.mark.parametrize("codec", CODECS)
def test_a_player_knows_its_duration_and_finds_its_seconds(codec: str) -> None:
    sound = chirp(62.5)
    content = encode(Excerpt(sound, 16_000), codec)
    with av.open(io.BytesIO(content)) as container:
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(62.5, abs=0.01)
        (stream,) = container.streams
        assert stream.codec_context.layout.nb_channels == 1
        for second in (50, 10, 31):
            container.seek(second * 1_000_000)
            time = next(iter(container.decode(stream))).time
            assert second - 1.1 < time <= second
    part = load(content, start=40, end=41).samples  # found by seeking
    assert abs(delay(part, sound[40 * 16_000 : 41 * 16_000], 100)) <= 8


@pytest.mark.parametrize("codec", CODECS)
def test_chunks_are_the_whole_in_order(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    excerpt = Excerpt(chirp(30), 16_000)
    monkeypatch.setattr(module, "CHUNK", 20_000)
    chunks = list(encoded(excerpt, codec))
    filled = [chunk for chunk in chunks if chunk]
    assert len(chunks) >= 8, "one every few seconds, so that a thread can stop"
    assert all(len(chunk) == 20_000 for chunk in filled[:-1])
    assert 0 < len(filled[-1]) <= 20_000
    assert load(b"".join(chunks)).duration == pytest.approx(30, abs=0.002)


def test_opus_is_sent_as_it_is_encoded_and_mp3_when_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 5_000)
    first = {codec: [bool(chunk) for chunk in encoded(Excerpt(chirp(40), 16_000), codec)] for codec in CODECS}
    assert first["opus"].index(True) < 5
    assert first["mp3"].index(True) == 10


@pytest.mark.parametrize("codec", CODECS)
def test_every_source_and_part(clips: dict[str, Path], tone: np.ndarray, codec: str) -> None:
    for path in clips.values():
        found = load(encode(Excerpt(path), codec)).samples
        assert likeness(found[:24_000], load(path).samples[:24_000]) > 0.97
    part = load(encode(Excerpt(clips["flac"], start=0.5, end=1.25), codec)).samples
    assert len(part) == pytest.approx(12_000, abs=16)
    assert likeness(part[:12_000], tone[8_000:20_000]) > 0.97
    pair = np.stack([tone, tone[::-1]], axis=1)
    right = load(encode(Excerpt(pair, 16_000, channel="right"), codec)).samples
    assert likeness(right[:24_000], tone[::-1]) > 0.97


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("length", [1, 100, 1_151, 16_000])
def test_short_sound(codec: str, length: int) -> None:
    found = load(encode(Excerpt(chirp(1)[:length], 16_000), codec))
    assert found.duration == pytest.approx(length / 16_000, abs=0.002)


@pytest.mark.parametrize("codec", CODECS)
def test_sound_beyond_full_scale(codec: str) -> None:
    found = load(encode(Excerpt(8 * chirp(1), 16_000), codec)).samples
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 2


@pytest.mark.parametrize("codec", CODECS)
def test_leaving_the_loop_closes_the_source(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, close = [], AudioStream.close
    monkeypatch.setattr(AudioStream, "close", lambda self: (closed.append(1), close(self)))
    for _ in encoded(Excerpt(chirp(30), 16_000), codec):
        break
    assert closed


def test_errors_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFound):
        encode(Excerpt(tmp_path / "none.wav"))
    with pytest.raises(AudioUnreadable):
        encode(Excerpt(b"no sound at all"))
    with pytest.raises(AudioInvalid, match=r"codec must be 'opus' or 'mp3', got 'opsu'; did you mean opus\?"):
        encode(Excerpt(chirp(1), 16_000), "opsu")


def test_an_encoder_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.CODINGS, "opus", replace(CODINGS["opus"], encoder="libnone"))
    with pytest.raises(AudioInvalid, match="cannot encode with libnone: FFmpeg reports"):
        encode(Excerpt(chirp(1), 16_000))


def test_a_source_that_fails_on_the_way() -> None:
    sound = chirp(20)
    sound[-1] = np.nan
    with pytest.raises(AudioInvalid, match="holds 1 NaN"):
        encode(Excerpt(sound, 16_000))
