"""A request -> transcripts, what failed and what was interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import fake_engine
from whisper_magic.errors import AudioNotFound, Interrupted
from whisper_magic.notebook.jobs.session import SESSION
from whisper_magic.notebook.results import TranscriptList
from whisper_magic.transcript import Transcript

# -- results -----------------------------------------------------------------------------------------------------------


def test_one_source_gives_its_transcript(run):
    assert isinstance(run("%whisper talk.wav").result, Transcript)
    assert isinstance(run("%%transcribe\ntalk.wav").result, Transcript)


def test_several_sources_give_a_list(run):
    ran = run("%whisper a.wav b.wav")
    assert isinstance(ran.result, TranscriptList)
    assert [transcript.source for transcript in ran.result] == ["a.wav", "b.wav"]
    assert "2 recordings" in ran.stdout


def test_a_channel_each_gives_a_list(run, shell):
    made = run("%whisper talk.wav --channel split").result
    assert isinstance(made, TranscriptList)
    assert [transcript.source for transcript in made] == ["talk.wav (left)", "talk.wav (right)"]


def test_the_result_is_assigned_to_a_variable(run, shell):
    ran = run("%whisper talk.wav -o made")
    assert shell.user_ns["made"] is ran.result


def test_the_configured_model_loads_at_first_use(run):
    assert SESSION.resident is None
    run("%whisper talk.wav")
    assert SESSION.resident.choice.target == "auto"


# -- the demo ----------------------------------------------------------------------------------------------------------


def test_the_demo_stays_where_nothing_else_is_loaded(run, calls):
    ran = run("%whisper demo --draft-length 3")
    assert ran.result.source.endswith("sample.ogg")
    assert calls()[0][1].draft_length == 3
    assert SESSION.resident.choice.target == "demo"
    engine = SESSION.resident
    run("%whisper demo")
    assert SESSION.resident is engine


def test_the_demo_leaves_other_models_resident(run, monkeypatch):
    run("%whisper load one")
    loaded = []
    monkeypatch.setattr(SESSION, "loader", lambda choice: loaded.append(fake_engine.load(choice)) or loaded[-1])
    assert run("%whisper demo").result.text
    assert SESSION.resident.choice.target == "one"
    assert loaded[0].closed


def test_the_demo_models_are_introduced(run):
    line = "A small teaching model wrote this; it knows only a few words of de, en, fr. For real speech: %whisper load "
    assert run("%whisper demo").stdout.count(line) == 1
    assert run("%whisper talk.wav").result.notes == (), "the configured models read other recordings"
    run("%whisper load demo")
    assert line in run("%whisper talk.wav").result.notes[0]


# -- options -----------------------------------------------------------------------------------------------------------


def test_config_options_are_the_defaults_of_each_call(run, calls):
    run("%config WhisperMagics.options = {'language': 'fr', 'timestamps': False, 'acceptance': 'rejection'}")
    run("%whisper talk.wav --timestamps")
    options = calls()[0][1]
    assert (options.language, options.timestamps, options.acceptance) == ("fr", True, "rejection")


def test_config_with_an_unknown_option_is_an_error_at_the_next_use(run):
    run("%config WhisperMagics.options = {'langauge': 'fr'}")
    ran = run("%whisper talk.wav")
    message = "UsageError: %config WhisperMagics.options: no option is called 'langauge'; did you mean language?\n"
    assert ran.stderr == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("talk.wav --draft-length 99", "--draft-length must be 'auto' or a whole number from 1 to "),
        ("talk.wav --start 5 --end 4", "--start must come before end"),
        ("a.wav --clips 20-10", "--clips must be (start, end) pairs of seconds"),
        ("a.wav --clips 10-20,15-30", "--clips must be in order and not overlap"),
        ("a.wav --suppress-tokens -2", "--suppress-tokens must be token ids"),
        ("a.wav --mode batched --condition-on-previous", "mode='batched' has no previous text"),
        ("--language en", "nothing to transcribe: name a file"),
    ],
)
def test_a_mistake_is_one_line(usage_error, line, message):
    assert message in usage_error(f"%whisper {line}")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%transcribe", "nothing to transcribe: name a file"),
        ("%%transcribe\n# nothing", "nothing to transcribe: name a file"),
        ("%%transcribe\n", "the cell body is empty"),
    ],
)
def test_a_cell_without_sources_is_a_mistake(usage_error, cell, message):
    assert message in usage_error(cell)


# -- failures ----------------------------------------------------------------------------------------------------------


def test_a_run_time_error_is_one_line_and_keeps_its_class(run):
    ran = run("%whisper bad.wav")
    assert type(ran.error) is AudioNotFound
    assert (ran.stdout + ran.stderr).strip() == "AudioNotFound: no such file: bad.wav"


def test_one_bad_file_among_many(run):
    ran = run("%whisper a.wav bad.wav b.wav")
    assert [transcript.source for transcript in ran.result] == ["a.wav", "b.wav"]
    assert ran.stderr == "AudioNotFound: no such file: bad.wav\n"
    assert ran.result.failures[0].source == "bad.wav"
    assert "1 failed" in ran.stdout


def test_only_bad_files(run):
    ran = run("%whisper bad1.wav bad2.wav")
    assert str(ran.error) == "no such file: bad1.wav"


def test_a_misspelt_name_is_found_before_any_model_loads(run, tmp_path, monkeypatch):
    monkeypatch.undo()  # the real look-up
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SESSION, "loader", lambda choice: pytest.fail("loaded a model"))
    (tmp_path / "talk.wav").touch()
    ran = run("%whisper tlak.wav")
    assert str(ran.error) == "no such file: tlak.wav; did you mean talk.wav?"
    assert run("%whisper none.wav {samples} --quiet").error is not None


def test_a_name_with_spaces_wants_quotes(usage_error, tmp_path):
    (tmp_path / "my best talk.wav").touch()
    line = "%whisper intro.wav my best talk.wav"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("whisper_magic.audio.load.find", _find)
        assert usage_error(line) == 'quote a name with spaces: "my best talk.wav"'


def _find(source):
    if not Path(source).exists():
        raise AudioNotFound(f"no such file: {source}")


@pytest.mark.parametrize("line", ["%whisper t*.wav", "%whisper {['talk.wav']}"])
def test_a_pattern_or_a_list_of_one_gives_a_list(run, tmp_path, line):
    (tmp_path / "talk.wav").touch()
    made = run(line).result
    assert type(made) is TranscriptList
    assert [transcript.source for transcript in made] == ["talk.wav"]


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------


def test_ctrl_c_gives_what_there_is(run, shell):
    ran = run("%whisper stop.wav -o made")
    assert type(ran.error) is Interrupted
    variable = str(ran.error).removeprefix("the transcripts so far are in ")
    kept = shell.user_ns[variable]
    assert not kept.complete
    assert kept is shell.user_ns["made"] is shell.user_ns["_"]
    assert run("%whisper talk.wav").result.complete


def test_ctrl_c_stops_a_loop(run, sources):
    ran = run("for name in ('a.wav', 'stop.wav', 'b.wav'):\n    %whisper {name}")
    assert type(ran.error) is Interrupted
    assert sources() == ["a.wav", "stop.wav"]


def test_ctrl_c_among_many_keeps_the_finished(run, shell):
    assert type(run("%whisper a.wav stop.wav b.wav -o made").error) is Interrupted
    made = shell.user_ns["made"]
    assert [(transcript.source, transcript.complete) for transcript in made] == [("a.wav", True), ("stop.wav", False)]


def test_ctrl_c_before_anything_is_raised(run, monkeypatch):
    def interrupt(*arguments, **more):
        raise KeyboardInterrupt

    run("%whisper load one")
    monkeypatch.setattr(SESSION.resident, "transcribe_many", interrupt)
    assert type(run("%whisper talk.wav").error) is KeyboardInterrupt
