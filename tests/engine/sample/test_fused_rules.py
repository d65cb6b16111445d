"""The fused kernel of rules and choice is used where it agrees with torch. What it chooses is in test_rules.py."""

from __future__ import annotations

import pytest
import torch

from whisper_magic.engine.model.checkpoint import SpecialTokens
from whisper_magic.engine.sample.logits_processor import LogitsProcessor, with_fused_rules

VOCAB, BEGIN, EOT = 1100, 900, 850
SPECIAL = SpecialTokens(
    sot=851, eot=EOT, vocab=VOCAB, timestamp_begin=BEGIN, no_timestamps=BEGIN - 1, prev_sot=852, no_speech=BEGIN - 2,
    languages={"en": 853}, tasks={"transcribe": 854}, suppress=(1, 2, 7), begin_suppress=(220, EOT),
    max_initial_timestamp_index=50, max_length=64,
)  # fmt: skip
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("timestamps", [True, False])
def test_where_it_does_not_agree_torch_computes(timestamps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is compared with torch before it is used, on the device that it is to run on."""
    pytest.importorskip("triton", reason="NO TRITON: pip install triton, then this runs in its interpreter")
    from whisper_magic.engine.sample import fused_rules

    processor = LogitsProcessor.build(SPECIAL, DEVICE, timestamps=timestamps)
    assert with_fused_rules(processor).fused is fused_rules.fused_greedy
    monkeypatch.setattr(fused_rules, "fused_greedy", lambda logits, *rest: (logits.argmax(-1), logits.amax(-1).float()))
    refused = with_fused_rules(processor)
    assert refused.fused is None
    assert refused.fused_obstacle == "its tokens differ from torch's"
