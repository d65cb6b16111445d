"""`%whisper library` and `%whisper search`: what they transcribe, keep, print and refuse."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.made_library import tone
from tests.support.scripted_library import ScriptedEngine
from whisper_magic.audio import load
from whisper_magic.errors import AudioNotFound, LibraryError
from whisper_magic.library.library import Library
from whisper_magic.library.search import Hits
from whisper_magic.notebook.jobs import library as jobs
from whisper_magic.notebook.jobs.session import SESSION

FIND = load.find


@pytest.fixture
def engine(shell, monkeypatch):
    """Three recordings in `sound/`, and the scripted engine for every pair of models."""
    monkeypatch.setattr("whisper_magic.audio.load.find", FIND)
    monkeypatch.setattr(jobs, "LIBRARIES", jobs.Libraries())
    made = ScriptedEngine()
    made.loads = 0

    def loaded(choice):
        made.loads += 1
        return SimpleNamespace(
            status=made.status,
            transcribe_many=made.transcribe_many,
            decode=lambda tokens: "",
            close=lambda: None,
            closed=True,
        )

    monkeypatch.setattr(SESSION, "loader", loaded)
    shell.run_line_magic("config", "WhisperMagics.model = 'demo'")
    for number in range(3):
        tone(Path(f"sound/talk-{number}.wav"), 200.0 + number)
    return made


def test_a_folder_is_transcribed_and_kept_beside_its_recordings(run, engine):
    ran = run("library = %whisper library sound")
    assert ran.error is None
    assert ran.stdout.startswith("3 recordings transcribed in ")
    library = SESSION and jobs.LIBRARIES.current
    assert isinstance(library, Library)
    assert library.path == Path("sound/whisper.db").resolve()
    assert len(library) == 3
    assert len(engine.read) == 3


def test_a_second_run_loads_no_models_where_nothing_is_new(run, engine):
    run("%whisper library sound")
    SESSION.unload()
    engine.loads = 0
    ran = run("%whisper library sound")
    assert ran.stdout.startswith("nothing new; 3 known")
    assert engine.loads == 0
    tone(Path("sound/more/talk-9.wav"), 999.0)
    assert run("%whisper library sound").stdout.startswith("1 recording transcribed")
    assert engine.loads == 1


def test_other_options_are_another_run(run, engine):
    run("%whisper library sound")
    assert run("%whisper library sound --words").stdout.startswith("3 recordings transcribed")
    assert run("%whisper library sound --draft none --batch-size 2").stdout.startswith(
        "nothing new; 3 known"
    )  # no text


def test_a_bad_file_is_a_line(run, engine):
    Path("sound/broken.wav").write_text("no sound")
    ran = run("%whisper library sound")
    assert "3 recordings transcribed" in ran.stdout
    assert "1 failed" in ran.stdout
    assert "broken.wav cannot be decoded as audio" in ran.stderr


def test_search_finds_what_was_said_in_the_library_in_use(run, engine):
    run("%whisper library sound")
    words = jobs.LIBRARIES.current.transcript(1).text.split()[:2]
    ran = run(f'hits = %whisper search "{" ".join(words)}" --limit 2\nhits')
    assert isinstance(ran.result, Hits)
    assert len(ran.result) == 2
    assert ran.result[0].match.split() == words
    assert "2 hits" in ran.stdout


def test_in_the_background_the_library_comes_at_once(run, engine):
    ran = run("%whisper library sound --background")
    assert isinstance(ran.result, Library)
    assert ran.result.job.result(60) is ran.result
    assert len(ran.result) == 3


def test_a_table_with_references_is_scored(run, engine, shell):
    import pandas as pd

    engine.says = lambda sound: "two newts"
    rows = [{"audio": f"sound/talk-{n}.wav", "said": "two newts" if n else "three newts"} for n in range(3)]
    shell.user_ns["table"] = pd.DataFrame(rows)
    ran = run("library = %whisper library {table} --reference said --store scored.db\nlibrary")
    assert ran.result.path == Path("scored.db").resolve()
    assert sorted(ran.result.to_pandas().wer) == [0.0, 0.0, 0.5]
    assert "word error rate 16.7%" in ran.stdout


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("search", 'nothing to search for: write words, or "a phrase" (%whisper search -h lists the options)'),
        ("search harbour", "there is no library to search here: %whisper library FOLDER makes one, --store PATH opens"),
        ("library", "there is no library to show here"),
        ("library sound --channel split", "no option is called --channel"),
        ("library engine_name", "no file is called 'engine_name'; for the Python variable write {engine_name}"),
    ],
)
def test_what_makes_no_sense_is_one_line(run, engine, shell, line, message):
    shell.user_ns["engine_name"] = 1
    ran = run(f"%whisper {line}")
    assert message in str(ran.error)
    assert "\n" not in str(ran.error)
    assert not list(Path().glob("*.db"))


def test_nothing_is_made_for_what_does_not_exist(run, engine):
    assert isinstance(run("%whisper library nowhere").error, AudioNotFound)
    Path("empty").mkdir()
    ran = run("%whisper library empty")
    assert isinstance(ran.error, LibraryError)
    assert "no recordings in" in str(ran.error)
    assert not list(Path().rglob("*.db"))
