"""What the lessons measure, with the bundled pair on eight seconds of its recording."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from whisper_magic import Engine, Round, Transcript
from whisper_magic.audio.load import Audio, load
from whisper_magic.engine.model.hub import demo_folder
from whisper_magic.errors import OptionError, WhisperMagicError
from whisper_magic.lessons import measure
from whisper_magic.lessons.measure import (
    LengthStudy,
    Replay,
    acceptance_by_position,
    decode_seconds,
    replay,
    study_lengths,
)
from whisper_magic.lessons.theory import expected_tokens

STAGES: list[str] = []
SILENCE = np.zeros(16_000, np.float32), 16_000
HISS = (0.1 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32), 16_000


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.load("demo", device="cpu") as loaded:
        yield loaded


@pytest.fixture(scope="module")
def sound() -> Audio:
    return load(demo_folder() / "sample.ogg", end=8.0)


@pytest.fixture(scope="module")
def played(engine: Engine, sound: Audio) -> Replay:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "REPEATS", 1)
        return replay(engine, sound, language="en", draft_length=4)


@pytest.fixture(scope="module")
def study(engine: Engine, sound: Audio) -> LengthStudy:
    return study_lengths(engine, sound, (1, 4), repeats=1, on_stage=STAGES.append, language="en")


def test_both_hold_the_same_tokens(played: Replay) -> None:
    assert played.same
    assert played.alone.text == played.drafted.text != ""
    assert {one.drafter for one in played.alone.trace.rounds} == {None}
    assert "model" in {one.drafter for one in played.drafted.trace.rounds}
    assert len(played.drafted.trace.rounds) < len(played.alone.trace.rounds)


def test_others_are_not_the_same(played: Replay) -> None:
    shorter = Transcript(played.alone.segments[:1], "en", "transcribe", 8.0, "array")
    assert not Replay(shorter, played.drafted).same


def test_both_are_traced(played: Replay) -> None:
    for made in (played.alone, played.drafted):
        assert all(one.alternatives for one in made.trace.rounds if one.tokens)
        assert any(one.alternative_draft_probs for one in made.trace.rounds)


def test_options_are_passed_on(played: Replay) -> None:
    assert {made.options.language for made in (played.alone, played.drafted)} == {"en"}
    assert max(len(one.proposed) for one in played.drafted.trace.rounds) == 4


def test_formula_and_measurement_agree(study: LengthStudy) -> None:
    assert [one.length for one in study.lengths] == [1, 4]
    for one in study.lengths:
        assert abs(one.predicted_tokens - one.tokens_per_round) <= 3 * one.standard_error
        assert one.formula_tokens == pytest.approx(expected_tokens(study.by_position, one.length))
        assert one.predicted_tokens <= one.formula_tokens + 1e-9, "fewer are proposed at either end of a window"
        assert 0 < one.acceptance < 1
        assert 1 <= one.tokens_per_round <= 1 + one.length
    assert study.lengths[0].tokens_per_round < study.lengths[1].tokens_per_round


def test_places_have_probabilities(study: LengthStudy) -> None:
    assert len(study.by_position) == 4
    assert all(0 <= one <= 1 for one in study.by_position)


def test_costs_and_speeds_belong_together(study: LengthStudy) -> None:
    assert study.draft_cost > 0
    assert len(study.verify_costs) == 2
    for one, cost in zip(study.lengths, study.verify_costs, strict=True):
        assert one.speedup == pytest.approx(study.alone_seconds / one.decode_seconds)
        assert one.predicted_speedup == pytest.approx(one.predicted_tokens / (one.length * study.draft_cost + cost))


def test_it_says_what_runs(study: LengthStudy) -> None:
    assert [stage.rpartition(" ")[2] for stage in STAGES] == ["0", "1", "4"]
    assert STAGES[0] == "run 1 of 1, draft length 0"


def test_decode_seconds_leave_the_encoder_out(played: Replay) -> None:
    timing = played.drafted.timing
    assert decode_seconds(played.drafted) == timing.draft + timing.verify + timing.prefill
    assert decode_seconds(played.drafted) + timing.encode <= timing.total


def test_without_a_draft_there_is_no_lesson(sound: Audio) -> None:
    with Engine.load("demo", "none", device="cpu") as alone:
        for measured in (replay, study_lengths):
            with pytest.raises(OptionError, match=r"^demo is loaded without a draft, which the lesson needs: "):
                measured(alone, sound)


# study_lengths where there is nothing to count. What is expected is an error of ours, in a line.
@pytest.mark.parametrize("sound", [SILENCE, HISS], ids=["silence", "noise"])
def test_a_recording_without_speech_is_refused(engine: Engine, sound: tuple[np.ndarray, int]) -> None:
    with pytest.raises(WhisperMagicError):
        study_lengths(engine, sound, (1,), repeats=1)


# -- acceptance_by_position ------------------------------------------------------------------------------------------


def rounds(*counts: tuple[int, int]) -> list[Round]:
    """(proposed, accepted) of each."""
    return [Round(0, 4, tuple(range(proposed)), accepted, 9) for proposed, accepted in counts]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], ()),
        ([(0, 0), (0, 0)], ()),
        ([(3, 3)], (1, 1, 1)),
        ([(3, 0)], (0,)),  # behind a rejected token nothing is judged
        ([(3, 3), (3, 1), (3, 0), (3, 0)], (1 / 2, 1 / 2, 1)),
        ([(1, 1), (3, 2)], (1, 1, 0)),  # a place that was not proposed is not judged
        ([(1, 1), (1, 0), (4, 1)], (2 / 3, 0)),
        ([(2, 2), (0, 0), (2, 1)], (1, 1 / 2)),
    ],
)
def test_acceptance_by_position(counts: list[tuple[int, int]], expected: tuple[float, ...]) -> None:
    assert acceptance_by_position(rounds(*counts)) == pytest.approx(expected)


def test_acceptance_by_position_gives_back_the_mean() -> None:
    """Of rounds of one length, the formula over what was found is the mean number of tokens that were written."""
    counts = [(4, accepted) for accepted in (4, 4, 3, 1, 0, 0, 2, 4, 1)]
    found = acceptance_by_position(rounds(*counts))
    assert expected_tokens(found, 4) == pytest.approx(1 + sum(accepted for _, accepted in counts) / len(counts))
