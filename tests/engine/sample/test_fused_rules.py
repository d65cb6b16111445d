"""The fused kernel of rules, choice and log-probability against plain torch: on a GPU, or in Triton's interpreter."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.engine.sample.logits_processor import LogitsProcessor, TokenContext, with_fused_rules

VOCAB, BEGIN, EOT = 1100, 900, 850
SPECIAL = SpecialTokens(
    sot=851, eot=EOT, vocab=VOCAB, timestamp_begin=BEGIN, no_timestamps=BEGIN - 1, prev_sot=852, no_speech=BEGIN - 2,
    languages={"en": 853}, tasks={"transcribe": 854}, suppress=(1, 2, 7), begin_suppress=(220, EOT),
    max_initial_timestamp_index=50, max_length=64,
)  # fmt: skip
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def fused() -> Any:
    pytest.importorskip("triton", reason="NO TRITON: pip install triton, then this runs in its interpreter")
    from whisper_magic.engine.sample import fused_rules

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused_rules, "CHUNK", 512)  # several a row, the last of them not full
        yield fused_rules.fused_greedy


def contexts(rows: int, generator: torch.Generator) -> TokenContext:
    """Texts of every kind: nothing yet, text, one timestamp, two, timestamps early and late."""

    def ids(*choices: int) -> torch.Tensor:
        return torch.tensor(choices)[torch.randint(len(choices), (1, rows), generator=generator)].to(DEVICE)

    index, latest = ids(0, 0, 1, 2, 5), ids(-1, BEGIN + 80)
    latest = torch.where(index == 0, -1, latest)
    return TokenContext(index, ids(5, 300, BEGIN, BEGIN + 80), ids(5, BEGIN + 3), latest)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("timestamps", [True, False])
def test_it_chooses_what_torch_chooses(fused: Any, dtype: torch.dtype, timestamps: bool) -> None:
    """Rows in which text wins, in which a timestamp does, and in which the timestamps do together."""
    generator = torch.Generator().manual_seed(0)
    processor = LogitsProcessor.build(SPECIAL, DEVICE, timestamps=timestamps)
    context = contexts(12, generator)
    logits = torch.randn(1, 12, VOCAB, generator=generator) * 3
    logits[:, 4:8, BEGIN:] += 4
    logits[:, 8:, BEGIN:] += 9
    logits = logits.to(DEVICE, dtype)
    parts = (context.index, context.last, context.before_last, context.latest)
    expected, logprob = processor.greedy(logits, context)
    choice, found = fused(logits, processor.logit_mask, parts, BEGIN, timestamps)
    assert torch.equal(choice, expected)
    assert torch.allclose(found, logprob, atol=1e-5)
    if timestamps:
        assert (expected >= BEGIN).any()
        assert (expected < BEGIN).any()


def test_a_row_does_not_depend_on_the_others(fused: Any) -> None:
    generator = torch.Generator().manual_seed(1)
    processor, context = LogitsProcessor.build(SPECIAL, DEVICE, timestamps=True), contexts(3, generator)
    logits = torch.randn(1, 3, VOCAB, generator=generator).to(DEVICE)
    parts = (context.index, context.last, context.before_last, context.latest)
    together = fused(logits, processor.logit_mask, parts, BEGIN, True)
    for i in range(3):
        one = [part[:, i : i + 1] for part in parts]
        alone = fused(logits[:, i : i + 1], processor.logit_mask, one, BEGIN, True)
        assert torch.equal(alone[0], together[0][:, i : i + 1])
        assert torch.equal(alone[1], together[1][:, i : i + 1])


def test_ties_go_to_the_first(fused: Any) -> None:
    processor = LogitsProcessor.build(SPECIAL, DEVICE, timestamps=True)
    context = TokenContext(*(torch.tensor([[n]], device=DEVICE) for n in (5, 5, 5, -1)))
    logits = torch.zeros(1, 1, VOCAB, device=DEVICE)
    logits[..., [300, 700]] = 20.0
    parts = (context.index, context.last, context.before_last, context.latest)
    assert fused(logits, processor.logit_mask, parts, BEGIN, True)[0].item() == 300
    assert processor.greedy(logits, context)[0].item() == 300


def test_where_it_does_not_agree_torch_computes(fused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is compared with torch before it is used, on the device that it is to run on."""
    from whisper_magic.engine.sample import fused_rules

    processor = LogitsProcessor.build(SPECIAL, DEVICE, timestamps=True)
    assert with_fused_rules(processor).fused is fused
    monkeypatch.setattr(fused_rules, "fused_greedy", lambda logits, *rest: (logits.argmax(-1), logits.amax(-1).float()))
    found = with_fused_rules(processor)
    assert found.fused is None
    assert found.fused_obstacle == "its tokens differ from torch's"
