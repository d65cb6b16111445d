"""Strings of digits spoken by people; skipped where the archive is missing."""

import pytest

from recipes.demo_pair import spoken_digits
from recipes.demo_pair.speak import SAMPLE_RATE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not spoken_digits.available(), reason=f"NO DIGITS: {spoken_digits.ARCHIVE} is missing"),
]


def test_the_held_out_speaker_is_not_in_the_training_data() -> None:
    trained = {voice.name for _, voice, _ in spoken_digits.digit_strings(60, 1, "train")}
    held_out = {voice.name for _, voice, _ in spoken_digits.digit_strings(5, 1, "held_out", held_out_speaker=True)}
    assert held_out == {spoken_digits.HELD_OUT_SPEAKER}
    assert len(trained) == 3
    assert not trained & held_out


def test_a_string_is_as_long_as_its_digits() -> None:
    for sentence, _, samples in spoken_digits.digit_strings(10, 2, "train"):
        assert 3 <= len(sentence.text.split()) <= 8
        assert samples.dtype == "float32"
        assert len(samples) / SAMPLE_RATE > 0.2 * len(sentence.text.split())
