"""The order of the windows, and their prompts, on the demo pair and its recording."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whisper_magic import Engine, TranscribeOptions
from whisper_magic.audio.load import Audio, load
from whisper_magic.engine import scheduler
from whisper_magic.engine.model.hub import demo_folder
from whisper_magic.engine.windows import opening, sound_reader
from whisper_magic.engine.windows.prompt import non_speech_tokens
from whisper_magic.errors import OptionError
from whisper_magic.transcript import Segment

SPOKEN = json.loads((demo_folder() / "sample.json").read_text())
RATE = 16_000
MODEL = TranscribeOptions(draft="model", temperature=0.0)


@cache
def sample() -> Audio:
    """The bundled recording: 71 s."""
    return load(demo_folder() / "sample.ogg")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.load("demo", device="cpu") as loaded:
        yield loaded


@pytest.fixture(scope="module")
def long() -> tuple[np.ndarray, int]:
    """The recording twice."""
    return np.concatenate([sample().samples, sample().samples]), RATE


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@pytest.fixture
def pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: several windows at once are faster."""
    monkeypatch.setattr(opening, "BATCHED_ON", ("cpu",))


@pytest.mark.slow
def test_here_auto_is_the_reference(engine: Engine, long: Any) -> None:
    found = engine.transcribe(long, MODEL, max_tokens=12)
    assert found.mode == "sequential"
    (note,) = found.notes
    assert "decoded as en sound like de at 30 s" in note, "which it is"
    assert engine.transcribe(long, MODEL, max_tokens=12, language="en").notes == ()


@pytest.mark.usefixtures("pays")
def test_auto_batches_what_is_long_and_says_so(engine: Engine, long: Any) -> None:
    seen: list[Segment] = []
    batched = engine.transcribe(long, MODEL, on_event=lambda e: seen.append(e) if isinstance(e, Segment) else None)
    assert batched.mode == "batched"
    assert batched.notes[0] == "pauses found by silero-vad"
    assert "decoded as en sound like de at 30 s" in batched.notes[1]
    assert tuple(seen) == batched.segments, "in the order of the recording, whichever window ended first"
    assert [s.start for s in seen] == sorted(s.start for s in seen)
    assert len({r.window for r in batched.trace.rounds}) >= 3


@pytest.mark.slow
def test_batched_says_what_sequential_says(engine: Engine, long: Any) -> None:
    jiwer = pytest.importorskip("jiwer")
    said = words(f"{SPOKEN['text']} {SPOKEN['text']}")
    rates = {}
    for mode in ("sequential", "batched"):
        found = engine.transcribe(long, MODEL, mode=mode, language="per-window")
        assert found.mode == mode
        rates[mode] = jiwer.wer(" ".join(said), " ".join(words(found.text)))
    assert rates["batched"] <= rates["sequential"] + 0.05


@pytest.mark.slow
def test_the_batch_does_not_change_the_text(engine: Engine, long: Any) -> None:
    alone = engine.transcribe(long, MODEL, mode="batched", batch_size=1)
    together = engine.transcribe(long, MODEL, mode="batched", batch_size=5, draft_length=3)
    assert [s.tokens for s in alone.segments] == [s.tokens for s in together.segments]
    assert [(s.start, s.end) for s in alone.segments] == [(s.start, s.end) for s in together.segments]


@pytest.mark.slow
@pytest.mark.usefixtures("pays")
def test_short_recordings_many_files_and_previous_text_stay_sequential(engine: Engine, long: Any) -> None:
    short = (sample().samples[: 20 * RATE], RATE)
    assert engine.transcribe(short, MODEL).mode == "sequential"
    assert [t.mode for t in engine.transcribe_many([long, short], MODEL)] == ["sequential"] * 2
    assert engine.transcribe(long, MODEL, condition_on_previous=True).mode == "sequential"


@pytest.mark.usefixtures("pays")
def test_where_no_voice_is_found_all_is_read(engine: Engine) -> None:
    hum = (0.1 * np.sin(np.arange(100 * RATE) * 0.05)).astype(np.float32)
    found = engine.transcribe((hum, RATE), MODEL, max_tokens=12)
    assert found.mode == "sequential"
    assert found.notes == ()
    assert engine.transcribe((hum, RATE), MODEL, mode="batched").segments == ()


def test_vad_leaves_silence_out_in_sequence(engine: Engine) -> None:
    silence = np.zeros(50 * RATE, np.float32)
    first = sample().samples[: 25 * RATE]
    found = engine.transcribe((np.concatenate([first, silence, first]), RATE), MODEL, mode="sequential", vad=True)
    assert found.notes == ("pauses found by silero-vad",)
    assert len({r.window for r in found.trace.rounds}) <= 3, "no window of silence"
    assert all(not 26 < s.start < 74 for s in found.segments)
    assert any(s.start >= 74 for s in found.segments)


def test_clips(engine: Engine) -> None:
    first, second = SPOKEN["segments"][1], SPOKEN["segments"][4]
    clips = tuple((round(one["start"] - 0.2, 1), round(one["end"] + 0.2, 1)) for one in (first, second))
    for mode in ("sequential", "batched"):
        found = engine.transcribe(sample(), MODEL, clips=clips, mode=mode)
        assert [s for s in found.segments if not any(a <= s.start <= s.end <= b + 0.3 for a, b in clips)] == []
        assert len(found.segments) == 2
    moved = engine.transcribe(demo_folder() / "sample.ogg", MODEL, clips=clips, start=clips[0][0] - 1)
    for segment, clip in zip(moved.segments, clips, strict=True):
        assert clip[0] <= segment.start <= segment.end <= clip[1] + 0.3, "seconds of the source, whatever the start"


