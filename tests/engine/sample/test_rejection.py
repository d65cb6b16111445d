"""The rejection rule: what is written follows the target's distribution, and is accepted as often as it can be."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from whisper_magic import Engine, TranscribeOptions
from whisper_magic.engine.sample.acceptance import accepted_prefix, num_written, rejection_choice
from whisper_magic.engine.sample.noise import (
    ACCEPTANCE_NOISE,
    DRAFT_NOISE,
    RESIDUAL_NOISE,
    derive_key,
    gumbel,
    stream_key,
    uniform,
)

Tensor = torch.Tensor
Rule = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
VOCAB, PLACES, DRAFT_LENGTH, RUNS = 3, 3, 2, 100_000


def keys_of(seed: int) -> Tensor:
    """A stream of noise for every run."""
    return derive_key(stream_key(seed, 0) + torch.arange(RUNS), 9)


def inverted(
    target: Tensor, draft: Tensor, proposed: Tensor, num_drafted: Tensor, acceptance: Tensor, noise: Tensor
) -> Tensor:
    """Negative control: kept with probability min(1, q / p)."""
    q = torch.nn.functional.pad(draft, (0, 0, 0, target.shape[1] - draft.shape[1]))
    real = torch.arange(target.shape[1]) < num_drafted[:, None]
    taken = proposed[..., None]
    kept = real & (acceptance * target.gather(-1, taken)[..., 0] < q.gather(-1, taken)[..., 0])
    rest = torch.where(real[..., None], (target - q).clamp(min=0), target)
    return torch.where(kept, proposed, (rest.log() + noise).argmax(-1))


def unsubtracted(
    target: Tensor, draft: Tensor, proposed: Tensor, num_drafted: Tensor, acceptance: Tensor, noise: Tensor
) -> Tensor:
    """Negative control: in place of a rejected token, one drawn from all of p."""
    right = rejection_choice(target, draft, proposed, num_drafted, acceptance, noise)
    kept = (right == proposed) & (torch.arange(target.shape[1]) < num_drafted[:, None])
    return torch.where(kept, proposed, (target.log() + noise).argmax(-1))


def tables(seed: int) -> Tensor:
    """(places, prefixes, VOCAB): probabilities after every prefix, whose tokens are digits to the base VOCAB."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(PLACES + DRAFT_LENGTH + 1, VOCAB**PLACES, VOCAB, generator=generator) * 1.2).softmax(-1)


def simulate(rule: Rule, seed: int = 5) -> Tensor:
    """How often each of VOCAB**3 texts is written in 10^5 runs, by rounds of two proposals; every run is a slot."""
    p, q = tables(seed), tables(seed + 1)
    keys = keys_of(seed)
    text = torch.zeros(RUNS, PLACES + DRAFT_LENGTH + 1, dtype=torch.long)
    length = torch.zeros(RUNS, dtype=torch.long)

    def probs(table: Tensor, at: Tensor) -> Tensor:
        prefix = torch.zeros(RUNS, dtype=torch.long)
        for place in range(PLACES):
            prefix = torch.where(place < at, prefix * VOCAB + text[:, place], prefix)
        return table[at, prefix]

    while int(length.min()) < PLACES:
        index = length[:, None] + torch.arange(DRAFT_LENGTH + 1)
        drafted = gumbel(derive_key(keys, DRAFT_NOISE), index, VOCAB)
        old, qs = text.clone(), torch.zeros(RUNS, DRAFT_LENGTH, VOCAB)
        for step in range(DRAFT_LENGTH):
            qs[:, step] = probs(q, length + step)
            guess = (qs[:, step].log() + drafted[:, step]).argmax(-1)
            text.scatter_(1, (length + step)[:, None], guess[:, None])
        ps = torch.stack([probs(p, length + step) for step in range(DRAFT_LENGTH + 1)], 1)
        proposed = text.gather(1, index)
        num_drafted = torch.full((RUNS,), DRAFT_LENGTH)
        noise = gumbel(derive_key(keys, RESIDUAL_NOISE), index, VOCAB)
        choice = rule(ps, qs, proposed, num_drafted, uniform(derive_key(keys, ACCEPTANCE_NOISE), index), noise)
        accepted = accepted_prefix(proposed, choice, num_drafted)
        count, _ = num_written(choice, accepted, eot=-1, remaining=torch.full((RUNS,), 99))
        open_ = length < PLACES
        new = old.scatter(1, index, choice)
        text = torch.where(open_[:, None], new, old)
        length = torch.where(open_, (length + count).clamp(max=PLACES), length)
    a, b, c = text[:, :PLACES].unbind(1)
    return torch.bincount((a * VOCAB + b) * VOCAB + c, minlength=VOCAB**PLACES).float()


def chi_squared_excess(counts: Tensor, seed: int = 5) -> float:
    """Standard deviations by which chi-squared against the target's joint distribution exceeds its mean."""
    p = tables(seed)
    joint = torch.stack(
        [
            p[0, 0, a] * p[1, a, b] * p[2, a * VOCAB + b, c]
            for a in range(VOCAB)
            for b in range(VOCAB)
            for c in range(VOCAB)
        ]
    )
    expected, freedom = joint * counts.sum(), len(joint) - 1
    return (float(((counts - expected) ** 2 / expected).sum()) - freedom) / math.sqrt(2 * freedom)


