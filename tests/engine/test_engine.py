"""The door: what an engine returns, and that nothing done to it breaks it."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whisper_magic import Engine, TranscribeOptions, Transcript
from whisper_magic.errors import (
    AudioError,
    EngineBusy,
    EngineClosed,
    Interrupted,
    OptionError,
)
from whisper_magic.transcript import Event, Round, Segment, Started


def noise(seconds: float, seed: int = 0) -> tuple[np.ndarray, int]:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32), 16000


@pytest.fixture(scope="module")
def engine(pair: Any) -> Iterator[Engine]:
    with Engine.load(str(pair.target), str(pair.drafts["sometimes"]), device="cpu") as loaded:
        yield loaded


def test_a_transcript_is_complete_data(engine: Engine) -> None:
    t = engine.transcribe(noise(5.3), language="de")
    assert t.segments
    assert t.complete
    assert t.language == "de"
    assert t.duration == pytest.approx(5.3)
    assert t.models.draft is not None
    assert t.models.attention == "sdpa"
    assert t.trace.rounds
    assert {r.window for r in t.trace.rounds} >= {0, 1, 2}
    timing = t.timing
    phases = (timing.load, timing.features, timing.encode, timing.prefill, timing.draft, timing.verify)
    assert all(seconds > 0 for seconds in phases)
    assert sum(phases) + timing.other == pytest.approx(timing.total)
    assert timing.rtfx == pytest.approx(5.3 / timing.total)
    assert all(0 <= s.start <= s.end <= 5.3 + 1e-9 for s in t.segments)


def test_the_trace_holds_every_token(engine: Engine) -> None:
    t = engine.transcribe(noise(1.9))
    written = [token for r in t.trace.rounds for token in r.tokens]
    kept = [token for s in t.segments for token in s.tokens]
    assert written[: len(kept)] == kept
    for r in t.trace.rounds:
        assert 0 <= r.accepted <= len(r.proposed)


def test_stream_and_callback_agree(engine: Engine) -> None:
    heard: list[Event] = []
    t = engine.transcribe(noise(4.1), on_event=heard.append)
    streamed = list(engine.stream(noise(4.1)))
    assert heard[0] == streamed[0] == Started("array", pytest.approx(4.1))
    assert [s for s in streamed if isinstance(s, Segment)] == list(t.segments)
    assert [r.tokens for r in streamed if isinstance(r, Round)] == [r.tokens for r in t.trace.rounds]


def test_options_object_and_overrides(engine: Engine) -> None:
    options = TranscribeOptions(language="fr", draft_length=2)
    t = engine.transcribe(noise(1), options, draft_length=3)
    assert t.options == TranscribeOptions(language="fr", draft_length=3)
    assert max(len(r.proposed) for r in t.trace.rounds) == 3


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"langage": "de"}, "language"),
        ({"language": "it"}, "de, en, fr"),
        ({"channel": "split"}, "transcribe_many"),
        ({"max_tokens": 3}, "raise it"),
        ({"timestamps": False}, "one window"),
        ({"prompt": "x <|nospeech|>"}, "nospeech"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(engine: Engine, overrides: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words) as caught:
        engine.transcribe(noise(4), **overrides)
    assert "\n" not in str(caught.value)
    assert engine.transcribe(noise(0.5)).complete


def test_language_by_name_and_code(engine: Engine) -> None:
    sound = noise(1)
    assert engine.transcribe(sound, language="German").language == "de"
    assert engine.transcribe(sound, language="<|de|>").language == "de"
    detected = engine.transcribe(sound)
    assert detected.language in {"en", "de", "fr"}
    assert 1 / 3 <= (detected.language_probability or 0) <= 1


def test_task_and_timestamps_are_forced(engine: Engine) -> None:
    sound = noise(1.5)
    texts = {
        (task, stamps): engine.transcribe(sound, language="en", task=task, timestamps=stamps).trace.rounds
        for task in ("transcribe", "translate")
        for stamps in (True, False)
    }
    begins = {key: rounds[0].position for key, rounds in texts.items()}
    assert begins == {key: 3 if key[1] else 4 for key in texts}


def test_a_part_keeps_the_times_of_the_whole(engine: Engine) -> None:
    sound = noise(6)
    t = engine.transcribe(sound, start=2.0, end=4.0)
    assert t.duration == pytest.approx(2.0)
    assert all(2.0 <= s.start <= s.end <= 4.0 for s in t.segments)
    assert t.text == engine.transcribe((sound[0][32000:64000], 16000)).text


def test_empty_and_silent_sounds(engine: Engine) -> None:
    assert isinstance(engine.transcribe((np.zeros(16000, np.float32), 16000)), Transcript)
    with pytest.raises(AudioError):
        engine.transcribe((np.zeros(0, np.float32), 16000))


def test_channels_split(engine: Engine) -> None:
    siren = np.sin(np.cumsum(np.linspace(0.05, 1.5, 16000))) * np.linspace(0, 1, 16000)
    stereo = np.stack([noise(1, 1)[0], siren.astype(np.float32)], axis=1)
    left, right = engine.transcribe_many([(stereo, 16000)], channel="split")
    assert left.text == engine.transcribe((stereo, 16000), channel="left").text
    assert right.text == engine.transcribe((stereo, 16000), channel="right").text
    assert left.text != right.text


def test_many_keep_their_order(engine: Engine) -> None:
    sounds = [noise(1, seed) for seed in range(3)]
    assert [t.text for t in engine.transcribe_many(sounds)] == [engine.transcribe(s).text for s in sounds]


def test_prompt_conditions_the_text(engine: Engine) -> None:
    sound = noise(4.5)
    plain = engine.transcribe(sound)
    prompted = engine.transcribe(sound, prompt="Zwiebelkuchen")
    assert prompted.text != plain.text
    alone = engine.transcribe(sound, prompt="Zwiebelkuchen", draft="none")
    assert [s.tokens for s in prompted.segments] == [s.tokens for s in alone.segments]


def test_a_long_prompt_is_cut_to_half_the_context(engine: Engine) -> None:
    t = engine.transcribe(noise(1), prompt="word " * 200, language="en")
    assert t.trace.rounds[0].position == 64 // 2 + 3


def test_closing_gives_the_memory_back(pair: Any) -> None:
    engine = Engine.load(str(pair.target), str(pair.drafts["always"]), device="cpu")
    engine.transcribe(noise(1))
    runtime = engine._runtime
    assert runtime is not None
    held = [weakref.ref(runtime), *(weakref.ref(t) for t in runtime._tensors()), weakref.ref(engine._target)]
    del runtime
    assert engine.status.memory_bytes > 100_000
    engine.close()
    gc.collect()
    assert not [ref for ref in held if ref() is not None]
    engine.close()
    with pytest.raises(EngineClosed, match="load"):
        engine.transcribe(noise(1))
    with pytest.raises(EngineClosed):
        _ = engine.status
    assert repr(engine) == "Engine(closed)"


def test_two_engines_live_side_by_side(engine: Engine, pair: Any) -> None:
    sound = noise(2.5)
    before = engine.transcribe(sound)
    with Engine.load(str(pair.target), str(pair.drafts["never"]), device="cpu") as other:
        assert other.transcribe(sound).text == before.text
        assert engine.transcribe(sound).text == before.text
    assert engine.transcribe(sound).text == before.text


class StopAfter:
    """Ctrl-C at the n-th event."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __call__(self, event: Event) -> None:
        self.count -= 1
        if self.count < 0:
            raise KeyboardInterrupt


