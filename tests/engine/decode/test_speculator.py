"""The round loop under scripted drafts, over several slots at once."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.support.bench import Bench, Script, ScriptedDrafter
from whisper_magic.engine.decode.drafters import ChainedDrafter, Drafter, NoDrafter, PreviousDrafter
from whisper_magic.engine.decode.speculator import Decoded, Speculator
from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.runtime.slots import Window


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


@pytest.mark.parametrize("length", [1, 4, 7])
def test_no_script_changes_the_text(bench: Bench, length: int) -> None:
    for name, script in scripts(bench).items():
        ends = bench.decode(bench.windows[:3], ScriptedDrafter(script, length))
        for window in bench.windows[:3]:
            assert ends[window.index].tokens == bench.alone[window.index].tokens, name


def test_a_right_draft_is_accepted_whole(bench: Bench) -> None:
    ends, rounds = bench.follow(bench.windows, ScriptedDrafter(bench.truth, 7))
    assert all(r.accepted == len(r.proposed) for found in rounds.values() for r in found)
    assert max(len(ends[i].tokens) / len(rounds[i]) for i in ends) > 5


def test_a_wrong_draft_is_corrected_each_round(bench: Bench) -> None:
    ends, rounds = bench.follow(bench.windows, ScriptedDrafter(scripts(bench)["wrong at 2"], 7))
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
    drafter: Drafter = bench.model_drafter(length) if length else NoDrafter()
    ends = bench.decode(order, drafter, slots)
    for window in bench.windows:
        found, alone = ends[window.index], bench.alone[window.index]
        assert found.tokens == alone.tokens
        assert found.language == alone.language
        assert found.no_speech_prob == pytest.approx(alone.no_speech_prob, rel=1e-4)
        assert found.avg_logprob == pytest.approx(alone.avg_logprob, rel=1e-4)


def test_a_stale_cache_is_never_read(bench: Bench) -> None:
    for decoder in (bench.runner.backend.target, bench.runner.backend.draft):
        assert decoder is not None
        for cache in decoder.caches():
            cache.fill_(1e4)
    ends = bench.decode(bench.windows, bench.model_drafter(5))
    assert [ends[w.index].tokens for w in bench.windows] == [d.tokens for d in bench.alone]


def test_the_context_is_used_to_its_last_position(make_pair: Any, shape: Any) -> None:
    """A text without end stops at the limit, whatever is proposed beyond it."""
    bench = Bench(make_pair(shape(seed=2, eot_pull=0.01, target_positions=448, max_length=448)), count=1)
    window = bench.windows[0]
    assert len(window.prompt) + len(bench.alone[0].tokens) == 448
    for length in (1, 5, 7):
        ends = bench.decode([window], bench.model_drafter(length))
        assert ends[0].tokens == bench.alone[0].tokens
    for limit in (440, 444, 447):
        short = Window(0, window.features, window.prompt, limit, 200)
        ends = bench.decode([short], bench.model_drafter(5))
        assert ends[0].tokens == bench.alone[0].tokens[: limit - len(window.prompt)]


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("drafter", ["model", "n-grams, then the model"])
def test_the_next_round_is_launched_before_the_host_looks_at_this_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, slots: int, drafter: str
) -> None:
    """Where the device computes on its own, the draft is at work while events are handed out; the text, the rounds and
    who proposed stay what they are."""

    def chosen() -> Drafter:
        model = bench.model_drafter(3)
        if drafter == "model":
            return model
        known = {w.index: bench.alone[w.index].tokens[:4] for w in bench.windows}
        return ChainedDrafter([PreviousDrafter(3, lambda window: known[window.index]), model])

    def decoded() -> tuple[dict[int, Any], dict[int, list[Any]]]:
        ends, rounds = bench.follow(bench.windows, chosen(), slots)
        same = {
            i: [(r.proposed, r.accepted, r.tokens, r.drafter, r.batch) for r in found] for i, found in rounds.items()
        }
        return {i: (end.tokens, end.logprobs, end.language) for i, end in ends.items()}, same

    expected = decoded()
    monkeypatch.setattr(ModelRunner, "asynchronous", True)
    assert decoded() == expected

    speculator = Speculator(bench.runner, bench.processor, chosen(), slots)
    queue, ahead = iter(bench.windows), []
    for event in speculator.run(lambda: next(queue, None)):
        if isinstance(event, Decoded):
            assert speculator._proposal is None, "its slot may be another window's next"
        else:
            ahead.append(speculator._proposal is not None)
    assert sum(ahead) > len(ahead) / 3
