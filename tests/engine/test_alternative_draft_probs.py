"""`Round.alternative_draft_probs`: the draft's probabilities of the tokens that the target found likeliest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from whisper_magic import Engine, Transcript
from whisper_magic.audio.load import Audio, load
from whisper_magic.engine.model.hub import demo_folder


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.load("demo", device="cpu") as loaded:
        yield loaded


@pytest.fixture(scope="module")
def sound() -> Audio:
    return load(demo_folder() / "sample.ogg", end=8.0)


@pytest.fixture(scope="module")
def made(engine: Engine, sound: Audio) -> Transcript:
    return engine.transcribe(sound, temperature=0.0, draft="model", trace=True)


@pytest.fixture(scope="module")
def sampled(engine: Engine, sound: Audio) -> Transcript:
    return engine.transcribe(sound, temperature=0.7, draft="model", trace=True)


@pytest.fixture(params=["made", "sampled"])
def traced(request: pytest.FixtureRequest) -> Transcript:
    found: Transcript = request.getfixturevalue(request.param)
    return found


def test_each_alternative_has_its_own(traced: Transcript) -> None:
    assert any(one.alternatives for one in traced.trace.rounds)
    for one in traced.trace.rounds:
        assert len(one.alternative_draft_probs) == len(one.alternatives)
        for found, others in zip(one.alternative_draft_probs, one.alternatives, strict=True):
            assert len(found) == len(others)


def test_they_are_part_of_one_distribution(traced: Transcript) -> None:
    for found in (found for one in traced.trace.rounds for found in one.alternative_draft_probs):
        assert all(0 <= probability <= 1 for probability in found)
        assert sum(found) <= 1.0001


def test_they_agree_with_what_decided(traced: Transcript) -> None:
    """An accepted token stands among the alternatives of its place, and the draft's probability of it is the same."""
    compared = 0
    for one in traced.trace.rounds:
        for place, token in enumerate(one.proposed[: one.accepted]):
            by_token = {
                other.token: q
                for other, q in zip(one.alternatives[place], one.alternative_draft_probs[place], strict=True)
            }
            if token in by_token:  # a sample need not be among the likeliest
                assert by_token[token] == one.draft_probs[place]
                compared += 1
    assert compared > 10


def test_the_models_differ(made: Transcript) -> None:
    target = [other.probability for one in made.trace.rounds for found in one.alternatives for other in found]
    draft = [q for one in made.trace.rounds for found in one.alternative_draft_probs for q in found]
    assert len(target) == len(draft)
    assert max(abs(p - q) for p, q in zip(target, draft, strict=True)) > 0.3


def test_the_draft_is_asked_although_it_does_not_propose(engine: Engine, sound: Audio, made: Transcript) -> None:
    alone = engine.transcribe(sound, temperature=0.0, draft="none", trace=True)
    found = [q for one in alone.trace.rounds for q in one.alternative_draft_probs]
    assert found == [q for one in made.trace.rounds for q in one.alternative_draft_probs]
    assert {one.draft_probs for one in alone.trace.rounds} == {()}


def test_without_a_draft_model_there_are_none(sound: Audio) -> None:
    with Engine.load("demo", "none", device="cpu") as target:
        alone = target.transcribe(sound, temperature=0.0, trace=True)
    assert all(one.alternatives for one in alone.trace.rounds if one.tokens)
    assert {one.alternative_draft_probs for one in alone.trace.rounds} == {()}


def test_json_keeps_them(made: Transcript, tmp_path: Path) -> None:
    assert Transcript.load(made.save(tmp_path / "made.json")) == made
