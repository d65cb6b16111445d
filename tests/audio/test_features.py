"""Log-mel features against transformers' own extractor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor

from whisper_magic.audio.features import LogMel, LogMelStream


def front(extractor: WhisperFeatureExtractor) -> LogMel:
    return LogMel.build(
        extractor.mel_filters,
        n_fft=extractor.n_fft,
        hop_length=extractor.hop_length,
        sample_rate=extractor.sampling_rate,
        window_samples=extractor.n_samples,
        device=torch.device("cpu"),
    )


@pytest.mark.parametrize("mels", [80, 128])
@pytest.mark.parametrize("seconds", [0.01, 1.0, 29.999, 30.0, 47.3])
def test_equals_transformers(mels: int, seconds: float) -> None:
    extractor = WhisperFeatureExtractor(feature_size=mels)
    rng = np.random.default_rng(0)
    samples = (rng.standard_normal(int(seconds * 16000)) * np.hanning(int(seconds * 16000))).astype(np.float32)
    long = len(samples) > extractor.n_samples
    kwargs = {"truncation": False, "padding": "longest"} if long else {}
    expected = extractor(samples, sampling_rate=16000, return_tensors="pt", **kwargs).input_features[0]
    found = front(extractor)(samples)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < 1e-4


def test_silence_and_clicks() -> None:
    extractor = WhisperFeatureExtractor(feature_size=80)
    for samples in (np.zeros(16000, np.float32), np.eye(1, 16000, 8000, dtype=np.float32)[0]):
        expected = extractor(samples, sampling_rate=16000, return_tensors="pt").input_features[0]
        assert (front(extractor)(samples) - expected).abs().max() < 1e-4


def test_another_window_and_hop() -> None:
    """Nothing assumes 30 seconds: filters, hop and window are the extractor's."""
    extractor = WhisperFeatureExtractor(feature_size=80, hop_length=200, n_fft=512, chunk_length=4)
    samples = np.random.default_rng(1).standard_normal(30_000).astype(np.float32)
    expected = extractor(samples, sampling_rate=16000, return_tensors="pt").input_features[0]
    assert (front(extractor)(samples) - expected).abs().max() < 1e-4


@pytest.mark.parametrize("size", [100, 3_333, 48_000])
def test_parts_give_what_the_whole_gives(size: int) -> None:
    """Fed in parts; the loudest moment comes first, so that the range is the same throughout."""
    extractor = WhisperFeatureExtractor(feature_size=80)
    rng = np.random.default_rng(4)
    for length in (200 * size if size == 100 else 16000 * 41 + 77, 16000 * 30, 12_345):
        samples = (rng.standard_normal(length) * np.linspace(1, 0.01, length)).astype(np.float32)
        whole = front(extractor)(samples)
        stream = LogMelStream(front(extractor))
        for at in range(0, length, size):
            stream.feed(samples[at : at + size], last=at + size >= length)
        assert stream.ready == whole.shape[1]
        assert (stream.part(0, stream.ready) - whole).abs().max() < 1e-3


def test_forgotten_frames_are_gone_and_the_rest_is_the_same() -> None:
    extractor = WhisperFeatureExtractor(feature_size=80)
    samples = np.random.default_rng(5).standard_normal(16000 * 100).astype(np.float32)
    stream = LogMelStream(front(extractor))
    stream.feed(samples, last=True)
    before = stream.part(7000, 3000)
    stream.forget(7000)
    assert torch.equal(stream.part(7000, 9999), before)
    with pytest.raises(AssertionError, match="forgotten"):
        stream.part(6999, 10)
