"""The target alone against speculation: equal tokens, the first that differ, and what is said of the time."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from transformers import WhisperForConditionalGeneration

from whisper_magic import Engine, TranscribeOptions, Transcript
from whisper_magic.audio.load import Audio, load
from whisper_magic.audio.vad import LevelGate
from whisper_magic.engine.compare import timed_runs
from whisper_magic.engine.compare.divergence import Attempt, Fork, attempts, first_fork
from whisper_magic.engine.runtime.loaded_model import LoadedModel
from whisper_magic.errors import AudioError, Interrupted, OptionError
from whisper_magic.transcript import Round, Trace

Tamper = Callable[[int, int], None]
PLAIN = TranscribeOptions(temperature=0.0, no_speech_threshold=None, language="en")


def noise(seconds: float, seed: int = 0) -> tuple[np.ndarray, int]:
    return (np.random.default_rng(seed).standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32), 16000


@pytest.fixture
def engine(pair: Any) -> Iterator[Engine]:
    with Engine.load(str(pair.target), str(pair.drafts["sometimes"]), device="cpu") as loaded:
        yield loaded


# -- where two ways part: pure -----------------------------------------------------------------------------------------


def attempt(window: int, *tokens: int, number: int = 0, temperature: float = 0.0) -> Attempt:
    return Attempt(window, number, temperature, tokens)


def test_rounds_join_to_attempts() -> None:
    rounds = (
        Round(0, 4, (7, 8, 9), 2, 5),  # 7 8 5
        Round(1, 4, (), 0, 3),  # windows may take turns
        Round(0, 7, (6,), 1, None),
        Round(0, 4, (), 0, 1, temperature=0.2),  # tried again
        Round(1, 5, (2,), 1, 9),
    )
    assert attempts(rounds) == (
        attempt(0, 7, 8, 5, 6),
        attempt(0, 1, number=1, temperature=0.2),
        attempt(1, 3, 2, 9),
    )


def test_equal_tokens_have_no_fork() -> None:
    one = (attempt(0, 1, 2), attempt(1, 3))
    assert first_fork(one, one) is None
    assert first_fork((), ()) is None


@pytest.mark.parametrize(
    ("other", "fork"),
    [
        ((attempt(0, 1, 2), attempt(1, 3, 9, 5)), Fork(1, 0, 0.0, (3,), 4, 9, agreed=3)),
        ((attempt(0, 1, 2), attempt(1, 3)), Fork(1, 0, 0.0, (3,), 4, None, agreed=3)),
        ((attempt(0, 1, 2), attempt(1, 3, 4, 5, 6)), Fork(1, 0, 0.0, (3, 4, 5), None, 6, agreed=5)),
        ((attempt(0, 8, 2), attempt(1, 9, 9)), Fork(0, 0, 0.0, (), 1, 8, agreed=0)),
        ((attempt(0, 1, 2),), Fork(1, 0, 0.0, (), 3, None, agreed=2)),
        (
            (attempt(0, 1, 2), attempt(0, 7, number=1, temperature=0.2), attempt(1, 3, 4, 5)),
            Fork(0, 1, 0.2, (), None, 7, agreed=2),
        ),
    ],
)
def test_the_first_fork(other: tuple[Attempt, ...], fork: Fork) -> None:
    assert first_fork((attempt(0, 1, 2), attempt(1, 3, 4, 5)), other) == fork


# -- through an engine -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("always", {}),
        ("never", {}),
        ("sometimes", {"temperature": 0.7, "seed": 3}),
        ("sometimes", {"temperature": (0.0, 0.6), "logprob_threshold": 0.0}),  # every window is tried again
    ],
)
def test_the_tokens_are_the_targets_own(pair: Any, name: str, overrides: dict[str, Any]) -> None:
    with Engine.load(str(pair.target), str(pair.drafts[name]), device="cpu") as engine:
        found = engine.compare(noise(3.3), PLAIN, repeats=1, **overrides)
        alone = engine.transcribe(noise(3.3), PLAIN, draft="none", **overrides)
    assert found.identical
    assert not found.unsteady
    assert found.tokens == sum(len(r.tokens) for r in alone.trace.rounds)
    assert found.windows == 1 + max(r.window for r in alone.trace.rounds) > 1
    assert ("temperature" in overrides) is any(r.temperature > 0 for r in alone.trace.rounds)


def test_what_is_measured(engine: Engine) -> None:
    found = engine.compare(noise(3), PLAIN, repeats=3, draft_length=4)
    assert len(found.target_only.timings) == len(found.speculative.timings) == len(found.speed_ups) == 3
    assert min(found.speed_ups) <= found.speed_up <= max(found.speed_ups)
    assert found.target_only.trace.acceptance_rate is None
    assert found.target_only.trace.tokens_per_round == 1
    assert found.speculative.trace.acceptance_rate is not None
    assert (found.options.draft, found.options.draft_length) == ("model", 4)
    assert found.models.device.startswith("cpu (")
    assert found.duration == pytest.approx(3)
    for phase in ("encode", "prefill", "verify", "total"):
        assert found.target_only.seconds(phase) > 0
        assert found.speculative.seconds(phase) > 0
    assert found.speculative.seconds("draft") > found.target_only.seconds("draft")
    assert found.target_only.spread[0] <= found.target_only.seconds() <= found.target_only.spread[1]


def test_they_take_turns_after_a_warm_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    drafts, stages = [], []
    transcribe = timed_runs.transcribe_one

    def noted(model: LoadedModel, audio: Audio, options: TranscribeOptions) -> Transcript:
        drafts.append(options.draft)
        return transcribe(model, audio, options)

    monkeypatch.setattr(timed_runs, "transcribe_one", noted)
    engine.compare(noise(1), PLAIN, repeats=2, on_stage=stages.append)
    assert drafts == ["none", "model", "model", "none", "none", "model"]
    assert stages[0] == "Warming up, the target alone"
    assert stages[-1] == "Run 4 of 4, speculative"


def test_the_draft_never_recalls_the_run_before(engine: Engine, pair: Any) -> None:
    assert PLAIN.draft == "auto"
    assert engine.compare(noise(1), PLAIN, repeats=1).options.draft == "model"
    assert engine.compare(noise(1), PLAIN, repeats=1, draft="ngram").options.draft == "ngram"
    with Engine.load(str(pair.target), "none", device="cpu") as bare:
        found = bare.compare(noise(2), PLAIN, repeats=1)
        assert found.options.draft == "ngram"
        with pytest.raises(OptionError, match=r"no draft model is loaded: .*draft='ngram'"):
            bare.compare(noise(1), PLAIN, draft="model")


def test_a_source_is_read_once(engine: Engine) -> None:
    file = io.BytesIO()
    soundfile.write(file, *noise(4), format="WAV")
    file.seek(0)
    found = engine.compare(file, PLAIN, repeats=1, start=1.0, end=3.0)
    assert found.duration == pytest.approx(2)
    assert found.identical


@pytest.mark.parametrize(
    "overrides",
    [
        {"start": 1.0, "end": 6.5, "clips": ((2.0, 3.5), (5.0, 6.0))},
        {"language": "per-window"},
    ],
)
def test_it_compares_what_would_be_transcribed(engine: Engine, overrides: dict[str, Any]) -> None:
    sound = noise(7.3)
    found = engine.compare(sound, PLAIN, repeats=1, **overrides)
    said = engine.transcribe(sound, PLAIN, draft="none", **overrides)
    assert found.identical
    assert found.tokens == sum(len(r.tokens) for r in said.trace.rounds)
    assert found.windows == len({r.window for r in said.trace.rounds}) > 1


def test_a_batched_run(engine: Engine, tamper: Tamper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whisper_magic.audio.vad.detector", LevelGate)  # to which steady noise is a voice
    sound, options = noise(5.3), PLAIN.override(mode="batched", batch_size=2, language="per-window")
    assert engine.compare(sound, options, repeats=1).identical
    alone = attempts(engine.transcribe(sound, options, draft="none").trace.rounds)
    assert {attempt.window for attempt in alone} >= {0, 1, 2}
    tamper(2, 70)
    found = engine.compare(sound, options, repeats=1).divergence
    assert found is not None
    assert found.target_only is not None
    assert found.target_only.token == next(a for a in alone if a.window == found.window).tokens[found.position]
    assert found.gap is not None
    assert found.gap > 0


def test_silence_has_nothing_to_compare(engine: Engine) -> None:
    found = engine.compare((np.zeros(16000, np.float32), 16000), PLAIN, repeats=1, vad=True)
    assert found.tokens == 0
    assert found.identical


def test_the_engine_is_as_it_was(engine: Engine) -> None:
    before = engine.transcribe(noise(2), PLAIN)
    engine.compare(noise(3), PLAIN, repeats=1)
    assert engine.transcribe(noise(2), PLAIN).text == before.text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"draft": "none"}, "draft='none' leaves nothing to compare"),
        ({"repeats": 0}, "repeats must be a whole number from 1, got 0"),
        ({"repeats": 1.5}, "repeats must be a whole number from 1, got 1.5"),
        ({"channel": "split"}, "one transcript per channel"),
        ({"langage": "de"}, "did you mean language"),
    ],
)
def test_what_cannot_be_compared(engine: Engine, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        engine.compare(noise(1), PLAIN, **overrides)
    assert "\n" not in str(caught.value)


def test_a_source_that_is_not_there(engine: Engine) -> None:
    with pytest.raises(AudioError, match="no such file"):
        engine.compare("nothing.wav")


def test_ctrl_c_is_one_line(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    stages: list[str] = []

    def stop(stage: str) -> None:
        stages.append(stage)
        if len(stages) == 4:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        engine.compare(noise(2), PLAIN, on_stage=stop)
    assert caught.value._render_traceback_() == ["Interrupted: the comparison was stopped; there is no result"]
    assert engine.compare(noise(1), PLAIN, repeats=1).identical


# -- a difference, forced ----------------------------------------------------------------------------------------------


def tampered(said: Transcript, place: int, token: int) -> Transcript:
    """The transcript, had it written another token at this place (of all that it generated)."""
    rounds = []
    for one in said.trace.rounds:
        tokens = list(one.tokens)
        if 0 <= place < len(tokens):
            tokens[place] = token
        place -= len(tokens)
        rounds.append(replace(one, proposed=(), accepted=0, token=tokens[0]))
        rounds += [replace(rounds[-1], position=one.position + i, token=t) for i, t in enumerate(tokens) if i]
    return replace(said, trace=Trace(tuple(rounds)))


@pytest.fixture
def tamper(monkeypatch: pytest.MonkeyPatch) -> Tamper:
    """Make every speculative run write this token at this place."""

    def install(place: int, token: int) -> None:
        transcribe = timed_runs.transcribe_one

        def tampering(model: LoadedModel, audio: Audio, options: TranscribeOptions) -> Transcript:
            found = transcribe(model, audio, options)
            return found if options.draft == "none" else tampered(found, place, token)

        monkeypatch.setattr(timed_runs, "transcribe_one", tampering)

    return install


def test_the_logits_are_the_targets(engine: Engine, pair: Any, tamper: Tamper) -> None:
    sound = noise(3.7)
    alone = attempts(engine.transcribe(sound, PLAIN, draft="none").trace.rounds)
    first = len(alone[0].tokens)
    place = first + 11  # more than a block after the prompt, in the second window
    own = alone[1].tokens[11]
    tamper(place, 70)
    found = engine.compare(sound, PLAIN, repeats=1).divergence
    assert found is not None
    assert (found.window, found.position, found.agreed) == (1, 11, place)
    assert (found.target_only.token, found.speculative.token) == (own, 70)
    assert found.before == engine.decode(alone[1].tokens[:11])
    assert found.speculative.text == engine.decode([70])
    assert not found.near_tie
    handed = _second_window(engine, sound)
    model = WhisperForConditionalGeneration.from_pretrained(pair.target)
    with torch.inference_mode():
        ids = torch.tensor([[*handed.prompt, *alone[1].tokens[:11]]])
        expected = model(input_features=handed.features[None], decoder_input_ids=ids).logits[0, -1]
    assert found.target_only.logit == pytest.approx(float(expected[own]), abs=1e-3)
    assert found.speculative.logit == pytest.approx(float(expected[70]), abs=1e-3)
    if own < 300:  # an ordinary token: the rules shift neither
        assert found.gap == pytest.approx(float(expected[own] - expected[70]), abs=1e-3)


def _second_window(engine: Engine, sound: tuple[np.ndarray, int]) -> Any:
    from whisper_magic.engine.compare.divergence import _watch_for

    with torch.inference_mode():
        found = _watch_for(engine._loaded(), load(sound), PLAIN.override(draft="none"), Fork(1, 0, 0.0, (), 1, 2, 0))
    assert found is not None
    return found[1]


def written(engine: Engine, sound: tuple[np.ndarray, int], options: TranscribeOptions) -> tuple[int, ...]:
    """The first window's tokens."""
    return attempts(engine.transcribe(sound, options, draft="none").trace.rounds)[0].tokens


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_a_twin_is_a_near_tie(engine: Engine, pair: Any, tamper: Tamper, tmp_path: Path, temperature: float) -> None:
    """Two tokens with the same weights: nothing but the noise of sampling tells them apart."""
    sound, options = noise(2), PLAIN.override(temperature=temperature, language=None)
    tokens = written(engine, sound, options)
    own = next(token for i, token in enumerate(tokens) if i > 2 and token < 290)
    twins = (own, next(token for token in range(own + 1, 300) if token not in tokens))
    shutil.copytree(pair.target, tmp_path / "twins")
    weights = load_file(tmp_path / "twins" / "model.safetensors")
    for name, weight in weights.items():
        if name.endswith(("embed_tokens.weight", "proj_out.weight")):
            weight[twins[1]] = weight[twins[0]]
    save_file(weights, tmp_path / "twins" / "model.safetensors", metadata={"format": "pt"})
    with Engine.load(str(tmp_path / "twins"), str(pair.drafts["never"]), device="cpu") as other:
        tokens = written(other, sound, options)
        place, own = next((i, token) for i, token in enumerate(tokens) if i > 2 and token in twins)
        tamper(place, sum(twins) - own)
        found = other.compare(sound, options, repeats=1)
    assert found.divergence is not None
    assert found.divergence.position == place
    assert found.divergence.target_only.logit == found.divergence.speculative.logit
    assert found.divergence.near_tie is (temperature == 0)
    assert (found.divergence.gap == 0) is (temperature == 0)