def test_ctrl_c_keeps_what_was_written(engine: Engine) -> None:
    sound = noise(5)
    whole = engine.transcribe(sound)
    events = 1 + len(whole.trace.rounds) + len(whole.segments)
    for moment in range(0, events, max(1, events // 25)):
        with pytest.raises(Interrupted) as caught:
            engine.transcribe(sound, on_event=StopAfter(moment))
        partial = caught.value.transcript
        assert not partial.complete
        assert whole.text.startswith(partial.text[:-8].strip())  # the last character may lack bytes still to come
        assert all("cut short" in s.flags for s in partial.segments if s not in whole.segments)
    assert engine.transcribe(sound).text == whole.text


def test_ctrl_c_inside_the_forward_pass(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = noise(3)
    whole = engine.transcribe(sound)
    runtime = engine._runtime
    assert runtime is not None
    forward, calls = type(runtime.target).forward, iter(range(1000))

    def interrupted(*args: Any) -> Any:
        if next(calls) == 12:
            raise KeyboardInterrupt
        return forward(*args)

    with monkeypatch.context() as patch:
        patch.setattr(type(runtime.target), "forward", interrupted)
        with pytest.raises(Interrupted):
            engine.transcribe(sound)
    assert engine.transcribe(sound).text == whole.text


def test_an_abandoned_stream_frees_the_engine(engine: Engine) -> None:
    stream = engine.stream(noise(3))
    next(stream)
    with pytest.raises(EngineBusy, match="stream"):
        engine.transcribe(noise(1))
    stream.close()
    assert engine.transcribe(noise(1)).complete


def test_threads_take_turns(engine: Engine) -> None:
    sounds = [noise(1.5, seed) for seed in range(4)]
    expected = [engine.transcribe(sound).text for sound in sounds]
    found: dict[int, str] = {}

    def work(i: int) -> None:
        found[i] = engine.transcribe(sounds[i]).text

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(4)] == expected


def test_saved_json_loads_back_equal(engine: Engine, tmp_path: Path) -> None:
    t = engine.transcribe(noise(2.5))
    assert Transcript.load(t.save(tmp_path / "x.json")) == t


def test_to_pandas(engine: Engine) -> None:
    t = engine.transcribe(noise(2.5))
    assert list(t.to_pandas()["text"]) == [s.text for s in t.segments]
    assert len(t.trace.to_pandas()) == len(t.trace.rounds)


def test_damaged_files_give_a_transcript_or_one_line(engine: Engine, damaged_files: list[Path]) -> None:
    """Done when 3: 200 mutated files, never a traceback."""
    said, transcripts = [], 0
    for path in damaged_files:
        try:
            transcripts += isinstance(engine.transcribe(path, max_tokens=8), Transcript)
        except AudioError as error:
            said.append(str(error))
    assert not [message for message in said if "\n" in message]
    assert len(said) + transcripts == len(damaged_files) >= 200
    assert said
    assert transcripts
