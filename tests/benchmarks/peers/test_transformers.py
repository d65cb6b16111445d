"""transformers' assistant proposes a script, at its own cost."""

from __future__ import annotations

import torch

from benchmarks.peers.transformers import ScriptedAssistant


class Generator:
    """As much of transformers' candidate generator as is used: it always proposes three tokens, 7."""

    requires_model_outputs = False

    def __init__(self) -> None:
        self.matches: list[int] = []

    def get_candidates(self, input_ids: torch.Tensor) -> tuple[torch.Tensor, None]:
        return torch.cat([input_ids, torch.full((1, 3), 7)], dim=1), None

    def update_candidate_strategy(self, input_ids: torch.Tensor, scores: torch.Tensor, num_matches: int) -> None:
        self.matches.append(num_matches)


def test_candidates_are_replaced_by_the_script() -> None:
    assistant = ScriptedAssistant(Generator(), range(10, 16), begin=4)
    candidates, logits = assistant.get_candidates(torch.tensor([[1, 2, 3, 4, 10]]))
    assert candidates.tolist() == [[1, 2, 3, 4, 10, 11, 12, 13]]
    assert logits is None


def test_behind_the_script_candidates_are_its_own() -> None:
    assistant = ScriptedAssistant(Generator(), range(10, 16), begin=4)
    candidates, _ = assistant.get_candidates(torch.tensor([[1, 2, 3, 4, 10, 11, 12, 13]]))
    assert candidates[0, 8:].tolist() == [14, 15, 7]


def test_judged_and_accepted_candidates_are_counted() -> None:
    generator = Generator()
    assistant = ScriptedAssistant(generator, range(10, 16), begin=4)
    assistant.update_candidate_strategy(torch.zeros(1, 5), torch.zeros(1, 4, 9), 2)
    assert (assistant.judged, assistant.accepted) == (3, 2)
    assert generator.matches == [2]
    assert assistant.requires_model_outputs is False
