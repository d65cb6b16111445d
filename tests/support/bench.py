"""A model runner with its draft, windows of noise, and what the target alone writes in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from whisper_magic.engine.decode.drafters import Drafter, ModelDrafter, NoDrafter
from whisper_magic.engine.decode.speculator import Decoded, Speculator
from whisper_magic.engine.model.checkpoint import Checkpoint, Placement, read_draft, read_target
from whisper_magic.engine.model.device import place
from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.runtime.slots import DETECT, Slots, Window
from whisper_magic.engine.sample.logits_processor import LogitsProcessor
from whisper_magic.transcript import Round

PLACEMENT = place("cpu", "float32", "sdpa").placement
Script = Callable[[Window, int, int], Sequence[int]]


class ScriptedDrafter(Drafter):
    """Proposes what a function says.

    script(window, position, count) -> ids for the positions from `position` on of that window's text, up to `count` of
    them; missing ones are filled with id 0.
    """

    name, label = "scripted", "script"

    def __init__(self, script: Script, length: int) -> None:
        self.script, self.length = script, length

    def propose(self, slots: Slots, num_wanted: Sequence[int]) -> list[int]:
        for slot, window in slots.occupied:
            position, count = slots.states[slot].num_tokens, num_wanted[slot]
            guesses = list(self.script(window, position, count))[:count] if count else []
            for i in range(count):
                slots.tokens[slot, position + i] = guesses[i] if i < len(guesses) else 0
        return list(num_wanted)


class Bench:
    """A model runner, some windows, and what the target alone writes in each."""

    def __init__(self, pair: Any, count: int = 5, placement: Placement = PLACEMENT) -> None:
        self.target: Checkpoint = read_target(str(pair.target), placement)
        self.runner = ModelRunner(self.target, read_draft(str(pair.drafts["sometimes"]), self.target, placement))
        special = self.target.special
        self.processor = LogitsProcessor.build(special, self.runner.device, timestamps=True)
        languages = sorted(special.languages.values())
        generator = torch.Generator().manual_seed(0)
        self.windows = []
        for i in range(count):
            prompt = (special.sot, [DETECT, *languages][i % 4], special.tasks["transcribe"])
            if i % 3:
                prompt = (special.prev_sot, *range(10, 10 + 9 * i), *prompt)
            features = torch.randn(80, 200, generator=generator) * (1 + i)
            self.windows.append(Window(i, features, prompt, special.max_length, 200))
        self.alone = [self.decode([window], NoDrafter())[window.index] for window in self.windows]

    def decode(self, windows: Sequence[Window], drafter: Drafter, slots: int = 1, **options: Any) -> dict[int, Decoded]:
        """Each window's end, by its index."""
        return self.follow(windows, drafter, slots, **options)[0]

    def follow(
        self, windows: Sequence[Window], drafter: Drafter, slots: int = 1, **options: Any
    ) -> tuple[dict[int, Decoded], dict[int, list[Round]]]:
        """Each window's end, and its rounds."""
        queue = iter(windows)
        ends: dict[int, Decoded] = {}
        rounds: dict[int, list[Round]] = {window.index: [] for window in windows}
        speculator = Speculator(self.runner, self.processor, drafter, slots, **options)
        for event in speculator.run(lambda: next(queue, None)):
            if isinstance(event, Decoded):
                ends[event.window.index] = event
            elif isinstance(event, tuple):
                rounds[event[0].index].append(event[1])
        return ends, rounds

    def model_drafter(self, length: int) -> ModelDrafter:
        return ModelDrafter(self.runner.backend, self.processor, length)

    def truth(self, window: Window, position: int, count: int) -> list[int]:
        """What the target writes from this position on, end-of-text included."""
        text = [*self.alone[window.index].tokens, self.target.special.eot]
        begin = position - len(window.prompt)
        return text[begin : begin + count]
