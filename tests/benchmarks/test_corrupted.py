"""A draft that is right exactly as often as it is told to be, at its own cost."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from benchmarks.corrupted import CorruptedAssistant, CorruptedDraft, corrupt
from whisper_magic.engine.runtime.slots import Slots, Window

TEXT = tuple(range(100, 200))


def test_exactly_so_many_are_wrong() -> None:
    for alpha in (0.0, 0.5, 0.8, 0.95, 1.0):
        script = corrupt(TEXT, alpha, words=300)
        wrong = [ours != theirs for ours, theirs in zip(TEXT, script, strict=True)]
        assert sum(wrong) == round((1 - alpha) * len(TEXT))
        assert all(0 <= token < 300 for token in script)
    assert corrupt(TEXT, 0.8, words=300) == corrupt(TEXT, 0.8, words=300)
    assert corrupt(TEXT, 0.8, words=300, seed=1) != corrupt(TEXT, 0.8, words=300)


class Costly:
    """A draft that proposes nonsense, and counts what it is asked."""

    length = 4

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.admitted: list[int] = []

    def admit(self, slot: int) -> None:
        self.admitted.append(slot)

    def propose(self, slots: Slots, wanted: Sequence[int]) -> list[int]:
        self.asked.append(list(wanted))
        at = slots.known[:, None] + torch.arange(self.length)
        slots.tokens.scatter_(1, at, torch.full_like(at, 7))
        return list(wanted)


def test_its_guesses_are_replaced_where_they_stand() -> None:
    slots, own = Slots(2, 64, torch.device("cpu")), Costly()
    draft = CorruptedDraft(own, {0: range(10, 30), 1: range(40, 60)})
    for slot in (0, 1):
        window = Window(slot, torch.zeros(1), prompt=(1, 2, 3), limit=40, content_frames=1)
        draft.admit(slot)
        slots.put(slot, window, window.prompt)
    slots.known[1] += 5  # the second has written five tokens already
    offered = draft.propose(slots, [4, 2])
    assert offered == [4, 2]
    assert slots.tokens[0, 3:7].tolist() == [10, 11, 12, 13]
    assert slots.tokens[1, 8:10].tolist() == [45, 46]
    assert slots.tokens[1, 10:12].tolist() == [7, 7]  # not offered: its own
    assert own.asked == [[4, 2]]
    assert own.admitted == [0, 1]


def test_a_slot_that_is_filled_anew_gets_the_new_script() -> None:
    slots, draft = Slots(1, 64, torch.device("cpu")), CorruptedDraft(Costly(), {0: range(10, 30), 1: range(40, 60)})
    for index, first in ((0, 10), (1, 40)):
        window = Window(index, torch.zeros(1), prompt=(1, 2), limit=40, content_frames=1)
        draft.admit(0)
        slots.put(0, window, window.prompt)
        draft.propose(slots, [1])
        assert slots.tokens[0, 2] == first


class Generator:
    """transformers' candidate generator, as far as it is used."""

    requires_model_outputs = False

    def __init__(self) -> None:
        self.matches: list[int] = []

    def get_candidates(self, input_ids: torch.Tensor) -> tuple[torch.Tensor, None]:
        return torch.cat([input_ids, torch.full((1, 3), 7)], dim=1), None

    def update_candidate_strategy(self, input_ids: torch.Tensor, scores: torch.Tensor, num_matches: int) -> None:
        self.matches.append(num_matches)


def test_the_assistant_is_treated_alike() -> None:
    own = Generator()
    assistant = CorruptedAssistant(own, range(10, 16), begin=4)
    candidates, logits = assistant.get_candidates(torch.tensor([[1, 2, 3, 4, 10]]))
    assert candidates.tolist() == [[1, 2, 3, 4, 10, 11, 12, 13]]
    assert logits is None
    near_the_end, _ = assistant.get_candidates(torch.tensor([[1, 2, 3, 4, 10, 11, 12, 13]]))
    assert near_the_end[0, 8:].tolist() == [14, 15, 7]  # behind the transcript there is nothing to say
    assistant.update_candidate_strategy(candidates, torch.zeros(1, 4, 9), 2)
    assert (assistant.judged, assistant.accepted) == (3, 2)
    assert own.matches == [2]
    assert assistant.requires_model_outputs is False
