"""Draft scripts of a known acceptance rate.

The proposals of a draft with random weights are never accepted. So the real draft runs at its full cost, and then its
choice is replaced by a script: the target's own text, recorded before, with a known share of its tokens wrong. The cost
per round is the draft's own; the acceptance rate is known by construction. `probe.py` does this to whisper_magic's
drafter, `peers/transformers.py` to transformers' assistant.
"""

from __future__ import annotations

import random
from collections.abc import Sequence


def corrupt(tokens: Sequence[int], acceptance_rate: float, text_tokens: int, seed: int = 0) -> tuple[int, ...]:
    """Replace round((1 - acceptance_rate) * n) of n tokens, at random places, by other text tokens.

    Args:
        tokens: The target's own text.
        acceptance_rate: Share of the tokens that stay right, 0 to 1.
        text_tokens: Ids of text tokens are below this.
        seed: Of the places and the wrong tokens.

    Returns:
        The script, as long as `tokens`.
    """
    rng = random.Random(seed)
    wrong = set(rng.sample(range(len(tokens)), round((1 - acceptance_rate) * len(tokens))))
    others = [(token + 1 + rng.randrange(text_tokens - 1)) % text_tokens for token in tokens]
    return tuple(others[i] if i in wrong else token for i, token in enumerate(tokens))
