"""The round loop under drafts that do as they are told, over several slots at once."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.support.bench import Bench
from whisper_magic.engine.decode.drafters import Draft, NoDraft, ScriptedDraft
from whisper_magic.engine.native import bindings as native
from whisper_magic.engine.runtime.model_runner import Side
from whisper_magic.engine.runtime.slots import Slots, Window
from whisper_magic.engine.sample.logits_processor import Rules

Script = Callable[[Window, int, int], Sequence[int]]


@pytest.fixture(scope="module")
def bench(make_pair: Any, shape: Any) -> Bench:
    return Bench(make_pair(shape(seed=4, eot_pull=1.0)))


def scripts(bench: Bench) -> dict[str, Script]:
    special = bench.target.special

    def wrong_at(j: int) -> Script:
        def script(window: Window, position: int, count: int) -> list[int]:
            guesses = bench.truth(window, position, count)
            return [(token + 1) % 300 if i == j else token for i, token in enumerate(guesses)]

        return script

    def ends_at(j: int) -> Script:
        def script(window: Window, position: int, count: int) -> list[int]:
            guesses = bench.truth(window, position, count)
            return [*guesses[:j], special.eot, *guesses[j + 1 :]]

        return script

    return {
        "right": bench.truth,
        "nothing": lambda window, position, count: [],
        "suppressed": lambda window, position, count: [special.suppress[0]] * count,
        "timestamps backwards": lambda window, position, count: [special.timestamp_begin] * count,
        "start again": lambda window, position, count: [special.sot] * count,
        **{f"wrong at {j}": wrong_at(j) for j in range(7)},
        **{f"ends at {j}": ends_at(j) for j in range(7)},
    }


@pytest.mark.parametrize("length", [1, 4, 7, 12])
def test_no_script_changes_the_text(bench: Bench, length: int) -> None:
    for name, script in scripts(bench).items():
        ends = bench.decode(bench.windows[:3], ScriptedDraft(script, length))
        for window in bench.windows[:3]:
            assert ends[window.index].tokens == bench.alone[window.index].tokens, name


def test_a_right_draft_is_accepted_whole(bench: Bench) -> None:
    ends, rounds = bench.follow(bench.windows, ScriptedDraft(bench.truth, 7))
    assert all(r.accepted == len(r.proposed) for found in rounds.values() for r in found)
    assert max(len(ends[i].tokens) / len(rounds[i]) for i in ends) > 5


def test_a_wrong_draft_is_corrected_each_round(bench: Bench) -> None:
    ends, rounds = bench.follow(bench.windows, ScriptedDraft(scripts(bench)["wrong at 2"], 7))
    full = [r for found in rounds.values() for r in found if len(r.proposed) == 7]
    assert full
    assert {r.accepted for r in full} == {2}
    for i, end in ends.items():
        assert [token for r in rounds[i] for token in r.tokens][: len(end.tokens)] == list(end.tokens)


@pytest.mark.parametrize("slots", [2, 3, 5])
@pytest.mark.parametrize("length", [0, 3, 7])
def test_slots_write_what_each_window_writes_alone(bench: Bench, slots: int, length: int) -> None:
    """Ragged prompts, languages detected or given, and slots refilled in mid-flight change no row."""
    order = random.Random(slots).sample(bench.windows, len(bench.windows))
    draft: Draft = bench.model_draft(length) if length else NoDraft()
    ends = bench.decode(order, draft, slots)
    for window in bench.windows:
        found, alone = ends[window.index], bench.alone[window.index]
        assert found.tokens == alone.tokens
        assert found.language == alone.language
        assert found.no_speech_prob == pytest.approx(alone.no_speech_prob, rel=1e-4)
        assert found.avg_logprob == pytest.approx(alone.avg_logprob, rel=1e-4)


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("length", [0, 3, 12])
def test_a_round_in_one_call_is_the_round_step_by_step(
    bench: Bench, slots: int, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernels' rounds, and those of torch's operators over the same passes, which CUDA has too."""
    draft: Draft = bench.model_draft(length) if length else NoDraft()
    scripted = ScriptedDraft(scripts(bench)["ends at 2"], length)
    found = [bench.follow(bench.windows, one, slots) for one in (draft, scripted)]
    monkeypatch.setattr(Side, "decide", lambda *args: False)
    monkeypatch.setattr(Side, "guess", lambda *args: None)
    for one, (ends, rounds) in zip((draft, scripted), found, strict=True):
        more_ends, more_rounds = bench.follow(bench.windows, one, slots)
        for i, end in ends.items():
            assert end.tokens == more_ends[i].tokens
            assert end.logprobs == pytest.approx(more_ends[i].logprobs, abs=1e-6)
            assert end.no_speech_prob == pytest.approx(more_ends[i].no_speech_prob, abs=1e-6)
            assert (end.language, end.language_probability) == (
                more_ends[i].language,
                more_ends[i].language_probability,
            )
            for ours, theirs in zip(rounds[i], more_rounds[i], strict=True):
                assert replace(ours, draft_seconds=0, verify_seconds=0) == replace(
                    theirs, draft_seconds=0, verify_seconds=0
                )


@pytest.mark.skipif(native.kernels() is None, reason=f"no compiled kernels: {native.why_not()}")
@pytest.mark.parametrize("threads", [3, 16])
def test_threads_change_no_guess(bench: Bench, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prompts of 3 to 48 tokens, read at once by the draft, of which only what follows the last one is wanted."""
    guess, alone = Side.guess, torch.get_num_threads()

    def twice(side: Side, rules: Rules, slots: Slots, wanted: Sequence[int]) -> list[int] | None:
        self_kv, tokens = side.self_kv.clone(), slots.tokens.clone()
        torch.set_num_threads(threads)
        shared = guess(side, rules, slots, wanted), side.self_kv.clone(), slots.tokens.clone()
        side.self_kv.copy_(self_kv)
        slots.tokens.copy_(tokens)
        torch.set_num_threads(alone)
        found = guess(side, rules, slots, wanted)
        assert found == shared[0]
        assert torch.equal(side.self_kv, shared[1])
        assert torch.equal(slots.tokens, shared[2])
        return found

    monkeypatch.setattr(Side, "guess", twice)
    try:
        assert bench.follow(bench.windows, bench.model_draft(3), 5)[0]
    finally:
        torch.set_num_threads(alone)


def test_a_stale_cache_is_never_read(bench: Bench) -> None:
    for side in (bench.runtime.target, bench.runtime.draft):
        assert side is not None
        side.self_kv.fill_(1e4)
        side.cross_kv.fill_(1e4)
    ends = bench.decode(bench.windows, bench.model_draft(5))
    assert [ends[w.index].tokens for w in bench.windows] == [d.tokens for d in bench.alone]


def test_the_context_is_used_to_its_last_place(make_pair: Any, shape: Any) -> None:
    """A text without end stops at the limit, whatever is proposed beyond it."""
    bench = Bench(make_pair(shape(seed=2, eot_pull=0.01, target_positions=448, max_length=448)), count=1)
    window = bench.windows[0]
    assert len(window.prompt) + len(bench.alone[0].tokens) == 448
    for length in (1, 5, 7):
        ends = bench.decode([window], bench.model_draft(length))
        assert ends[0].tokens == bench.alone[0].tokens
    for limit in (440, 444, 447):
        short = Window(0, window.features, window.prompt, limit, 200)
        ends = bench.decode([short], bench.model_draft(5))
        assert ends[0].tokens == bench.alone[0].tokens[: limit - len(window.prompt)]
