"""The waveform at several resolutions."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from tests.support.media import chirp
from whisper_magic.audio import peaks as module
from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.audio.load import load
from whisper_magic.audio.peaks import WaveformPeaks, fill
from whisper_magic.errors import AudioInvalid, AudioNotFound, AudioUnreadable


def whole(peaks: WaveformPeaks) -> list[bytes]:
    return [peaks.window(number, 0, level.count) for number, level in enumerate(peaks.levels)]


def expected(samples: np.ndarray, span: int) -> bytes:
    """What the definition says, stretch by stretch."""
    stretches = [samples[at : at + span] for at in range(0, len(samples), span)]
    pairs = [(part.min(), part.max()) for part in stretches]
    return np.rint(np.clip(pairs, -1, 1) * 127).astype(np.int8).tobytes()


def test_every_level_is_what_the_samples_give() -> None:
    samples = 1.5 * chirp(50.0071, 11_025)
    peaks = WaveformPeaks.of(samples, 11_025)
    assert [level.samples_per_peak for level in peaks.levels] == [110, 440, 1760]
    for number, level in enumerate(peaks.levels):
        assert peaks.window(number, 0, level.count) == expected(samples, level.samples_per_peak)
        assert level.seconds_per_peak == level.samples_per_peak / 11_025
    assert peaks.levels[-1].count <= 1000 < peaks.levels[-2].count
    assert peaks.duration == len(samples) / 11_025
    assert peaks.complete


@pytest.mark.parametrize("seed", range(5))
def test_the_cutting_does_not_matter(seed: int) -> None:
    samples = chirp(60, 16_000, seed=seed)[: -seed * 77 or None]
    dice = np.random.default_rng(seed)
    cuts = np.sort(dice.integers(0, len(samples), 3 * 10**seed % 2000))  # some blocks are empty
    peaks = WaveformPeaks(16_000)
    for part in np.split(samples, cuts):
        peaks.add(part)
    peaks.finish()
    peaks.finish()
    assert whole(peaks) == whole(WaveformPeaks.of(samples, 16_000))


@pytest.mark.parametrize("rate", [1_000, 1_099, 8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_a_hundred_peaks_a_second_at_least_and_ten_hours_in_ten_megabytes(rate: int) -> None:
    level = WaveformPeaks(rate).levels[0]
    assert level.seconds_per_peak <= 0.01
    assert 36_000 / level.seconds_per_peak * 2 < 10e6
    assert rate % 100 or level.seconds_per_peak == 0.01


def test_samples_that_are_no_sound() -> None:
    samples = np.zeros(640, np.float32)
    samples[:2], samples[200], samples[400], samples[500] = (np.nan, 0.5), np.inf, -7, np.nan
    pairs = np.frombuffer(WaveformPeaks.of(samples, 16_000).window(0, 0, 10), np.int8).reshape(-1, 2)
    assert pairs.tolist() == [[0, 64], [0, 127], [-127, 0], [0, 0]]


def test_nothing_and_next_to_nothing() -> None:
    assert [level.count for level in WaveformPeaks.of(np.zeros(0, np.float32), 16_000).levels] == [0]
    one = WaveformPeaks.of(np.full(1, 0.5, np.float32), 16_000)
    assert whole(one) == [bytes([64, 64])]
    assert one.duration == 1 / 16_000


def test_a_window_is_clipped_to_what_there_is() -> None:
    peaks = WaveformPeaks.of(chirp(20), 16_000)
    fine = peaks.window(0, 0, 2000)
    assert len(fine) == 2 * peaks.levels[0].count == 4000
    assert peaks.window(0, 1990, 500) == fine[3980:]
    assert peaks.window(0, -5, 10) == fine[:10]
    for level, start, count in ((0, 2000, 5), (0, 5, -9), (0, -9, 5), (2, 0, 5), (-1, 0, 5)):
        assert peaks.window(level, start, count) == b""


def test_while_it_fills_whole_peaks_are_there() -> None:
    samples = chirp(30)
    peaks, done = WaveformPeaks(16_000), WaveformPeaks.of(samples, 16_000)
    for at in range(0, len(samples), 7_777):
        peaks.add(samples[at : at + 7_777])
        assert not peaks.complete
        for number, level in enumerate(peaks.levels):
            assert level.count == min(at + 7_777, len(samples)) // level.samples_per_peak
            assert peaks.window(number, 0, level.count) == done.window(number, 0, level.count)


def test_any_source_is_read_block_by_block(clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 5_000)
    for excerpt in (Excerpt(clips["mp3"]), Excerpt(clips["flac"], start=0.25, end=1.0)):
        peaks = WaveformPeaks()
        seconds = list(fill(peaks, excerpt))
        samples = load(excerpt.source, start=excerpt.start, end=excerpt.end).samples
        assert seconds == sorted(seconds)
        assert len(seconds) > 2
        assert seconds[-1] == peaks.duration == len(samples) / 16_000
        assert peaks.complete
        assert whole(peaks) == whole(WaveformPeaks.of(samples, 16_000))


def test_a_channel_of_an_array() -> None:
    pair = np.stack([chirp(1), np.full(16_000, 0.25, np.float32)], axis=1)
    peaks = WaveformPeaks()
    list(fill(peaks, Excerpt(pair, 16_000, channel="right")))
    assert set(peaks.window(0, 0, 100)) == {32}


def test_leaving_the_loop_closes_the_source(tone: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    close = module.Excerpt(tone, 16_000).opened(16_000).__class__.close
    monkeypatch.setattr("whisper_magic.audio.stream.AudioStream.close", lambda self: (closed.append(1), close(self)))
    monkeypatch.setattr(module, "BLOCK", 1_000)
    peaks = WaveformPeaks()
    for _ in fill(peaks, Excerpt(tone, 16_000)):
        break
    assert closed
    assert not peaks.complete
    assert peaks.levels[0].count == 6


def test_another_thread_reads_meanwhile() -> None:
    samples = chirp(120)
    done = WaveformPeaks.of(samples, 16_000)
    peaks = WaveformPeaks()

    def run() -> None:
        for at in range(0, len(samples), 999):
            peaks.add(samples[at : at + 999])
        peaks.finish()

    thread = threading.Thread(target=run)
    thread.start()
    while not peaks.complete:
        for number, level in enumerate(peaks.levels):
            assert peaks.window(number, 0, level.count - 1) == done.window(number, 0, level.count - 1)
    thread.join()
    assert whole(peaks) == whole(done)


def test_errors_of_the_source_are_its_own(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFound):
        next(fill(WaveformPeaks(), Excerpt(tmp_path / "none.wav")))
    with pytest.raises(AudioUnreadable):
        next(fill(WaveformPeaks(), Excerpt(b"no sound at all")))
    peaks = WaveformPeaks()
    broken = np.zeros(100_000, np.float32)
    broken[90_000] = np.nan
    with pytest.raises(AudioInvalid, match="holds 1 NaN"):
        list(fill(peaks, Excerpt(broken, 16_000)))
    assert not peaks.complete
