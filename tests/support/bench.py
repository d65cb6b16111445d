"""A model runner with its draft, windows of noise, and what the target alone writes in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from whisper_magic.engine.decode.drafters import Draft, ModelDraft, NoDraft
from whisper_magic.engine.decode.speculator import Decoded, Speculator
from whisper_magic.engine.model.checkpoint import Checkpoint, read_draft, read_target
from whisper_magic.engine.model.device import Placement, place
from whisper_magic.engine.runtime.model_runner import Runtime
from whisper_magic.engine.runtime.slots import DETECT, Window
from whisper_magic.engine.sample.logits_processor import Rules
from whisper_magic.transcript import Round

PLACEMENT = place("cpu", "float32", "sdpa").placement


class Bench:
    """A runtime, some windows, and what the target alone writes in each."""

    def __init__(self, pair: Any, count: int = 5, placement: Placement = PLACEMENT) -> None:
        self.target: Checkpoint = read_target(str(pair.target), placement)
        self.runtime = Runtime(self.target, read_draft(str(pair.drafts["sometimes"]), self.target, placement))
        special = self.target.special
        self.rules = Rules.build(special, self.runtime.device, timestamps=True)
        languages = sorted(special.languages.values())
        generator = torch.Generator().manual_seed(0)
        self.windows = []
        for i in range(count):
            prompt = (special.sot, [DETECT, *languages][i % 4], special.tasks["transcribe"])
            if i % 3:
                prompt = (special.prev_sot, *range(10, 10 + 9 * i), *prompt)
            sound = torch.randn(80, 200, generator=generator) * (1 + i)
            self.windows.append(Window(i, sound, prompt, special.max_length, 200))
        self.alone = [self.decode([window], NoDraft())[window.index] for window in self.windows]

    def decode(self, windows: Sequence[Window], draft: Draft, slots: int = 1) -> dict[int, Decoded]:
        return self.follow(windows, draft, slots)[0]

    def follow(
        self, windows: Sequence[Window], draft: Draft, slots: int = 1
    ) -> tuple[dict[int, Decoded], dict[int, list[Round]]]:
        """Every window's end, and its rounds."""
        queue = iter(windows)
        ends: dict[int, Decoded] = {}
        rounds: dict[int, list[Round]] = {window.index: [] for window in windows}
        for event in Speculator(self.runtime, self.rules, draft, slots).run(lambda: next(queue, None)):
            if isinstance(event, Decoded):
                ends[event.window.index] = event
            elif isinstance(event, tuple):
                rounds[event[0].index].append(event[1])
        return ends, rounds

    def model_draft(self, length: int) -> ModelDraft:
        return ModelDraft(self.runtime, self.rules, length)

    def truth(self, window: Window, position: int, count: int) -> list[int]:
        """What the target will write from this place on, end-of-text included."""
        text = [*self.alone[window.index].tokens, self.target.special.eot]
        begin = position - len(window.prompt)
        return text[begin : begin + count]