def test_three_tokens_jointly_follow_the_target() -> None:
    for seed in (5, 50):
        assert chi_squared_excess(simulate(rejection_choice, seed), seed) < 4, "fixed seeds: this cannot flicker"


@pytest.mark.parametrize("rule", [inverted, unsubtracted])
def test_a_wrong_rule_is_found_out(rule: Rule) -> None:
    assert chi_squared_excess(simulate(rule)) > 100


def test_it_accepts_as_often_as_two_distributions_overlap() -> None:
    generator = torch.Generator().manual_seed(3)
    p, q = (torch.randn(2, 8, generator=generator) * 1.5).softmax(-1)
    keys = keys_of(9)
    index = torch.zeros(RUNS, 1, dtype=torch.long)
    proposed = (q.log() + gumbel(derive_key(keys, DRAFT_NOISE), index, 8)).argmax(-1)
    acceptance, noise = (
        uniform(derive_key(keys, ACCEPTANCE_NOISE), index),
        gumbel(derive_key(keys, RESIDUAL_NOISE), index, 8),
    )
    shape = (RUNS, 1, 8)
    num_drafted = torch.ones(RUNS, dtype=torch.long)
    choice = rejection_choice(p.expand(shape), q.expand(shape), proposed, num_drafted, acceptance, noise)
    share = float((choice == proposed).float().mean())
    overlap = float(torch.minimum(p, q).sum())
    assert share == pytest.approx(overlap, abs=4 * math.sqrt(overlap * (1 - overlap) / RUNS))


def test_a_drafter_that_copies_is_certain() -> None:
    """A row of zeros: the proposal is kept as often as the target would have drawn it; never drawn again if not."""
    p = torch.tensor([0.5, 0.3, 0.2])
    keys = keys_of(2)
    index, proposed = torch.zeros(RUNS, 1, dtype=torch.long), torch.ones(RUNS, 1, dtype=torch.long)
    acceptance, noise = (
        uniform(derive_key(keys, ACCEPTANCE_NOISE), index),
        gumbel(derive_key(keys, RESIDUAL_NOISE), index, 3),
    )
    draft = torch.zeros(RUNS, 1, 3)
    choice = rejection_choice(
        p.expand(RUNS, 1, 3), draft, proposed, torch.ones(RUNS, dtype=torch.long), acceptance, noise
    )
    shares = torch.bincount(choice[:, 0], minlength=3) / RUNS
    assert torch.allclose(shares, p, atol=0.006)


HOT = TranscribeOptions(draft="model", temperature=0.8, no_speech_threshold=None, language="en", acceptance="rejection")
SOUND = ((np.random.default_rng(0).standard_normal(64000) * 0.1).astype(np.float32), 16000)


def test_a_draft_that_is_the_target_is_always_accepted(engines: dict[str, Engine]) -> None:
    for length in (1, 4, 7):
        assert engines["always"].transcribe(SOUND, HOT, draft_length=length).trace.acceptance_rate == 1.0


def test_it_accepts_more_than_shared_noise() -> None:
    """Shared Gumbel noise agrees with probability sum_i 1 / sum_j max(p_j / p_i, q_j / q_i) (Daliri et al. 2024):
    at most the overlap, which the rejection rule attains."""
    generator = torch.Generator().manual_seed(3)
    p, q = (torch.randn(2, 8, generator=generator) * 1.5).softmax(-1)
    theory = float((1 / torch.maximum(p / p[:, None], q / q[:, None]).sum(-1)).sum())
    keys = keys_of(9)
    noise = gumbel(keys, torch.zeros(RUNS, 1, dtype=torch.long), 8)
    agreed = float(((p.log() + noise).argmax(-1) == (q.log() + noise).argmax(-1)).float().mean())
    assert agreed == pytest.approx(theory, abs=0.006)
    assert agreed < float(torch.minimum(p, q).sum()) - 0.02


def test_at_temperature_zero_there_is_nothing_to_reject(engines: dict[str, Engine]) -> None:
    for engine in engines.values():
        cold = [engine.transcribe(SOUND, HOT, temperature=0.0, acceptance=kind) for kind in ("coupled", "rejection")]
        assert [s.tokens for s in cold[0].segments] == [s.tokens for s in cold[1].segments]
        assert cold[0].trace.acceptance_rate == cold[1].trace.acceptance_rate


def test_a_copying_draft_in_the_same_batch_as_a_model(engines: dict[str, Engine]) -> None:
    engine = engines["sometimes"]
    engine.transcribe(SOUND, HOT, draft="auto")
    other = (SOUND[0][::-1].copy(), 16000)
    both = engine.transcribe_many([SOUND, other], HOT, draft="auto", draft_length=4)
    assert all(t.complete and t.trace.rounds for t in both)