def test_a_timestamp_against_a_word(engine: Engine, tamper: Tamper) -> None:
    """What decides may be the timestamps' whole probability; the gap is finite though the rules forbid one of them."""
    sound = noise(2)
    tokens = attempts(engine.transcribe(sound, PLAIN, draft="none").trace.rounds)[0].tokens
    begin = engine._loaded().target.special.timestamp_begin
    tamper(3, 70 if tokens[3] >= begin else begin + 40)
    found = engine.compare(sound, PLAIN, repeats=1).divergence
    assert found.gap is not None
    assert 0 < found.gap < 1e6
    stamp = found.speculative if tokens[3] < begin else found.target_only
    assert stamp.text.startswith("<|")
    assert stamp.text.endswith("|>")


def test_a_run_that_ends_early(engine: Engine, tamper: Tamper) -> None:
    special = engine._loaded().target.special
    tamper(5, special.eot)
    found = engine.compare(noise(2), PLAIN, repeats=1).divergence
    assert found.speculative.text == "<|endoftext|>"
    assert found.gap is not None


def test_a_target_that_does_not_repeat_itself(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    transcribe, runs = timed_runs.transcribe_one, iter(range(100))

    def unsteady(model: LoadedModel, audio: Audio, options: TranscribeOptions) -> Transcript:
        found = transcribe(model, audio, options)
        return tampered(found, 4, 70) if options.draft == "none" and next(runs) == 1 else found

    monkeypatch.setattr(timed_runs, "transcribe_one", unsteady)
    found = engine.compare(noise(2), PLAIN, repeats=2)
    assert found.identical
    assert found.unsteady
