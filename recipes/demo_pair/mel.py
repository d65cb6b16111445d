"""Whisper's log-mel features, without their last step.

``raw_log_mel`` stops before the normalization, which depends on the loudest bin of the whole window and so can only be
done once a window has been put together: ``normalized`` does it.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import WhisperFeatureExtractor

N_FFT = 400
HOP = 160
FLOOR = -10.0
"""log10 of Whisper's smallest mel power; the value of digital silence."""


@lru_cache
def feature_extractor(n_mels: int = 80) -> WhisperFeatureExtractor:
    """Whisper's own extractor: 16 kHz, windows of 30 s, hop of 10 ms."""
    return WhisperFeatureExtractor(feature_size=n_mels)


@lru_cache
def _filters() -> torch.Tensor:
    return torch.from_numpy(np.asarray(feature_extractor().mel_filters, dtype=np.float32))


def raw_log_mel(samples: NDArray[np.float32]) -> NDArray[np.float16]:
    """Compute log10 mel power.

    Args:
        samples: 16 kHz mono, taken to lie in silence.

    Returns:
        (frames, n_mels), one frame every 10 ms; none is lost at the end.
    """
    padded = torch.nn.functional.pad(torch.from_numpy(samples), (N_FFT // 2, N_FFT // 2 + HOP))
    spectrum = torch.stft(padded, N_FFT, HOP, window=torch.hann_window(N_FFT), center=False, return_complex=True)
    power = spectrum.abs().square().T @ _filters()
    return power.clamp(min=10.0**FLOOR).log10().numpy().astype(np.float16)


def normalized(log_mel: torch.Tensor) -> torch.Tensor:
    """Apply Whisper's normalization to (windows, frames, n_mels): clip 8 decades below each window's loudest bin."""
    loudest = log_mel.amax(dim=(-2, -1), keepdim=True)
    return (torch.maximum(log_mel, loudest - 8.0) + 4.0) / 4.0
