"""Scripts are wrong in exactly the requested share of places."""

from __future__ import annotations

import pytest

from benchmarks.corrupted import corrupt

TEXT = tuple(range(100, 200))


@pytest.mark.parametrize("rate", [0.0, 0.5, 0.8, 0.95, 1.0])
def test_a_known_share_of_tokens_is_wrong(rate: float) -> None:
    script = corrupt(TEXT, rate, text_tokens=300)
    wrong = [token != other for token, other in zip(TEXT, script, strict=True)]
    assert sum(wrong) == round((1 - rate) * len(TEXT))
    assert all(0 <= token < 300 for token in script)


def test_the_seed_decides_which() -> None:
    assert corrupt(TEXT, 0.8, text_tokens=300) == corrupt(TEXT, 0.8, text_tokens=300)
    assert corrupt(TEXT, 0.8, text_tokens=300) != corrupt(TEXT, 0.8, text_tokens=300, seed=1)
