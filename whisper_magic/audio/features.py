"""Samples -> log-mel features, in torch, on the engine's device.

Equal to transformers' `WhisperFeatureExtractor` (fp32, within 1e-4). Filters, window and hop come from the
checkpoint's preprocessor configuration; nothing here knows that Whisper's usual window is 30 seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

DYNAMIC_RANGE = 8.0  # log10 units kept below the loudest bin (openai/whisper `audio.py`)


@dataclass(frozen=True, eq=False)
class LogMel:
    """The log-mel front end of one checkpoint.

    filters: (n_mels, n_fft // 2 + 1) on the engine's device. window_samples: samples of one model window.
    """

    filters: torch.Tensor
    window: torch.Tensor
    n_fft: int
    hop_length: int
    sample_rate: int
    window_samples: int

    @classmethod
    def build(
        cls,
        mel_filters: npt.NDArray[np.floating],
        *,
        n_fft: int,
        hop_length: int,
        sample_rate: int,
        window_samples: int,
        device: torch.device,
    ) -> LogMel:
        """mel_filters: (n_fft // 2 + 1, n_mels), as the feature extractor holds them."""
        filters = torch.from_numpy(np.ascontiguousarray(mel_filters.T)).to(device, torch.float32)
        window = torch.hann_window(n_fft, device=device)
        return cls(filters, window, n_fft, hop_length, sample_rate, window_samples)

    @property
    def frame_seconds(self) -> float:
        return self.hop_length / self.sample_rate

    def frames(self, samples: int) -> int:
        """How many feature frames this many samples fill."""
        return samples // self.hop_length

    def __call__(self, samples: npt.NDArray[np.float32]) -> torch.Tensor:
        """(n,) samples -> (n_mels, frames) float32.

        Shorter than a window: padded with silence to one, as `WhisperFeatureExtractor` does by default. Longer:
        the whole recording at once, as it does with `truncation=False, padding="longest"`.
        """
        sound = torch.from_numpy(np.ascontiguousarray(samples)).to(self.filters.device)
        missing = self.window_samples - sound.shape[0]
        if missing > 0:
            sound = torch.nn.functional.pad(sound, (0, missing))
        spectrum = torch.stft(sound, self.n_fft, self.hop_length, window=self.window, return_complex=True)
        power = spectrum[:, :-1].abs().square()
        log_mel = (self.filters @ power).clamp_(min=1e-10).log10_()
        log_mel = torch.maximum(log_mel, log_mel.max() - DYNAMIC_RANGE)
        return (log_mel + 4.0) / 4.0
