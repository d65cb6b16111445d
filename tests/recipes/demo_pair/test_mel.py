"""Features put together from parts equal those that Whisper's own extractor computes of the whole."""

import numpy as np
import torch

from recipes.demo_pair.mel import FLOOR, feature_extractor, normalized, raw_log_mel
from recipes.demo_pair.speak import SAMPLE_RATE


def test_an_utterance_in_a_silent_window_matches_whispers_extractor() -> None:
    samples = (0.1 * np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE)).astype(np.float32)
    start = 50  # frames of 10 ms
    sound = np.concatenate([np.zeros(start * 160, np.float32), samples])
    wanted = feature_extractor()(sound, sampling_rate=SAMPLE_RATE, return_tensors="np").input_features[0].T

    window = torch.full((3_000, 80), FLOOR)
    mel = torch.from_numpy(raw_log_mel(samples).astype(np.float32))
    window[start : start + len(mel)] = mel
    ours = normalized(window[None])[0].numpy()

    inside = slice(start + 2, start + len(mel) - 2)
    np.testing.assert_allclose(ours[inside], wanted[inside], atol=5e-3)
    # At the very ends the window of 25 ms reaches over the edge.
    assert np.abs(ours - wanted).mean() < 5e-3
