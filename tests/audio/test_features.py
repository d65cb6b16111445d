"""Log-mel features against transformers' own extractor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor

from whisper_magic.audio.features import LogMel


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
