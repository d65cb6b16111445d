"""`trace=True`: p and q of each proposed token are those that decided about it. Real whisper-base and its draft."""

from __future__ import annotations

from pathlib import Path

import pytest

from whisper_magic import Engine, Round, Transcript

pytestmark = [pytest.mark.real, pytest.mark.recordings]
MARGIN = 0.02  # of a greedy choice: another block width rounds otherwise


@pytest.fixture
def engine(real_engine: Engine) -> Engine:
    return real_engine


@pytest.fixture
def jfk(recordings: Path) -> Path:
    return recordings / "jfk.flac"


def judged(made: Transcript) -> list[Round]:
    return [one for one in made.trace.rounds if one.drafter == "model"]


def test_without_it_nothing_is_recorded(engine: Engine, jfk: Path) -> None:
    made = engine.transcribe(jfk, language="en", draft="model")
    assert {(one.target_probs, one.draft_probs, one.alternatives) for one in made.trace.rounds} == {((), (), ())}


def test_greedy_verdicts_follow_from_what_was_recorded(engine: Engine, jfk: Path) -> None:
    plain = engine.transcribe(jfk, language="en", draft="model", temperature=0.0)
    made = engine.transcribe(jfk, language="en", draft="model", temperature=0.0, trace=True)
    assert made.text == plain.text
    assert [(one.proposed, one.accepted, one.token) for one in made.trace.rounds] == [
        (one.proposed, one.accepted, one.token) for one in plain.trace.rounds
    ]
    assert len(judged(made)) > 5
    rejected = 0
    for one in judged(made):
        count = min(one.accepted + 1, len(one.proposed))
        assert len(one.draft_probs) == len(one.target_probs)
        assert count - 1 <= len(one.target_probs) <= count  # nothing is judged behind end-of-text
        assert len(one.alternatives) >= len(one.tokens) - 1
        for token, likeliest in zip(one.tokens, one.alternatives, strict=False):
            by_token = {found.token: found.probability for found in likeliest}
            assert sum(by_token.values()) <= 1.0001
            assert by_token[token] >= likeliest[0].probability - MARGIN, "greedy decoding writes the likeliest"
        for p, found in zip(one.target_probs, one.alternatives, strict=False):
            assert p <= found[0].probability + MARGIN
        if one.accepted < len(one.target_probs):
            rejected += 1
            wrong = one.proposed[one.accepted]
            assert wrong != one.token
            assert one.target_probs[one.accepted] <= one.alternatives[one.accepted][0].probability + MARGIN
    assert rejected > 0, "a draft is wrong now and then"


def test_a_sample_is_drawn_from_what_was_recorded(engine: Engine, jfk: Path) -> None:
    made = engine.transcribe(jfk, language="en", draft="model", temperature=0.8, trace=True)
    assert made.segments[0].temperature == 0.8
    assert all(0 <= p <= 1 for one in judged(made) for p in (*one.target_probs, *one.draft_probs))
    accepted = [p for one in judged(made) for p in one.target_probs[: one.accepted]]
    rejected = [p for one in judged(made) for p in one.target_probs[one.accepted :]]
    assert sum(accepted) / len(accepted) > sum(rejected) / len(rejected)


def test_batched_windows_keep_their_own(engine: Engine, jfk: Path) -> None:
    made = engine.transcribe(jfk.with_name("multilingual.mp3"), mode="batched", draft="model", trace=True)
    assert {one.window for one in judged(made)} >= {0, 1}
    assert all(one.alternatives for one in made.trace.rounds if one.tokens)


def test_what_was_copied_has_no_probability_by_the_draft(engine: Engine, jfk: Path) -> None:
    engine.transcribe(jfk, language="en")
    made = engine.transcribe(jfk, language="en", trace=True)
    copied = [one for one in made.trace.rounds if one.drafter == "previous"]
    assert copied
    assert all(one.draft_probs == () and one.target_probs for one in copied)


def test_json_keeps_it(engine: Engine, jfk: Path, tmp_path: Path) -> None:
    made = engine.transcribe(jfk, language="en", draft="model", trace=True)
    assert Transcript.load(made.save(tmp_path / "jfk.json")) == made
    table = made.trace.to_pandas()
    assert table["target_probs"][0] == made.trace.rounds[0].target_probs
