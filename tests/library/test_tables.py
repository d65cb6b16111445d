"""A library as tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.support.scripted_library import saying
from whisper_magic.errors import LibraryError
from whisper_magic.library import tables
from whisper_magic.library.records import ModelConfig, RecordingInfo, RecordingKey
from whisper_magic.library.store import Store
from whisper_magic.scoring import ErrorCounts
from whisper_magic.transcript import Round, Timing, Trace, Transcript


def timed(transcript: Transcript) -> Transcript:
    rounds = (Round(0, 4, (1, 2, 3, 4), 3, 9), Round(0, 8, (), 0, 9))
    return replace(transcript, trace=Trace(rounds), timing=Timing(total=0.5, audio=4.0))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two runs of two recordings, of which the second has transcribed one, and a recording without a transcript."""
    made = Store(tmp_path / "whisper.db")
    first = made.add_run(ModelConfig("big", "ab", "float32", '{"seed": 1}', "small"))
    second = made.add_run(ModelConfig("other", "cd", "bfloat16", "{}"))
    one = made.add_recording(
        RecordingKey("aa"), RecordingInfo("a.wav", 4.0, "one too", "Ada", {"split": "dev"}, ("b", "a"))
    )
    two = made.add_recording(RecordingKey("bb"), RecordingInfo("b.wav"))
    made.add_recording(RecordingKey("cc"), RecordingInfo("c.wav"))
    made.save(one, first, timed(saying("one two", "three")), ErrorCounts(2, 4, 3, 10))
    made.save(two, first, timed(saying("five")), ErrorCounts(0, 6, 0, 10))
    made.save(one, second, replace(saying("one too", language="de"), complete=False), ErrorCounts(0, 2, 0, 7))
    made.set_note(one, "listen")
    made.accept([one])
    yield made
    made.close()


def table(
    store: Store, kind: tables.Kind, run: int | None = None, only: list[int] | None = None
) -> list[dict[str, object]]:
    return [dict(zip(tables.COLUMNS[kind], row, strict=True)) for row in tables.rows(store, kind, run, only)]


def test_recordings_with_their_newest_transcripts(store: Store) -> None:
    one, two, three = table(store, "recordings")
    assert one == {
        "recording": 1, "transcript": 3, "name": "a.wav", "duration": 4.0, "language": "de", "text": "one too",
        "reference": "one too", "wer": 0.0, "cer": 0.0, "confidence": pytest.approx(0.6065, abs=1e-4),
        "flags": ("incomplete",), "tags": ("a", "b"), "note": "listen", "accepted": True, "speaker": "Ada",
        "target": "other", "draft": None, "options": {}, "complete": False, "acceptance_rate": None,
        "tokens_per_round": None, "rtfx": None, "metadata": {"split": "dev"},
    }  # fmt: skip
    assert (two["transcript"], two["wer"], two["acceptance_rate"], two["tokens_per_round"]) == (2, 0.0, 0.75, 2.5)
    assert (two["rtfx"], two["options"], two["duration"], two["tags"]) == (8.0, {"seed": 1}, 2.0, ())
    assert {three[name] for name in ("transcript", "text", "options", "complete", "wer")} == {None}
    assert (three["flags"], three["metadata"], three["accepted"]) == ((), {}, False)


def test_recordings_of_one_run(store: Store) -> None:
    assert [row["text"] for row in table(store, "recordings", 1)] == ["one two three", "five", None]
    assert [row["text"] for row in table(store, "recordings", 2)] == ["one too", None, None]
    assert [row["wer"] for row in table(store, "recordings", 1)] == [0.5, 0.0, None]
    assert [row["recording"] for row in table(store, "recordings", only=[3, 1])] == [1, 3]


def test_segments(store: Store) -> None:
    rows = table(store, "segments", 1)
    assert [(row["recording"], row["start"], row["end"], row["text"]) for row in rows] == [
        (1, 0.0, 2.0, " one two"),
        (1, 2.0, 4.0, " three"),
        (2, 0.0, 2.0, " five"),
    ]
    assert rows[0]["language"] == "en"
    assert rows[0]["avg_logprob"] == -0.5


def test_words(store: Store) -> None:
    rows = table(store, "words", 1, [1])
    assert [tuple(row.values())[1:] for row in rows] == [
        (1, "a.wav", 0.0, 1.0, " one", 0.9, None),
        (1, "a.wav", 1.0, 2.0, " two", 0.9, None),
        (1, "a.wav", 2.0, 4.0, " three", 0.9, None),
    ]
    assert [row["text"] for row in table(store, "words")] == [" one", " too", " five"]


def test_corrections_are_in_every_table(store: Store) -> None:
    store.edit(2, saying("six seven"))
    assert table(store, "recordings")[1]["text"] == "six seven"
    assert [row["text"] for row in table(store, "segments", only=[2])] == [" six seven"]
    assert [row["text"] for row in table(store, "words", only=[2])] == [" six", " seven"]


def test_another_table(store: Store) -> None:
    with pytest.raises(LibraryError, match=r"^the tables are recordings, segments, words, got 'word'; did you"):
        list(tables.rows(store, "word", None))  # type: ignore[arg-type]


def test_runs(store: Store) -> None:
    store.add_run(ModelConfig("unused", "ef", "float32", "{}"))
    assert [asdict(run) for run in tables.runs(store)] == [
        {
            "run": 1, "target": "big", "draft": "small", "dtype": "float32", "options": {"seed": 1}, "transcripts": 2,
            "wer": 0.2, "cer": 0.15, "seconds": 8.0, "rtfx": 8.0,
        },
        {
            "run": 2, "target": "other", "draft": None, "dtype": "bfloat16", "options": {}, "transcripts": 1,
            "wer": 0.0, "cer": 0.0, "seconds": 0.0, "rtfx": None,
        },
    ]  # fmt: skip


def test_two_runs_beside_each_other(store: Store) -> None:
    pytest.importorskip("jiwer")
    for content, first, second in (("dd", "ant bee cat", "ant bee dog"), ("ee", "ant", "Ant!"), ("ff", "same", "same")):
        number = store.add_recording(RecordingKey(content), RecordingInfo(f"{content}.wav"))
        store.save(number, 1, saying(first))
        store.save(number, 2, saying(second))
    rows = tables.differences(store, 1, 2)
    assert [(row.name, row.first, row.second) for row in rows] == [
        ("a.wav", "one two three", "one too"),
        ("dd.wav", "ant bee cat", "ant bee dog"),
    ]
    assert rows[1].differs == pytest.approx(1 / 3)
    assert [(stretch.reference, stretch.written) for stretch in rows[1].differences] == [(("cat",), ("dog",))]
    assert (rows[0].wer_first, rows[0].wer_second) == (0.5, 0.0)
    assert tables.differences(store, 1, 1) == []


def test_nothing_said_against_something(store: Store) -> None:
    pytest.importorskip("jiwer")
    number = store.add_recording(RecordingKey("dd"), RecordingInfo("d.wav"))
    store.save(number, 1, saying())
    store.save(number, 2, saying("ant"))
    first, *_ = tables.differences(store, 1, 2)
    assert (first.name, first.differs) == ("d.wav", float("inf"))
