"""The door: what an engine returns, and that nothing done to it breaks it."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whisper_magic import Engine, TranscribeOptions, Transcript
from whisper_magic.audio.load import AudioStream
from whisper_magic.engine import scheduler
from whisper_magic.engine.native.bindings import why_not
from whisper_magic.errors import (
    AudioError,
    EngineBusy,
    EngineClosed,
    Interrupted,
    OptionError,
    SomeFailed,
    WhisperMagicError,
)
from whisper_magic.transcript import Event, Finished, Round, Segment, Started


def noise(seconds: float, seed: int = 0) -> tuple[np.ndarray, int]:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32), 16000


# Random weights would fail every guard.
PLAIN = TranscribeOptions(temperature=0.0, no_speech_threshold=None, draft="model")


def run(engine: Engine, source: Any, **overrides: Any) -> Transcript:
    return engine.transcribe(source, PLAIN, **overrides)


@pytest.fixture(scope="module")
def engine(pair: Any) -> Iterator[Engine]:
    with Engine.load(str(pair.target), str(pair.drafts["sometimes"]), device="cpu") as loaded:
        yield loaded


def test_a_transcript_is_complete_data(engine: Engine) -> None:
    t = run(engine, noise(5.3), language="de")
    assert t.segments
    assert t.complete
    assert t.language == "de"
    assert t.duration == pytest.approx(5.3)
    assert t.models.draft is not None
    assert t.models.attention == ("sdpa" if why_not() else "native CPU kernels")
    assert t.trace.rounds
    assert {r.window for r in t.trace.rounds} >= {0, 1, 2}
    timing = t.timing
    phases = (timing.read, timing.features, timing.encode, timing.prefill, timing.draft, timing.verify)
    assert all(seconds > 0 for seconds in phases)
    assert sum(phases) + timing.other == pytest.approx(timing.total)
    assert timing.rtfx == pytest.approx(5.3 / timing.total)
    assert all(0 <= s.start <= s.end <= 5.3 + 1e-9 for s in t.segments)


def test_the_trace_holds_every_token(engine: Engine) -> None:
    t = run(engine, noise(1.9))
    windows: dict[int, list[int]] = {}
    for r in t.trace.rounds:
        windows.setdefault(r.window, []).extend(r.tokens)
        assert 0 <= r.accepted <= len(r.proposed)
    written = [",".join(map(str, tokens)) for tokens in windows.values()]
    for segment in t.segments:
        assert any(",".join(map(str, segment.tokens)) in tokens for tokens in written)


def test_stream_and_callback_agree(engine: Engine) -> None:
    seen: list[Event] = []
    t = run(engine, noise(4.1), on_event=seen.append)
    streamed = list(engine.stream(noise(4.1), PLAIN))
    assert seen[0] == streamed[0] == Started("array", pytest.approx(4.1))
    assert [s for s in streamed if isinstance(s, Segment)] == list(t.segments)
    assert [r.tokens for r in streamed if isinstance(r, Round)] == [r.tokens for r in t.trace.rounds]


def test_rounds_carry_how_far_their_window_is(engine: Engine) -> None:
    rounds = run(engine, noise(1.0), draft="none").trace.rounds
    covered = [one.covered for one in rounds]
    assert len(set(covered)) > 2
    assert all(0 <= seconds <= 1.0 for seconds in covered)


def test_finished_is_the_last_event_of_every_recording(engine: Engine, tmp_path: Path) -> None:
    """Whatever becomes of it: text, silence, less than a frame. One that fails, as an empty one does, has no events."""
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    silence = (np.zeros(80_000, np.float32), 16_000)
    empty, short = (np.zeros(0, np.float32), 16_000), (np.zeros(20, np.float32), 16_000)
    sources = [noise(5.3), silence, empty, str(tmp_path / "bad.wav"), short, noise(0.5), silence]
    for options in ({}, {"no_speech_threshold": 0.6}, {"batch_size": 1}, {"mode": "batched"}, {"vad": True}):
        seen: dict[int, list[Event]] = {index: [] for index in range(len(sources))}
        with pytest.raises(SomeFailed) as failed:
            engine.transcribe_many(
                sources, PLAIN, **options, on_event=lambda index, event, seen=seen: seen[index].append(event)
            )
        assert {index for index in seen if not seen[index]} == set(failed.value.errors) == {2, 3}
        for events in filter(None, seen.values()):
            assert [isinstance(event, Started) for event in events] == [True] + [False] * (len(events) - 1)
            assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]
    for source in (noise(5.3), silence, short):
        assert isinstance(list(engine.stream(source, PLAIN))[-1], Finished)


@pytest.mark.parametrize("moment", [0, 1, 5, 30])
def test_finished_is_last_after_ctrl_c_too(engine: Engine, moment: int) -> None:
    seen: dict[int, list[Event]] = {}
    stop = StopAfter(moment)

    def on_event(index: int, event: Event) -> None:
        seen.setdefault(index, []).append(event)
        stop(event)

    with pytest.raises(Interrupted):
        engine.transcribe_many([noise(2.3, seed) for seed in range(4)], PLAIN, batch_size=2, on_event=on_event)
    assert seen
    for events in seen.values():
        assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]


def test_options_object_and_overrides(engine: Engine) -> None:
    options = TranscribeOptions(language="fr", draft_length=2, temperature=0.0, draft="model")
    t = engine.transcribe(noise(1), options, draft_length=3)
    assert t.options == TranscribeOptions(language="fr", draft_length=3, temperature=0.0, draft="model")
    assert max(len(r.proposed) for r in t.trace.rounds) == 3


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"langage": "de"}, "language"),
        ({"language": "it"}, "de, en, fr"),
        ({"channel": "split"}, "transcribe_many"),
        ({"max_tokens": 3}, "it must be 4 or more"),
        ({"timestamps": False, "mode": "sequential"}, "one window"),
        ({"prompt": "x <|nospeech|>"}, "nospeech"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(engine: Engine, overrides: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words) as caught:
        run(engine, noise(4), **overrides)
    assert "\n" not in str(caught.value)
    assert run(engine, noise(0.5)).complete


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda e: e.transcribe_many("talk.mp3"), "takes several sources, got 'talk.mp3'; use transcribe"),
        (lambda e: e.transcribe_many(Path("talk.mp3")), "use transcribe"),
        (lambda e: e.transcribe(["a.mp3", Path("b.mp3")]), "takes one source, got 2"),
        (lambda e: e.stream(("a.mp3",)), "use transcribe_many"),
        (lambda e: e.compare(["a.mp3"]), "use transcribe_many"),
        (lambda e: e.transcribe("a.mp3", "en"), "options is a TranscribeOptions, got 'en'"),
        (lambda e: e.transcribe_many(["a.mp3"], {"language": "en"}), "options is a TranscribeOptions"),
    ],
)
def test_the_wrong_call_names_the_right_one(engine: Engine, call: Callable[[Engine], object], words: str) -> None:
    with pytest.raises(WhisperMagicError, match=words):
        call(engine)


def test_clips_count_alone_and_those_beyond_the_end_are_noted(engine: Engine) -> None:
    t = run(engine, noise(5.3), clips=((1.0, 2.0), (4.5, 9.0), (20.0, 30.0)))
    assert t.timing.audio == pytest.approx(1.8, abs=0.011)
    assert t.timing.rtfx == pytest.approx(t.timing.audio / t.timing.total)
    assert [note for note in t.notes if "clip" in note] == [
        "nothing to transcribe in the clip 20-30 s: the recording ends at 5.3 s"
    ]


def test_a_clip_in_the_padding_of_a_short_recording_is_beyond_its_end(engine: Engine) -> None:
    """Its window is longer than the recording."""
    for mode in ("sequential", "batched"):
        t = run(engine, noise(0.5), clips=((0.0, 0.3), (0.6, 0.9)), mode=mode, draft="none")
        assert "nothing to transcribe in the clip 0.6-0.9 s: the recording ends at 0.5 s" in t.notes
        assert all(segment.end <= 0.5 for segment in (*t.segments, *t.skipped))
        assert all(segment.start < segment.end for segment in t.skipped)


def test_numpy_scalars_are_numbers(engine: Engine) -> None:
    given = {"start": np.float32(0.5), "end": np.float64(2.5), "seed": np.int64(3), "batch_size": np.int32(1)}
    t = run(engine, noise(5.3), **given)
    assert t.text == run(engine, noise(5.3), start=0.5, end=2.5, seed=3, batch_size=1).text


def test_language_by_name_and_code(engine: Engine) -> None:
    sound = noise(1)
    assert run(engine, sound, language="German").language == "de"
    assert run(engine, sound, language="<|de|>").language == "de"
    detected = run(engine, sound)
    assert detected.language in {"en", "de", "fr"}
    assert 1 / 3 <= (detected.language_probability or 0) <= 1


def test_task_and_timestamps_are_forced(engine: Engine) -> None:
    sound = noise(1.5)
    texts = {
        (task, stamps): run(engine, sound, language="en", task=task, timestamps=stamps).trace.rounds
        for task in ("transcribe", "translate")
        for stamps in (True, False)
    }
    begins = {key: rounds[0].position for key, rounds in texts.items()}
    assert begins == {key: 3 if key[1] else 4 for key in texts}


def test_a_part_keeps_the_times_of_the_whole(engine: Engine) -> None:
    sound = noise(6)
    t = run(engine, sound, start=2.0, end=4.0)
    assert t.duration == pytest.approx(2.0)
    assert all(2.0 <= s.start <= s.end <= 4.0 for s in t.segments)
    assert t.text == run(engine, (sound[0][32000:64000], 16000)).text


def test_empty_and_silent_sounds(engine: Engine) -> None:
    assert isinstance(run(engine, (np.zeros(16000, np.float32), 16000)), Transcript)
    with pytest.raises(AudioError):
        run(engine, (np.zeros(0, np.float32), 16000))


def test_channels_split(engine: Engine) -> None:
    siren = np.sin(np.cumsum(np.linspace(0.05, 1.5, 16000))) * np.linspace(0, 1, 16000)
    stereo = np.stack([noise(1, 1)[0], siren.astype(np.float32)], axis=1)
    left, right = engine.transcribe_many([(stereo, 16000)], PLAIN, channel="split")
    assert left.text == run(engine, (stereo, 16000), channel="left").text
    assert right.text == run(engine, (stereo, 16000), channel="right").text
    assert left.text != right.text


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_many_equal_each_alone(engine: Engine, batch_size: int) -> None:
    """Recordings of different lengths share the slots; each is read window after window, as if alone."""
    sounds = [noise(seconds, seed) for seed, seconds in enumerate((1, 5.5, 0.3, 3, 2.2))]
    alone = [run(engine, sound) for sound in sounds]
    seen: dict[int, list[Event]] = {i: [] for i in range(5)}
    together = engine.transcribe_many(
        sounds, PLAIN, batch_size=batch_size, on_event=lambda index, event: seen[index].append(event)
    )
    assert [[s.tokens for s in t.segments] for t in together] == [[s.tokens for s in t.segments] for t in alone]
    assert [t.language for t in together] == [t.language for t in alone]
    for i, t in enumerate(together):
        assert isinstance(seen[i][0], Started)
        assert [e for e in seen[i] if isinstance(e, Segment)] == list(t.segments)
        assert [e for e in seen[i] if isinstance(e, Round)] == list(t.trace.rounds)


def test_one_bad_file_stops_no_other(engine: Engine, tmp_path: Path) -> None:
    good = noise(1)
    with pytest.raises(SomeFailed, match=r"1 of 3 .*nothing\.wav") as caught:
        engine.transcribe_many([good, tmp_path / "nothing.wav", good], PLAIN)
    first, missing, last = caught.value.transcripts
    assert first.text == last.text == run(engine, good).text
    assert missing is None
    assert list(caught.value.errors) == [1]


def test_sources_are_read_when_a_slot_is_free(engine: Engine) -> None:
    """An endless list of sources is no reason to read it all at once."""
    read: list[int] = []

    def sources() -> Iterator[object]:
        for seed in range(9):
            read.append(seed)
            yield noise(0.5, seed)

    spans: list[int] = []
    engine.transcribe_many(
        sources(), PLAIN, batch_size=2, on_event=lambda index, event: spans.append(len(read) - index)
    )
    assert len(read) == 9
    assert max(spans) <= 4


@pytest.mark.parametrize("bad", [0, 1, 3])
def test_the_next_source_is_read_meanwhile_where_that_pays(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: int
) -> None:
    sounds: list[Any] = [noise(seconds, seed) for seed, seconds in enumerate((4.2, 0.8, 3.1))]
    alone = [run(engine, one).segments for one in sounds]
    sounds.insert(bad, tmp_path / "nothing.wav")
    readers, fetch = list[str](), AudioStream.fetch
    monkeypatch.setattr(scheduler, "READ_AHEAD_ON", ("cpu",))

    def noted(one: AudioStream, count: int | None = None) -> None:
        readers.append(threading.current_thread().name)
        fetch(one, count)

    monkeypatch.setattr(AudioStream, "fetch", noted)
    with pytest.raises(SomeFailed) as failed:
        engine.transcribe_many(sounds, PLAIN, batch_size=2)
    found = [t for t in failed.value.transcripts if t is not None]
    assert list(failed.value.errors) == [bad]
    assert [t.segments for t in found] == alone
    assert sum(name.startswith("whisper-magic-reads-ahead") for name in readers) == 3
    left = [t for t in threading.enumerate() if t.name.startswith("whisper-magic-reads-ahead")]
    for thread in left:
        thread.join(5)
        assert not thread.is_alive()


def test_what_was_read_ahead_in_vain_is_let_go(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[AudioStream] = []
    close, stream = AudioStream.close, scheduler.audio.stream
    closed: list[AudioStream] = []
    monkeypatch.setattr(scheduler, "READ_AHEAD_ON", ("cpu",))
    monkeypatch.setattr(AudioStream, "close", lambda one: (closed.append(one), close(one)))
    monkeypatch.setattr(scheduler.audio, "stream", lambda *a, **k: opened.append(stream(*a, **k)) or opened[-1])

    def stop(event: Event) -> None:
        if isinstance(event, Segment):
            raise KeyboardInterrupt

    sounds = [noise(2.0, seed) for seed in range(6)]
    with pytest.raises(Interrupted):
        engine.transcribe_many(sounds, PLAIN, batch_size=1, on_event=lambda index, event: stop(event))
    assert 2 <= len(opened) < 6
    deadline = time.monotonic() + 10
    while not {*map(id, opened)} <= {*map(id, closed)}:
        assert time.monotonic() < deadline, "a source stayed open"
        time.sleep(0.01)


def test_ctrl_c_among_many(engine: Engine) -> None:
    sounds = [noise(seconds, seed) for seed, seconds in enumerate((1, 4, 4, 1))]
    alone = [run(engine, sound) for sound in sounds]
    stop = StopAfter(12)
    with pytest.raises(Interrupted) as caught:
        engine.transcribe_many(sounds, PLAIN, batch_size=2, on_event=lambda index, event: stop(event))
    kept = caught.value.transcripts
    assert any(t is not None and not t.complete for t in kept)
    for t, whole in zip(kept, alone, strict=False):
        if t is not None and t.complete:
            assert t.text == whole.text
    assert [t.text for t in engine.transcribe_many(sounds, PLAIN)] == [t.text for t in alone]


def test_prompt_conditions_the_text(engine: Engine) -> None:
    sound = noise(4.5)
    plain = run(engine, sound)
    prompted = run(engine, sound, prompt="Zwiebelkuchen")
    assert prompted.text != plain.text
    alone = run(engine, sound, prompt="Zwiebelkuchen", draft="none")
    assert [s.tokens for s in prompted.segments] == [s.tokens for s in alone.segments]


def test_a_long_prompt_is_cut_to_half_the_context(engine: Engine) -> None:
    t = run(engine, noise(1), prompt="word " * 200, language="en")
    assert t.trace.rounds[0].position == 64 // 2 + 3


def test_closing_gives_the_memory_back(pair: Any) -> None:
    engine = Engine.load(str(pair.target), str(pair.drafts["always"]), device="cpu")
    run(engine, noise(1))
    runner = engine._loaded().runner  # held, as a kept exception would hold it
    held = [weakref.ref(tensor) for tensor in runner._tensors()]
    assert engine.status.memory_bytes > 100_000
    engine.close()
    assert not [ref for ref in held if ref() is not None]
    engine.close()
    with pytest.raises(EngineClosed, match="load"):
        run(engine, noise(1))
    with pytest.raises(EngineClosed):
        _ = engine.status
    assert repr(engine) == "Engine(closed)"


def test_two_engines_live_side_by_side(engine: Engine, pair: Any) -> None:
    sound = noise(2.5)
    before = run(engine, sound)
    with Engine.load(str(pair.target), str(pair.drafts["never"]), device="cpu") as other:
        assert run(other, sound).text == before.text
        assert run(engine, sound).text == before.text
    assert run(engine, sound).text == before.text


class StopAfter:
    """Ctrl-C at the n-th event."""

    def __init__(self, count: int) -> None:
        self.count = count

    def allocate(self, *arguments: Any) -> None:
        raise KeyboardInterrupt

    def __call__(self, event: Event) -> None:
        self.count -= 1
        if self.count == -1:
            raise KeyboardInterrupt


def test_ctrl_c_keeps_what_was_written(engine: Engine) -> None:
    sound = noise(5)
    whole = run(engine, sound)
    events = 1 + len(whole.trace.rounds) + len(whole.segments)
    for moment in range(0, events, max(1, events // 25)):
        with pytest.raises(Interrupted) as caught:
            run(engine, sound, on_event=StopAfter(moment))
        partial = caught.value.transcript
        if partial.complete:  # the very last event
            assert partial.text == whole.text
            continue
        assert partial.text != whole.text or partial.segments[-1].flags
        assert partial.timing.audio <= 5
        assert all(s.end - s.start > 0.1 for s in partial.segments if "cut short" in s.flags)
        assert whole.text.startswith(partial.text[:-8].strip())  # the last character may lack bytes still to come
        cut = [s for s in partial.segments if "cut short" in s.flags]
        assert cut in ([], [*partial.segments[-1:]]), "the last segment is, not each of its window"
    assert run(engine, sound).text == whole.text


def test_ctrl_c_inside_the_forward_pass(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = noise(3)
    whole = run(engine, sound)
    backend = type(engine._loaded().runner.backend)
    verify_round, calls = backend.verify_round, iter(range(1000))

    def interrupted(*args: Any) -> Any:
        if next(calls) == 12:
            raise KeyboardInterrupt
        return verify_round(*args)

    with monkeypatch.context() as patch:
        patch.setattr(backend, "verify_round", interrupted)
        with pytest.raises(Interrupted):
            run(engine, sound)
    assert run(engine, sound).text == whole.text


def test_an_abandoned_stream_frees_the_engine(engine: Engine) -> None:
    stream = engine.stream(noise(3))
    next(stream)
    with pytest.raises(EngineBusy, match="stream"):
        run(engine, noise(1))
    stream.close()
    assert run(engine, noise(1)).complete


def test_an_engine_cannot_be_used_or_closed_from_within(engine: Engine, pair: Any) -> None:
    """It would wait for itself."""
    with Engine.load(str(pair.target), "none", device="cpu") as other:
        stream = other.stream(noise(1), PLAIN)
        next(stream)
        with pytest.raises(EngineBusy):
            other.close()
        stream.close()
    with pytest.raises(EngineBusy, match="on_event"):
        run(engine, noise(1), on_event=lambda event: engine.close())
    assert run(engine, noise(1)).complete


def test_stream_checks_its_options_at_once(engine: Engine) -> None:
    with pytest.raises(OptionError, match="transcribe_many"):
        engine.stream(noise(1), channel="split")


def test_ctrl_c_in_a_single_window_is_not_complete(engine: Engine) -> None:
    with pytest.raises(Interrupted) as caught:
        run(engine, noise(1), on_event=StopAfter(4))
    partial = caught.value.transcript
    assert not partial.complete
    assert partial.timing.audio == 0
    assert "stopped at 0.0 s of 1.0 s" in str(caught.value)


def test_an_interrupted_allocation_is_done_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = engine._loaded().runner.backend.draft
    assert draft is not None
    sounds = [noise(0.5, seed) for seed in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(type(draft), "allocate", StopAfter(1).allocate)
        with pytest.raises(Interrupted):
            engine.transcribe_many(sounds, PLAIN, batch_size=3)
    assert len(engine.transcribe_many(sounds, PLAIN, batch_size=3)) == 3


def test_the_shortest_sounds(engine: Engine) -> None:
    """100 samples are less than one frame: a transcript all the same, with its events."""
    seen: list[tuple[int, str]] = []
    sounds = [noise(0.5), (np.zeros(100, np.float32), 16000)]
    many = engine.transcribe_many(sounds, PLAIN, batch_size=1, on_event=lambda i, e: seen.append((i, type(e).__name__)))
    assert many[1].text == ""
    assert [kind for i, kind in seen if i == 1] == ["Started", "Finished"]


def test_conditioning_never_outgrows_the_context(engine: Engine) -> None:
    sound = noise(9)
    for limit in (5, 12, 20, 40, 64):
        t = run(engine, sound, condition_on_previous=True, max_tokens=limit, language="en")
        alone = run(engine, sound, condition_on_previous=True, max_tokens=limit, language="en", draft="none")
        assert [s.tokens for s in t.segments] == [s.tokens for s in alone.segments]
        assert max(r.position + len(r.tokens) for r in t.trace.rounds) <= limit


def test_detection_does_not_depend_on_the_prompt_or_on_what_came_before(engine: Engine) -> None:
    sound = noise(1.7)
    plain = run(engine, sound).language_probability
    assert run(engine, sound, prompt="Zwiebelkuchen").language_probability == plain
    run(engine, noise(3, 9))
    assert run(engine, sound, prompt="Zwiebelkuchen").language_probability == plain


def test_threads_take_turns(engine: Engine) -> None:
    sounds = [noise(1.5, seed) for seed in range(4)]
    expected = [run(engine, sound).text for sound in sounds]
    found: dict[int, str] = {}

    def work(i: int) -> None:
        found[i] = run(engine, sounds[i]).text

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(4)] == expected


def test_saved_json_loads_back_equal(engine: Engine, tmp_path: Path) -> None:
    t = run(engine, noise(2.5))
    assert Transcript.load(t.save(tmp_path / "x.json")) == t


def test_to_pandas(engine: Engine) -> None:
    t = run(engine, noise(2.5))
    assert list(t.to_pandas()["text"]) == [s.text for s in t.segments]
    assert len(t.trace.to_pandas()) == len(t.trace.rounds)


def test_damaged_files_give_a_transcript_or_one_line(engine: Engine, damaged_files: list[Path]) -> None:
    """Done when 3: 200 mutated files, never a traceback."""
    said, transcripts = [], 0
    for path in damaged_files:
        try:
            transcripts += isinstance(run(engine, path, max_tokens=8), Transcript)
        except AudioError as error:
            said.append(str(error))
    assert not [message for message in said if "\n" in message]
    assert len(said) + transcripts == len(damaged_files) >= 200
    assert said
    assert transcripts


def test_guesses_in_a_language_detected_once_are_explained(engine: Engine) -> None:
    """Random weights guess everywhere."""
    guessing = PLAIN.override(logprob_threshold=-0.01, compression_ratio_threshold=None)
    explained = "the language was detected once; where it changes, language='per-window' detects it in each window"
    assert explained in engine.transcribe(noise(5.3), guessing).notes
    for language in ("en", "per-window"):
        assert explained not in engine.transcribe(noise(5.3), guessing, language=language).notes
    assert explained not in engine.transcribe(noise(5.3), PLAIN, logprob_threshold=None).notes
    assert explained not in engine.transcribe(noise(0.9), guessing).notes, "one window has one language"
