"""The probabilities of each token by target and draft, from one teacher-forced pass of each over a window's final text.

Decoding itself does not keep distributions. Both models see here what they saw then, the text before each position, so
that these are the distributions that were drawn from, up to the rounding of another block width. What stands behind a
rejected token was never judged: nothing is computed for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from whisper_magic.engine.decode.drafters import ModelDrafter
from whisper_magic.engine.runtime.backend import DecoderRunner
from whisper_magic.engine.sample.logits_processor import LogitsProcessor, TokenContext
from whisper_magic.transcript import Round, TokenProb

Tensor = torch.Tensor

MAX_ALTERNATIVES = 5  # alternatives kept of a position


def token_probs(
    decoder: DecoderRunner,
    slot: int,
    text: Sequence[int],
    num_prompt: int,
    processor: LogitsProcessor,
    temperature: float,
) -> Tensor:
    """The distributions of the generated tokens, and of the one that would follow them.

    Args:
        decoder: Holds the window's cross-attention keys and values.
        slot: Where.
        text: Prompt and generated ids.
        num_prompt: How many of them are the prompt.
        processor: The logit rules.
        temperature: 0 leaves the scores as they are.

    Returns:
        (len(text) - num_prompt + 1, V) float32, after the logit rules.
    """
    logits = decoder.network.teacher_forced(text, decoder.cross_kv(slot))[:, num_prompt - 1 :].float()
    tokens, prompt = (torch.tensor([ids], device=logits.device) for ids in (text, num_prompt))
    context = TokenContext.of(tokens, prompt, prompt - 1, logits.shape[1], processor.special.timestamp_begin)
    scores = processor(logits, context)[0]
    return (scores / temperature if temperature > 0 else scores).softmax(-1)


def with_probs(rounds: Sequence[Round], num_prompt: int, target: Tensor, draft: Tensor | None) -> tuple[Round, ...]:
    """Rounds with the probabilities of what was proposed and written in them.

    Args:
        rounds: Of one attempt at a window.
        num_prompt: Tokens of its prompt.
        target: (N, V), as of `token_probs`.
        draft: The same of the draft; None without one.
    """
    best = target.topk(min(MAX_ALTERNATIVES, target.shape[-1]), dim=-1)
    values, ids = best.values.tolist(), best.indices.tolist()
    by_draft = None if draft is None else draft.gather(-1, best.indices).tolist()
    likeliest = [
        tuple(TokenProb(token, p) for token, p in zip(row, probs, strict=True) if p > 0)
        for row, probs in zip(ids, values, strict=True)
    ]
    judged = []
    for round_ in rounds:
        first = round_.position - num_prompt
        written = slice(first, first + len(round_.tokens))
        others = tuple(likeliest[written])
        by = () if by_draft is None else zip(by_draft[written], others, strict=True)
        q = tuple(tuple(row[: len(of)]) for row, of in by)
        round_ = replace(round_, alternatives=others, alternative_draft_probs=q)
        judged.append(_with_judged(round_, first, target, draft))
    return tuple(judged)


def _with_judged(round_: Round, first: int, target: Tensor, draft: Tensor | None) -> Round:
    """A round with p and q of the tokens that were judged."""
    judged = round_.proposed[: min(round_.accepted + 1, len(target) - first)]

    def of_judged(probs: Tensor) -> tuple[float, ...]:
        return tuple(float(probs[row, token]) for row, token in enumerate(judged, first))

    return replace(
        round_,
        target_probs=of_judged(target),
        draft_probs=of_judged(draft) if draft is not None and round_.drafter == ModelDrafter.name else (),
    )
