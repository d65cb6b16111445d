"""The draft length that follows from acceptance and costs."""

from __future__ import annotations

import random

import pytest

from whisper_magic.engine.decode.draft_length import DraftLengthController, RoundLoad, SlotAcceptance


def settled(
    acceptance: float, draft: float, verify: float, rounds: int = 400, row: float = 0.0, noise: float = 0.0
) -> tuple[DraftLengthController, list[int]]:
    """A controller after many rounds in which each proposed token is accepted with this chance. row: what each costs
    the target. noise: a share by which rounds differ; one in fifty takes ten times as long."""
    rng = random.Random(0)
    controller, lengths = DraftLengthController(7), []
    for _ in range(rounds):
        length = controller.next_length()
        accepted = next((i for i in range(length) if rng.random() >= acceptance), length)
        off = (1 + noise * rng.uniform(-1, 1)) * (10 if noise and rng.random() < 0.02 else 1)
        seconds = (draft * length + verify + row * length) * off
        controller.update([SlotAcceptance(length, accepted)], seconds)
        lengths.append(length)
    return controller, lengths


def test_free_and_faithful_drafts_are_used_to_the_full() -> None:
    lengths = settled(0.98, 0.001, 1.0)[1][-50:]
    assert set(lengths) == {6, 7}, "the length beside it is tried now and then"
    assert lengths.count(6) <= 2


def test_a_draft_that_never_agrees_is_left_off_but_tried_again() -> None:
    controller, lengths = settled(0.0, 0.2, 1.0)
    assert lengths[-100:].count(0) > 90
    assert 1 in lengths[-100:]
    assert controller.rounds_off > 300


def test_a_draft_as_dear_as_the_target_is_left_off() -> None:
    assert settled(0.8, 1.0, 1.0)[1][-1] == 0


@pytest.mark.parametrize(("acceptance", "cost"), [(0.5, 0.05), (0.7, 0.1), (0.8, 0.1), (0.9, 0.2)])
def test_the_length_is_near_the_best_one(acceptance: float, cost: float) -> None:
    def rate(k: int) -> float:
        return (1 - acceptance ** (k + 1)) / (1 - acceptance) / (k * cost + 1)

    best = max(range(8), key=rate)
    _, lengths = settled(acceptance, cost, 1.0, rounds=2000)
    mean = sum(rate(k) for k in lengths[-1000:]) / 1000
    assert mean > 0.97 * rate(best)


@pytest.mark.parametrize(("noise", "least"), [(0.0, 0.97), (0.2, 0.93)])
def test_what_a_row_costs_the_target_is_counted(noise: float, least: float) -> None:
    """A CPU's passes take longer, the more rows they have: to draft less is better then."""

    def rate(k: int) -> float:
        return (1 - 0.8 ** (k + 1)) / 0.2 / (1 + k * 0.2)

    best = max(range(8), key=rate)
    assert 1 < best < 5
    _, lengths = settled(0.8, 0.1, 1.0, rounds=2000, row=0.1, noise=noise)
    assert sum(rate(k) for k in lengths[-1000:]) / 1000 > least * rate(best)


def test_only_judged_tokens_count() -> None:
    controller = DraftLengthController(7)
    for _ in range(500):
        controller.update([SlotAcceptance(5, 1)], 1.1)
    assert controller.acceptance == pytest.approx(0.5, abs=0.01), "one accepted, one rejected, three never judged"


def test_each_number_of_slots_has_a_length_of_its_own() -> None:
    """Eight slots pay for every row, one pays for few; a target-only round is within reach of both."""
    rng, controller, seen = random.Random(0), DraftLengthController(7), dict[int, list[int]]({1: [], 8: []})

    def seconds(slots: int, length: int) -> float:
        return 1 + 0.05 * length if slots == 1 else 2 + 3.0 * length

    for block in range(40):
        slots = 8 if block % 2 else 1
        for _ in range(25):
            length = controller.next_length(RoundLoad(slots))
            accepted = [next((i for i in range(length) if rng.random() >= 0.7), length) for _ in range(slots)]
            found = [SlotAcceptance(length, count) for count in accepted]
            controller.update(found, seconds(slots, length), RoundLoad(slots))
            seen[slots].append(length)
    assert sum(seen[8][50:]) / len(seen[8][50:]) < 0.2, "the target alone, but for trials"
    assert sum(seen[1][50:]) / len(seen[1][50:]) > 3


@pytest.mark.parametrize("catching_up", [0.0, 3.0])
def test_a_wrong_start_is_found_out(catching_up: float) -> None:
    """The first round was disturbed: what it says of a token's cost does not stay. Nor does it where the draft has much
    to catch up with, after rounds without it."""
    controller, rng, lengths = DraftLengthController(7), random.Random(0), [1]
    for number in range(400):
        length = controller.next_length()
        accepted = next((i for i in range(length) if rng.random() >= 0.8), length)
        behind = catching_up if length and not lengths[-1] else 0
        controller.update([SlotAcceptance(length, accepted)], 1 + 0.05 * length + (4 if number == 0 else behind))
        lengths.append(length)
    assert sum(lengths[-100:]) / 100 > 3


def test_warm_up_is_no_measure() -> None:
    """On a GPU a draft length is slow the first time it is met, and slower the second, when it is captured. Every
    length is new once; none of that may turn speculation off, where it pays."""
    rng, controller, met = random.Random(0), DraftLengthController(7), dict[int, int]()
    for _ in range(300):
        length = controller.next_length()
        accepted = next((i for i in range(length) if rng.random() >= 0.8), length)
        met[length] = met.get(length, 0) + 1
        warm = met[length] > 2
        seconds = (0.005 + 0.0005 * length) * (1 if warm else 60)
        controller.update([SlotAcceptance(length, accepted)], seconds if warm else None)
    assert controller.rounds_off == 0
    assert controller.note == ""
    assert 0.7 < controller.acceptance < 0.9, "whatever is not measured, acceptance counts"
