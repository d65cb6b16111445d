"""Each round stands at the seconds of the speech that it wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support import fake_engine
from whisper_magic.notebook.widgets.rounds import final_attempts, placed_tokens, timed_rounds
from whisper_magic.transcript import Round, Segment, TokenProb, Trace, Transcript, Word

TEXTS = {1: " one", 2: " two", 3: " th", 4: "ree", 90: "<|0.00|>", 91: "<|2.00|>", 92: "<|4.00|>", 99: "<|endoftext|>"}
FIRST = Segment(10.0, 12.0, " one two", tokens=(90, 1, 2, 91))
SECOND = Segment(12.0, 14.0, " three", tokens=(91, 3, 4, 92))


def transcript(*rounds: Round, segments: tuple[Segment, ...] = (FIRST, SECOND)) -> Transcript:
    return Transcript(segments, "en", "transcribe", 20.0, "x", trace=Trace(rounds))


def placed_rounds(made: Transcript, edited: Transcript | None = None) -> list[dict[str, Any]]:
    return timed_rounds(made, lambda token: TEXTS.get(token, "?"), edited or made)


def _tokens(found: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(token["text"], token["verdict"], token["segment"]) for token in found["tokens"]]


def test_tokens_stand_where_their_time_is_shown_when_segments_were_replaced() -> None:
    made = transcript(Round(0, 4, (90, 1, 2), 3, 91), Round(0, 8, (91, 3, 4), 3, 92))
    one = Segment(10.0, 14.0, " another reading of both")
    (first, second) = placed_rounds(made, replace(made, segments=(Segment(0.0, 9.0, " before"), one)))
    assert {token["segment"] for token in (*first["tokens"], *second["tokens"])} == {1}
    (first, _) = placed_rounds(made, replace(made, segments=()))
    assert {token["segment"] for token in first["tokens"]} == {-1}


def test_tokens_share_their_segment_by_their_letters() -> None:
    placed = placed_tokens([FIRST], TEXTS.__getitem__)
    assert [(one.token, one.start, one.end) for one in placed] == [
        (90, 10.0, 10.0),
        (1, 10.0, 11.0),
        (2, 11.0, 12.0),
        (91, 12.0, 12.0),
    ]


def test_tokens_stand_where_their_word_does() -> None:
    words = (Word(" one", 10.2, 10.5, 1.0), Word(" three", 11.0, 11.6, 1.0))
    segment = Segment(10.0, 12.0, " one three", tokens=(1, 3, 4), words=words)
    placed = placed_tokens([segment], TEXTS.__getitem__)
    assert [(one.start, one.end) for one in placed] == [
        (10.2, 11.0),  # the end of a word is the beginning of the next: nobody speaks between
        (11.0, pytest.approx(11.3)),
        (pytest.approx(11.3), pytest.approx(11.6)),
    ]


def test_rounds_stand_at_what_they_wrote() -> None:
    rounds = (
        Round(0, 4, (90, 1, 3), 2, 2, drafter="model"),
        Round(0, 7, (91, 91, 3), 3, 4, drafter="ngram", drafter_label="n-gram drafter"),
        Round(0, 11, (92,), 1, 99),
    )
    found = placed_rounds(transcript(*rounds))
    assert [(one["start"], one["end"]) for one in found] == [(10.0, 12.0), (12.0, 14.0), (14.0, 14.0)]
    assert _tokens(found[0]) == [("<|0.00|>", "a", 0), (" one", "a", 0), (" th", "r", 0), (" two", "t", 0)]
    assert [token["segment"] for token in found[1]["tokens"]] == [0, 1, 1, 1]  # across the border
    assert (found[1]["drafter"], found[1]["accepted"], found[1]["proposed"]) == ("n-gram drafter", 3, 3)


def test_a_window_that_ended_inside_a_draft_has_no_token_of_the_targets_own() -> None:
    (found,) = placed_rounds(transcript(Round(0, 4, (1, 2), 1, None)))
    assert _tokens(found) == [(" one", "a", 0), (" two", "r", 0)]


def test_of_a_window_that_was_decoded_again_the_last_attempt_counts() -> None:
    failed, kept = Round(0, 4, (), 0, 3), Round(0, 4, (), 0, 1, temperature=0.2)
    other = Round(1, 4, (), 0, 3)
    assert list(final_attempts([failed, other, kept])) == [kept, other]


def test_text_that_was_left_out_has_no_seconds() -> None:
    rounds = (Round(0, 4, (90, 1, 2), 3, 91), Round(0, 8, (1, 1, 1), 3, 1), Round(1, 4, (91, 3, 4), 3, 92))
    found = placed_rounds(transcript(*rounds))
    assert [(one["start"], one["end"]) for one in found] == [(10.0, 12.0), (12.0, 12.0), (12.0, 14.0)]


def test_without_speech_there_is_no_place() -> None:
    (found,) = placed_rounds(transcript(Round(0, 4, (), 0, 99), segments=()))
    assert (found["start"], found["end"], _tokens(found)) == (0.0, 0.0, [("<|endoftext|>", "t", -1)])


def test_the_scripted_engine_is_placed_too() -> None:
    assert len(placed_rounds(fake_engine.transcript("x"))) == len(fake_engine.ROUNDS)


def test_what_both_models_thought_goes_with_each_token() -> None:
    likeliest = (TokenProb(1, 0.9), TokenProb(3, 0.08), TokenProb(4, 0.001)), (TokenProb(2, 0.5),)
    judged = Round(
        0, 4, (1, 3, 4), 1, 2, drafter="model", target_probs=(0.9, 0.25), draft_probs=(0.8, 0.6), alternatives=likeliest
    )
    (found,) = placed_rounds(transcript(judged))
    one, rejected, behind, own = found["tokens"]
    assert (one["p"], one["q"], one["instead"]) == (0.9, 0.8, [(" one", 0.9), (" th", 0.08)])
    assert (rejected["p"], rejected["q"], "instead" in rejected) == (0.25, 0.6, False)
    assert not {"p", "q", "instead"} & behind.keys(), "what stands behind a rejected token was not judged"
    assert own["instead"] == [(" two", 0.5)]
    assert "p" not in own
