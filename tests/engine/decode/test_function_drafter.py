"""`Engine.transcribe(propose=...)`: whatever a function proposes, the text is the target's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from whisper_magic import Engine, Round, TranscribeOptions, Transcript
from whisper_magic.audio.load import load
from whisper_magic.engine.model.hub import demo_folder
from whisper_magic.errors import OptionError

Propose = Callable[[Sequence[int], int], Sequence[int]]

PLAIN = TranscribeOptions(temperature=0.0, no_speech_threshold=None, language="en", mode="sequential")
SAMPLED = {"temperature": 0.6, "seed": 5}
SOUND = (np.random.default_rng(0).standard_normal(int(2.7 * 16_000)) * 0.1).astype(np.float32), 16_000


@pytest.fixture(scope="module")
def engine(pair: Any) -> Iterator[Engine]:
    with Engine.load(str(pair.target), "none", device="cpu") as loaded:
        yield loaded


def tokens(made: Transcript) -> list[tuple[int, ...]]:
    return [segment.tokens for segment in made.segments]


def alone(engine: Engine, **overrides: Any) -> Transcript:
    return engine.transcribe(SOUND, PLAIN, draft="none", **overrides)


def proposing(engine: Engine, propose: Propose, **overrides: Any) -> Transcript:
    return engine.transcribe(SOUND, PLAIN, propose=propose, **overrides)


def noise(text: Sequence[int], count: int) -> Sequence[int]:
    return np.random.default_rng(len(text)).integers(300, size=count)


def parrot(text: Sequence[int], count: int) -> Sequence[int]:
    return [text[-1]] * count


def nothing(text: Sequence[int], count: int) -> Sequence[int]:
    return []


class Knowing:
    """Proposes what the target wrote here before, end-of-text included, each token moved by `wrong` ids.

    The windows of a recording are known by their text; only its first token is the same in several.
    """

    def __init__(self, rounds: Sequence[Round], wrong: int = 0) -> None:
        self.wrong, self.prompt = wrong, rounds[0].position
        self.windows: dict[int, list[int]] = {}
        for one in rounds:
            self.windows.setdefault(one.window, []).extend(one.tokens)

    def __call__(self, text: Sequence[int], count: int) -> Sequence[int]:
        written = list(text[self.prompt :])
        known = (window for window in self.windows.values() if window[: len(written)] == written)
        following = next(known, [])[len(written) :][:count]
        return [(token + self.wrong) % 300 for token in following] if self.wrong else following


@pytest.mark.parametrize("how", [{}, SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize("propose", [noise, parrot, nothing])
def test_no_function_changes_the_text(engine: Engine, propose: Propose, how: dict[str, Any]) -> None:
    assert tokens(proposing(engine, propose, **how)) == tokens(alone(engine, **how))


@pytest.mark.parametrize("how", [{}, SAMPLED], ids=["greedy", "sampled"])
def test_who_knows_the_text_saves_rounds(engine: Engine, how: dict[str, Any]) -> None:
    own = alone(engine, **how)
    made = proposing(engine, Knowing(own.trace.rounds), **how)
    assert tokens(made) == tokens(own)
    assert (made.trace.acceptance_rate or 0) > 0.8
    assert len(made.trace.rounds) < 0.5 * len(own.trace.rounds)


@pytest.mark.parametrize("how", [{}, SAMPLED], ids=["greedy", "sampled"])
def test_an_adversary_costs_time_alone(engine: Engine, how: dict[str, Any]) -> None:
    own = alone(engine, **how)
    made = proposing(engine, Knowing(own.trace.rounds, wrong=1), **how)
    assert tokens(made) == tokens(own)
    assert len(made.trace.rounds) == len(own.trace.rounds)
    assert any(one.proposed for one in made.trace.rounds)


@pytest.mark.parametrize("draft_length", [1, 3, 7, "auto"])
def test_no_length_changes_the_text(engine: Engine, draft_length: Any) -> None:
    own = alone(engine)
    made = proposing(engine, Knowing(own.trace.rounds), draft_length=draft_length)
    assert tokens(made) == tokens(own)
    assert max(len(one.proposed) for one in made.trace.rounds) <= (7 if draft_length == "auto" else draft_length)


def test_several_windows_at_once_change_nothing(engine: Engine) -> None:
    speech = load(demo_folder() / "sample.ogg", end=6.0)  # batched windows are cut at the pauses of a voice
    own = engine.transcribe(speech, PLAIN, mode="batched", draft="none")
    made = engine.transcribe(speech, PLAIN, mode="batched", propose=noise)
    assert tokens(made) == tokens(own)
    assert max(one.batch for one in made.trace.rounds) > 1


def test_rounds_are_named_after_it(engine: Engine) -> None:
    proposed = [one for one in proposing(engine, parrot).trace.rounds if one.proposed]
    assert proposed
    assert {one.drafter for one in proposed} == {"function"}


def test_it_stands_in_for_the_draft_model(pair: Any) -> None:
    with Engine.load(str(pair.target), str(pair.drafts["always"]), device="cpu") as with_draft:
        made = proposing(with_draft, parrot, draft="model")
        assert tokens(made) == tokens(alone(with_draft))
    assert {one.drafter for one in made.trace.rounds} <= {"function", None}


def test_it_is_given_the_text_so_far_and_how_many(engine: Engine) -> None:
    asked: list[tuple[list[int], int]] = []

    def listens(text: Sequence[int], count: int) -> Sequence[int]:
        asked.append((list(text), count))
        return parrot(text, count)

    made = proposing(engine, listens, draft_length=3)
    assert {count for _, count in asked} <= {1, 2, 3}
    assert all(type(token) is int for text, _ in asked for token in text)
    by_place = {(len(text), text[-1]) for text, _ in asked}
    for one, then in zip(made.trace.rounds, made.trace.rounds[1:], strict=False):
        if then.window == one.window and then.proposed:
            assert (then.position, one.tokens[-1]) in by_place


def test_more_ids_than_asked_are_cut(engine: Engine) -> None:
    own = alone(engine)
    knowing = Knowing(own.trace.rounds)
    made = proposing(engine, lambda text, count: knowing(text, 100), draft_length=2)
    assert made.segments == proposing(engine, knowing, draft_length=2).segments
    assert max(len(one.proposed) for one in made.trace.rounds) == 2


def test_fewer_ids_than_asked_will_do(engine: Engine) -> None:
    made = proposing(engine, lambda text, count: noise(text, count)[:1])
    assert {len(one.proposed) for one in made.trace.rounds} <= {0, 1}


@pytest.mark.parametrize("kind", [np.array, tuple, list, iter, lambda ids: [np.int32(one) for one in ids]])
def test_any_kind_of_ids_will_do(engine: Engine, kind: Any) -> None:
    made = proposing(engine, lambda text, count: kind([text[-1]] * count))
    assert [one.proposed for one in made.trace.rounds] == [
        one.proposed for one in proposing(engine, parrot).trace.rounds
    ]
    assert all(type(token) is int for one in made.trace.rounds for token in one.proposed)


def test_nothing_returned_is_nothing_proposed(engine: Engine) -> None:
    made = proposing(engine, nothing)
    assert {(one.proposed, one.accepted, one.drafter) for one in made.trace.rounds} == {((), 0, None)}
    assert [one.token for one in made.trace.rounds] == [one.token for one in alone(engine).trace.rounds]


@pytest.mark.parametrize("wrong", [-1, 10_000, np.int64(-7)])
def test_an_id_outside_the_vocabulary_is_refused(engine: Engine, wrong: int) -> None:
    with pytest.raises(OptionError, match=rf"propose returned \[5, {wrong}\]; token ids are 0 to \d+$"):
        proposing(engine, lambda text, count: [5, wrong])
    assert tokens(proposing(engine, parrot)) == tokens(alone(engine)), "the engine is ready for the next call"


def test_the_last_id_of_the_vocabulary_is_one(engine: Engine) -> None:
    with pytest.raises(OptionError) as refused:
        proposing(engine, lambda text, count: [-1])
    last = int(str(refused.value).rsplit(" ", 1)[1])
    assert tokens(proposing(engine, lambda text, count: [last])) == tokens(alone(engine))
    with pytest.raises(OptionError):
        proposing(engine, lambda text, count: [last + 1])


def test_its_own_error_gets_out_and_the_engine_goes_on(engine: Engine) -> None:
    def fails(text: Sequence[int], count: int) -> Sequence[int]:
        raise LookupError("no such table")

    with pytest.raises(LookupError, match="no such table"):
        proposing(engine, fails)
    assert tokens(proposing(engine, parrot)) == tokens(alone(engine))
