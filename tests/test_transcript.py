"""What is derived from a transcript's fields. Files are in test_formats.py, error rates in test_scoring.py."""

from __future__ import annotations

import re
import sys
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from pathlib import Path

import pytest

from whisper_magic import transcript as module
from whisper_magic.errors import PackageMissing, TranscriptError
from whisper_magic.transcript import Models, Round, Segment, Timing, Trace, Transcript, Word

WORDS = (Word(" One", 0.0, 0.5, 0.9), Word(" two.", 0.5, 1.0, 0.8))
TALK = Transcript(
    (Segment(0, 1, " One two.", words=WORDS), Segment(1, 2, " Three. ", temperature=0.2)),
    "en",
    "transcribe",
    2.0,
    "talk.mp3",
)


def test_the_text_joins_the_segments() -> None:
    assert TALK.text == str(TALK) == "One two. Three."
    assert TALK.words == WORDS
    assert replace(TALK, segments=()).text == ""


def test_a_round_writes_the_accepted_tokens_and_the_targets_own() -> None:
    assert Round(0, 4, (7, 8, 9), 2, 5).tokens == (7, 8, 5)
    assert Round(0, 4, (7, 8, 9), 3, 5).tokens == (7, 8, 9, 5)
    assert Round(0, 4, (7, 8, 9), 2, None).tokens == (7, 8)
    assert Round(0, 4, (), 0, 5).tokens == (5,)


def test_rates_of_a_trace() -> None:
    trace = Trace((Round(0, 4, (7, 8, 9), 2, 5), Round(0, 7, (), 0, 6), Round(0, 8, (1,), 1, None)))
    assert trace.acceptance_rate == 3 / 4
    assert trace.tokens_per_round == 5 / 3
    assert Trace((Round(0, 4, (), 0, 5),)).acceptance_rate is None
    assert Trace().acceptance_rate is None
    assert Trace().tokens_per_round is None


def test_a_trace_as_a_table() -> None:
    pytest.importorskip("pandas")
    table = Trace((Round(0, 4, (7, 8, 9), 2, 5, 0.1, 0.2, 0.4, "model"),)).to_pandas()
    assert set(table.columns) == {field.name for field in fields(Round)}
    assert table.loc[0].to_dict() == {
        "window": 0,
        "position": 4,
        "drafter": "model",
        "drafter_label": "",
        "proposed": (7, 8, 9),
        "accepted": 2,
        "token": 5,
        "temperature": 0.4,
        "target_probs": (),
        "draft_probs": (),
        "alternatives": (),
        "alternative_draft_probs": (),
        "draft_seconds": 0.1,
        "verify_seconds": 0.2,
        "covered": 0.0,
        "batch": 1,
    }


def test_a_transcript_as_a_table() -> None:
    pytest.importorskip("pandas")
    table = TALK.to_pandas()
    assert list(table["text"]) == [" One two.", " Three. "]
    assert list(table["start"]) == [0, 1]
    assert list(table["temperature"]) == [0.0, 0.2]


def test_a_table_without_pandas_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    for make in (TALK.to_pandas, Trace().to_pandas):
        with pytest.raises(PackageMissing, match=r"pip install 'whisper-magic\[pandas\]'"):
            make()


def test_the_real_time_factor_is_audio_over_wall() -> None:
    assert Timing(total=0.5, audio=20.0).rtfx == 40
    assert Timing(audio=20.0).rtfx == 0


def test_other_is_what_no_phase_accounts_for() -> None:
    assert Timing(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, total=3.0).other == pytest.approx(0.2)
    assert Timing(read=2.0, total=1.0).other == 0  # phases that overlap


def test_save_returns_the_path_and_load_reads_it(tmp_path: Path) -> None:
    path = TALK.save(tmp_path / "talk.json")
    assert path == tmp_path / "talk.json"
    assert Transcript.load(path) == TALK
    with pytest.raises(TranscriptError, match="No such file"):
        Transcript.load(tmp_path / "none.json")


def test_everything_is_frozen_and_documented() -> None:
    kinds = [kind for kind in vars(module).values() if is_dataclass(kind) and kind.__module__ == module.__name__]
    assert {Models, Round, Segment, Timing, Trace, Transcript, Word} < set(kinds)
    for kind in kinds:
        attributes = str(kind.__doc__).partition("Attributes:")[2]
        documented = re.findall(r"^ {8}(\w+): ", attributes, re.MULTILINE)
        assert documented == [field.name for field in fields(kind)], kind
    with pytest.raises(FrozenInstanceError):
        TALK.language = "de"  # type: ignore[misc]
