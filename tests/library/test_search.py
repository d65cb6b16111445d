"""Finding where something was said."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.scripted_library import saying
from whisper_magic.errors import LibraryError
from whisper_magic.library.query import Query, parse
from whisper_magic.library.records import ModelConfig, RecordingInfo, RecordingKey
from whisper_magic.library.search import AROUND, Hits, SearchFilters, _source, search, transcripts
from whisper_magic.library.store import Store
from whisper_magic.transcript import Transcript

ODD = ['"', '""', "*", "**", "AND", "OR", "NOT", "NEAR(", "NEAR(a b)", 'a"b', "a'b", "a:b", "(a", "a)", "^a", "+", "-"]
ODD += [
    "%",
    "_",
    "*%*",
    "*__*",
    "*\\*",
    "\\",
    "ﬁ",
    "½",
    "\u0301",
    "İ",
    "𝕏",
    "🎧",
    "\u202e",
    "\0",
    "*\0*",
    "\ud800",
    "*\ud800a*",
]
ODD += [
    "हिन्दी",
    "한국어",
    "日",
    "一" * 500,
    "a " * 2000,
    "-a " * 300 + "b",
    "a OR " * 1000,
    "'; DROP TABLE segment; --",
    "x" * 100_000,
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "whisper.db")
    yield made
    made.close()


def add(store: Store, transcript: Transcript, speaker: str | None = None, options: str = "{}") -> int:
    """The id of its transcript."""
    name = f"{len(store.query('SELECT 1 FROM recording'))}.wav"
    recording = store.add_recording(RecordingKey(name), RecordingInfo(name, speaker=speaker))
    made = store.save(recording, store.add_run(ModelConfig("demo", "ab", "float32", options)), transcript)
    assert made is not None
    return made


def found(store: Store, text: str, **others: object) -> list[tuple[int, str]]:
    """Transcript and match of each hit, in order of the transcripts."""
    return sorted((hit.transcript, hit.match) for hit in search(store, text, **others))  # type: ignore[arg-type]


# Words


@pytest.fixture
def talks(store: Store) -> Store:
    for text in (
        "Two hundred models read the room",  # 1
        "the room had two doors and a hundred chairs",  # 2
        "Nobody read a well-known Café menu",  # 3
        "Die Straße über München ist lang",  # 4
    ):
        add(store, saying(text))
    return store


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("room", [(1, "room"), (2, "room")]),
        ("ROOM", [(1, "room"), (2, "room")]),
        ("two hundred", [(1, "Two"), (2, "two")]),
        ("hundred two", [(1, "Two"), (2, "two")]),
        ('"two hundred"', [(1, "Two hundred")]),
        ('"hundred two"', []),
        ("hund*", [(1, "hundred"), (2, "hundred")]),
        ("hund", []),
        ('"two hund"*', [(1, "Two hundred")]),
        ("read -room", [(3, "read")]),
        ("read NOT room", [(3, "read")]),
        ("doors OR nobody", [(2, "doors"), (3, "Nobody")]),
        ("well-known", [(3, "well-known")]),
        ('"well known"', [(3, "well-known")]),
        ("cafe", [(3, "Café")]),
        ("café", [(3, "Café")]),
        ("cafe\u0301", [(3, "Café")]),
        ("uber munchen", [(4, "über")]),
        ("straße", [(4, "Straße")]),
        ("*undre*", [(1, "undre"), (2, "undre")]),
        ("*TRASS*", []),
        ("*traß*", [(4, "traß")]),
        ("*oo*", [(1, "oo"), (2, "oo")]),
        ("*m h*", [(2, "m h")]),
        ("menu menu", [(3, "menu")]),
        ("absent", []),
    ],
)
def test_words(talks: Store, text: str, hits: list[tuple[int, str]]) -> None:
    assert found(talks, text) == hits


def test_near(talks: Store) -> None:
    assert found(talks, "two hundred", near=1) == [(1, "Two")]
    assert found(talks, "two hundred", near=3) == [(1, "Two"), (2, "two")]
    assert found(talks, "two hund* -doors", near=3) == [(1, "Two")]
    with pytest.raises(LibraryError, match="at least 1"):
        search(talks, "two hundred", near=0)


def test_while_it_is_typed(talks: Store) -> None:
    assert found(talks, "two hund", typing=True) == [(1, "Two"), (2, "two")]
    assert transcripts(talks, "roo", typing=True) == [1, 2]
    assert transcripts(talks, "roo") == []
    assert transcripts(talks, "  ") is None
    assert transcripts(talks, "*oo*") == [1, 2]


def test_the_words_that_are_asked_for_together_rank_first(store: Store) -> None:
    add(store, saying("a long segment of many words in which the room is hardly what is spoken of at all today"))
    add(store, saying("the room"))
    assert [hit.transcript for hit in search(store, "room")] == [2, 1]


def test_signs_of_patterns_are_signs(store: Store) -> None:
    add(store, saying("100% of a_b or c\\d"))
    add(store, saying("100 per cent of axb"))
    assert found(store, "*0% o*") == [(1, "0% o")]
    assert found(store, "*0%*") == [(1, "0%")]
    assert found(store, "*%*") == [(1, "%")]
    assert found(store, "*_*") == [(1, "_")]
    assert found(store, "*a_b*") == [(1, "a_b")]
    assert found(store, "*c\\d*") == [(1, "c\\d")]


def test_parts_are_found_in_whatever_case(store: Store) -> None:
    add(store, saying("Die Straße führt Über die BRÜCKE"))
    add(store, saying("ΑΘΗΝΑ und Москва"))
    add(store, saying("Strassen"))
    assert found(store, "*über*") == [(1, "Über")]
    assert found(store, "*RÜCK*") == [(1, "RÜCK")]
    assert found(store, "*ü*") == [(1, "ü")]
    assert found(store, "*RÜ*") == [(1, "RÜ")]
    assert found(store, "*ß*") == [(1, "ß")]
    assert found(store, "*αθ*") == [(2, "ΑΘ")]
    assert found(store, "*ü\0ber*") == [(1, "Über")]
    assert found(store, "*brücke*") == [(1, "BRÜCKE")]  # behind an ß, which casefold writes as two letters
    assert found(store, "*αθην*") == [(2, "ΑΘΗΝ")]
    assert found(store, "*МОСК*") == [(2, "Моск")]
    assert found(store, "*ührt b*") == []  # its trigrams are there, it is not
    assert transcripts(store, "*über*") == [1]


def test_parts_are_found_by_the_index(talks: Store) -> None:
    source, values = _source(Query(part="undre"))
    ((*_, plan),) = talks.query(f"EXPLAIN QUERY PLAN SELECT rowid FROM {source}", values)
    assert plan == "SCAN segment_parts VIRTUAL TABLE INDEX 0:L0"  # not 0:, which reads everything
    source, values = _source(Query(part="ünf%"))
    ((*_, plan),) = talks.query(f"EXPLAIN QUERY PLAN SELECT rowid FROM {source}", values)
    assert plan.startswith("SCAN segment_parts VIRTUAL TABLE INDEX 0:M")


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_anything_typed_is_harmless(talks: Store, text: str) -> None:
    for near, typing in ((None, False), (3, False), (None, True)):
        assert isinstance(search(talks, text, near=near, typing=typing), Hits)
        transcripts(talks, text, typing=typing)
    assert found(talks, "doors") == [(2, "doors")]


def test_anything_typed_at_random_is_harmless(talks: Store) -> None:
    dice = random.Random(11)
    alphabet = [*"\"*-():^+,\\%_' ab", "AND", "OR ", " NOT ", "NEAR(", "é", "日本", "\0", "\ud800", "two", "hundred"]
    for _ in range(500):
        text = "".join(dice.choice(alphabet) for _ in range(dice.randrange(1, 12)))
        try:
            parse(text)
        except LibraryError:  # it says only what is not wanted
            continue
        search(talks, text, SearchFilters("en", "Ada", 1), near=dice.choice([None, 2]), typing=dice.random() < 0.5)


# Languages without spaces


def test_chinese_and_japanese(store: Store) -> None:
    add(store, replace(saying("今天天气很好我们去公园"), language="zh"))
    add(store, replace(saying("東京の天気は晴れです"), language="ja"))
    for text, hits in (
        ("天气", [(1, "天气")]),
        ("公园", [(1, "公园")]),
        ("天", [(1, "天"), (2, "天")]),
        ("天气很好", [(1, "天气很好")]),
        ("東京", [(2, "東京")]),
        ("晴れです", [(2, "晴れです")]),
        ("晴れ*", [(2, "晴れ")]),
        ("大阪", []),
    ):
        assert found(store, text) == hits, text


def test_chinese_across_segments(store: Store) -> None:
    made = saying("今天天", "气很好")
    segments = tuple(replace(one, text=one.text.strip(), words=()) for one in made.segments)  # as Whisper writes them
    add(store, replace(made, segments=segments))
    for text in ("天气", "天天气很", "气很"):
        (hit,) = search(store, text)
        assert hit.match == text


# Places


def test_a_hit_has_the_times_of_its_words(store: Store) -> None:
    number = add(store, saying("one two three four", "five six"), "Ada")
    (hit,) = search(store, '"two three"')
    assert (hit.start, hit.end, hit.before, hit.match, hit.after) == (0.5, 1.5, "one ", "two three", " four five six")
    assert (hit.transcript, hit.name, hit.language, hit.speaker) == (number, "0.wav", "en", "Ada")
    (hit,) = search(store, "six")
    assert (hit.start, hit.end, hit.before) == (3.0, 4.0, "five ")


def test_without_words_a_hit_has_the_times_of_its_segment(store: Store) -> None:
    made = saying("one two", "three four")
    add(store, replace(made, segments=tuple(replace(one, words=()) for one in made.segments)))
    (hit,) = search(store, "four")
    assert (hit.start, hit.end) == (2.0, 4.0)


def test_who_says_a_word_is_its_own_speaker(store: Store) -> None:
    made = saying("one two")
    words = tuple(replace(word, speaker=name) for word, name in zip(made.words, ("Bob", None), strict=True))
    add(store, replace(made, segments=(replace(made.segments[0], words=words),)), "Ada")
    assert [hit.speaker for text in ("one", "two") for hit in search(store, text)] == ["Bob", "Ada"]


def test_a_phrase_that_crosses_into_the_next_segment_is_found_once(store: Store) -> None:
    add(store, saying("we went down to", "the sea today", "and home"))
    for text, start, end, match in (
        ('"down to the sea"', 1.0, 2.0, "down to the sea"),
        ('"to the"', 1.5, 2.0, "to the"),
        ('"the sea"', 2.0, 3.333, "the sea"),
        ('"today and home"', 3.333, 4.0, "today and home"),
        ("home", 5.0, 6.0, "home"),
        ('"to the sea today and"', None, None, None),  # further than the index sees
    ):
        hits = search(store, text)
        expected = [] if start is None else [(start, end, match)]
        assert [(hit.start, hit.end, hit.match) for hit in hits] == expected, text


def test_what_is_shown_around_a_hit_is_short(store: Store) -> None:
    add(store, saying(" ".join(f"word{number}" for number in range(60)).replace("word30", "here")))
    add(store, saying("字" * 100 + "公园" + "字" * 100))
    (hit,) = search(store, "here")
    assert hit.before.startswith("…word2")
    assert hit.before.endswith("word29 ")
    assert hit.after.startswith(" word31")
    assert hit.after.endswith("…")
    assert max(len(hit.before), len(hit.after)) <= AROUND + 1
    (hit,) = search(store, "公园")
    assert (hit.before, hit.after) == ("…" + "字" * AROUND, "字" * AROUND + "…")


# SearchFilters


def test_filters(store: Store) -> None:
    add(store, saying("the room"), "Ada")
    add(store, saying("the room", language="de"), "Bob")
    add(store, saying("the room"), "Bob", '{"seed": 1}')
    for filters, hits in (
        (SearchFilters(), [1, 2, 3]),
        (SearchFilters("de"), [2]),
        (SearchFilters("en", "Bob"), [3]),
        (SearchFilters(speaker="Bob"), [2, 3]),
        (SearchFilters(run=1), [1, 2]),
        (SearchFilters("fr"), []),
    ):
        for text in ("room", "*oom*", "*oo*"):
            assert [number for number, _ in found(store, text, filters=filters)] == hits


def test_more_than_is_shown(store: Store) -> None:
    for _ in range(5):
        add(store, saying("the room"))
    for text in ("room", "*oom*"):
        hits = search(store, text, limit=3)
        assert (len(hits), hits.more, hits.query) == (3, True, text)
        assert not search(store, text, limit=5).more


def test_what_is_found_very_often_is_not_ranked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whisper_magic.library.search.MAX_RANKED", 2)
    for _ in range(4):
        add(store, saying("room and room"), "Ada")
    add(store, saying("room"), "Bob")
    assert [hit.transcript for hit in search(store, "room")] == [1, 2, 3, 4, 5]
    assert [hit.transcript for hit in search(store, "room", SearchFilters(speaker="Bob"))] == [5]


def test_what_was_corrected_is_found_and_what_was_replaced_is_not(store: Store) -> None:
    number = add(store, saying("two hundred models", "read the room"))
    store.edit(number, saying("two hundred modems", "read the mushroom"))
    assert found(store, "modems") == [(number, "modems")]
    assert found(store, "*ushroo*") == [(number, "ushroo")]
    assert found(store, '"modems read"') == [(number, "modems read")]
    for text in ("models", "room", "*odels*", '"models read"'):
        assert found(store, text) == []
    store.edit(number, saying("two hundred models", "read the room"))
    assert found(store, "models") == [(number, "models")]


def test_a_correction_without_times_has_those_of_its_segment(store: Store) -> None:
    made = saying("two hundred models")
    number = add(store, made)
    store.edit(number, replace(made, segments=(replace(made.segments[0], text=" two thousand hundred models"),)))
    (hit,) = search(store, "models")
    assert (hit.start, hit.end) == (0.0, 2.0)


def test_hits_as_a_table(talks: Store) -> None:
    table = search(talks, "room").to_pandas()
    assert table.columns.tolist() == [
        "recording", "transcript", "name", "start", "end", "before", "match", "after", "language", "speaker",
    ]  # fmt: skip
    assert table["match"].tolist() == ["room", "room"]
    assert search(talks, "absent").to_pandas().empty


def test_of_several_transcripts_of_a_recording_the_newest_is_searched(tmp_path: Path) -> None:
    store = Store(tmp_path / "two-runs.db")
    recording = store.add_recording(RecordingKey("sound"), RecordingInfo("talk.wav"))
    for place, text in enumerate(("an ant and a bee", "an ant and a cat")):
        run = store.add_run(ModelConfig("demo", f"weights-{place}", "float32", "{}"))
        store.save(recording, run, saying(text))
    assert [hit.match for hit in search(store, "ant")] == ["ant"]
    assert list(search(store, "bee")) == []
    assert [hit.match for hit in search(store, "bee", SearchFilters(run=1))] == ["bee"]
    store.close()