@pytest.mark.slow
def test_a_language_for_every_window(engine: Engine, long: Any) -> None:
    found = engine.transcribe(long, MODEL, language="per-window", batch_size=3)
    assert all(s.language in engine.status.languages for s in found.segments)
    assert found.language in engine.status.languages
    assert found.language_probability is None
    assert {s.language for s in engine.transcribe(sample(), MODEL, language="en").segments} == {None}


@pytest.mark.slow
def test_hot_words_are_given_to_every_window(engine: Engine) -> None:
    plain = engine.transcribe(sample(), MODEL, mode="sequential")
    hot = engine.transcribe(sample(), MODEL, mode="sequential", hotwords="Nina, Oslo")
    first = {r.window: r.position for r in reversed(plain.trace.rounds)}
    prompted = {r.window: r.position for r in reversed(hot.trace.rounds)}
    lengths = {prompted[w] - first[w] for w in first if w in prompted}
    assert len(lengths) == 1, "the same words in front of each"
    assert lengths.pop() > 3
    with pytest.raises(OptionError, match="contains the special token"):
        engine.transcribe(sample(), MODEL, hotwords="<|endoftext|>")


def test_what_is_no_speech_can_be_kept_out(engine: Engine) -> None:
    target = engine._loaded().target
    ids = non_speech_tokens(target.tokenizer, target.special)
    texts = {target.tokenizer.decode([i]).strip() for i in ids if i < target.special.eot}
    assert target.special.sot in ids
    assert texts, "this vocabulary has some"
    assert not any(text.isalnum() for text in texts)
    found = engine.transcribe(sample(), MODEL, suppress_tokens=-1)
    assert not {t for s in found.segments for t in s.tokens if t < target.special.eot} & set(ids)


@pytest.mark.slow
def test_without_timestamps_a_long_recording_is_read_in_batches(engine: Engine, long: Any) -> None:
    with pytest.raises(OptionError, match="or pass mode='batched'"):
        engine.transcribe(long, MODEL, timestamps=False, mode="sequential")
    found = engine.transcribe(long, MODEL, timestamps=False)
    assert found.mode == "batched"
    assert len(found.segments) >= 3


@pytest.mark.slow
def test_a_long_recording_is_read_in_parts(
    engine: Engine, long: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = {mode: engine.transcribe(long, MODEL, mode=mode) for mode in ("sequential", "batched")}
    monkeypatch.setattr(sound_reader, "WHOLE_SECONDS", 40.0)
    monkeypatch.setattr(sound_reader, "CHUNK_SECONDS", 20.0)
    for mode, before in whole.items():
        found = engine.transcribe(long, MODEL, mode=mode)
        assert found.complete
        assert found.duration == pytest.approx(before.duration)
        assert found.timing.audio == pytest.approx(before.duration)
        assert any("read in parts" in note for note in found.notes)
        same = sum(a == b for a, b in zip(words(found.text), words(before.text), strict=False))
        assert same > 0.8 * len(words(before.text)), "but for a quieter floor under its beginning"


def test_a_long_damaged_recording_is_kept_as_far_as_it_goes(
    engine: Engine, long: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "whole.wav", long[0], RATE, subtype="PCM_16")
    cut = tmp_path / "cut.wav"
    cut.write_bytes((tmp_path / "whole.wav").read_bytes()[: 60 * RATE * 2])
    monkeypatch.setattr(sound_reader, "WHOLE_SECONDS", 40.0)
    monkeypatch.setattr(sound_reader, "CHUNK_SECONDS", 20.0)
    found = engine.transcribe(cut, MODEL)
    assert found.complete, "all that is there was read"
    assert found.segments
    assert found.segments[-1].end > 40
    assert any(note.startswith("breaks off at 60.00 s: its header claims ") for note in found.notes)


@pytest.mark.slow
def test_a_loop_over_windows_is_flagged(engine: Engine) -> None:
    """The same sentence in every window: no window shows it by itself, and nothing is dropped."""
    one = SPOKEN["segments"][0]
    said = sample().samples[int(one["start"] * RATE) : int(one["end"] * RATE)]
    sound = np.concatenate([np.pad(said, (RATE // 2, 59 * RATE // 2 - len(said))) for _ in range(4)])
    found = engine.transcribe((sound, RATE), MODEL, mode="sequential", language="en")
    texts = [segment.text for segment in found.segments]
    assert len(texts) == 4
    assert len(set(texts)) == 1
    assert [bool(segment.flags) for segment in found.segments] == [False, False, True, True]
    assert found.segments[3].flags == ("repeats the previous segments",)


def test_word_times_are_true(engine: Engine) -> None:
    """Where sentences begin and end is known: the first word's start and the last word's end, median distance."""
    found = engine.transcribe(sample(), MODEL, words=True, mode="sequential", language="per-window")
    distances = []
    for spoken in SPOKEN["segments"]:
        inside = [w for w in found.words if spoken["start"] - 0.3 < (w.start + w.end) / 2 < spoken["end"] + 0.3]
        if inside:
            distances += [abs(inside[0].start - spoken["start"]), abs(inside[-1].end - spoken["end"])]
    assert len(distances) >= 12
    assert float(np.median(distances)) < 0.1


@pytest.mark.slow
@pytest.mark.usefixtures("pays")
def test_large_models_get_no_more_slots_than_there_is_memory_for(
    engine: Engine, long: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = engine._loaded().runner
    engine.transcribe(long, MODEL, max_tokens=20)
    assert runner.slots.count > 2
    monkeypatch.setattr(scheduler, "SLOT_MEMORY", 2.5 * runner.slot_bytes)
    engine.transcribe(long, MODEL, max_tokens=20)
    assert runner.slots.count == 2
    engine.transcribe(long, MODEL, max_tokens=20, mode="batched", batch_size=4)
    assert runner.slots.count == 4, "what was asked for is done"
