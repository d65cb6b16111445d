"""Every documented command, through a real shell."""

from __future__ import annotations

import json
import re
from dataclasses import fields

import pytest

from tests.support import fake_engine
from whisper_magic import formats
from whisper_magic.comparison import REPEATS
from whisper_magic.notebook.jobs.results import TranscriptList
from whisper_magic.notebook.jobs.save import ENDINGS
from whisper_magic.notebook.jobs.session import SESSION
from whisper_magic.notebook.line.parsers import NOT_ON_THE_LINE, WHISPER
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Transcript


def sources(calls):
    return [source for source, _ in calls()]


# -- what a magic returns ----------------------------------------------------------------------------------------------


def test_one_source_gives_its_transcript_and_shows_it(run):
    ran = run("%whisper talk.wav")
    assert isinstance(ran.result, Transcript)
    assert "Out[" in ran.stdout
    assert "A small model reads the room." in ran.stdout
    assert ran.stderr == ""


def test_an_assignment_shows_nothing(run, shell):
    ran = run("talk = %whisper talk.wav --language en")
    assert isinstance(shell.user_ns["talk"], Transcript)
    assert shell.user_ns["talk"].options.language == "en"
    assert ran.stdout == ""


@pytest.mark.parametrize("cell", ["%whisper talk.wav;", "%whisper 'talk.wav' ;", "%transcribe talk.wav;"])
def test_a_semicolon_shows_nothing(run, calls, cell):
    assert run(cell).stdout == ""
    assert sources(calls) == ["talk.wav"]


def test_an_assignment_with_a_semicolon_still_assigns(run, shell):
    assert run("talk = %whisper talk.wav;").stdout == ""
    assert isinstance(shell.user_ns["talk"], Transcript)


def test_several_sources_give_a_list(run):
    ran = run("%whisper a.wav b.wav")
    assert isinstance(ran.result, TranscriptList)
    assert [transcript.source for transcript in ran.result] == ["a.wav", "b.wav"]
    assert ran.result.text.count("\n") == 1
    assert "2 recordings" in ran.stdout


def test_transcribe_is_the_same(run):
    assert run("%transcribe talk.wav").result.text == run("%whisper talk.wav").result.text


def test_a_channel_each_gives_a_list(run):
    made = run("%whisper talk.wav --channel split").result
    assert [transcript.source for transcript in made] == ["talk.wav (left)", "talk.wav (right)"]


def test_inside_a_function_local_variables_are_seen(run, shell):
    run("def read(name):\n    said = %whisper {name + '.wav'}\n    return said\nmade = read('talk')")
    assert shell.user_ns["made"].source == "talk.wav"


# -- commands ----------------------------------------------------------------------------------------------------------


def test_load_status_unload(run):
    assert "No models are loaded; openai/whisper-large-v3 will be" in run("%whisper status").stdout
    ran = run("%whisper load openai/whisper-tiny --draft none --device cpu")
    assert ran.result.target == "openai/whisper-tiny"
    assert "openai/whisper-tiny" in ran.stdout
    assert "flash_attention_2 needs a GPU" in run("%whisper status").stdout
    engine = SESSION.resident
    assert "openai/whisper-tiny is unloaded." in run("%whisper unload").stdout
    assert engine.closed
    assert "No models are loaded." in run("%whisper unload").stdout


def test_loading_another_closes_the_first_before(run):
    run("%whisper load one")
    first = SESSION.resident
    run("%whisper load two")
    assert first.closed
    assert SESSION.resident.status.target == "two"


def test_loading_the_same_again_keeps_it(run):
    run("%whisper load one")
    first = SESSION.resident
    run("%whisper load one")
    assert SESSION.resident is first


def test_the_configured_model_loads_at_first_use(run):
    assert SESSION.resident is None
    run("%whisper talk.wav")
    assert SESSION.resident.choice.target == "openai/whisper-large-v3"


def test_the_demo_stays_where_nothing_else_is_loaded(run, calls):
    ran = run("%whisper demo --draft-length 3")
    assert ran.result.source.endswith("sample.ogg")
    assert calls()[0][1].draft_length == 3
    assert SESSION.resident.choice.target == "demo"
    engine = SESSION.resident
    run("%whisper demo")
    assert SESSION.resident is engine


def test_the_demo_leaves_other_models_resident(run, shell, monkeypatch):
    run("%whisper load one")
    guests = []
    monkeypatch.setattr(SESSION, "loader", lambda choice: guests.append(fake_engine.load(choice)) or guests[-1])
    assert run("%whisper demo").result.text
    assert SESSION.resident.choice.target == "one"
    assert guests[0].closed


def test_a_teaching_model_says_so(run):
    line = "A small teaching model wrote this; it knows only a few words of de, en, fr. For real speech: %whisper load "
    assert run("%whisper demo").stdout.count(line) == 1
    assert line in run("%whisper talk.wav").result.notes[0]  # the demo stays where nothing else is loaded
    run("%whisper load openai/whisper-tiny")
    assert run("%whisper talk.wav").result.notes == ()


# -- comparing ---------------------------------------------------------------------------------------------------------


def test_compare_shows_and_returns(run, calls):
    ran = run("%whisper compare talk.wav --language de --draft ngram --repeats 2")
    assert ran.result.source == "talk.wav"
    assert len(ran.result.speed_ups) == 2
    assert (calls()[0][1].language, calls()[0][1].draft) == ("de", "ngram")
    assert "Identical: all 212 tokens in 2 windows are the target's own." in ran.stdout
    assert "Speculation is 1.64 times as fast here (1.60 to 1.68 in 2 pairs of runs)." in ran.stdout


def test_compare_assigns(run, shell):
    assert run("x = %whisper compare talk.wav -o made").stdout == ""
    assert shell.user_ns["x"] is shell.user_ns["made"]
    assert run("%whisper compare talk.wav;").stdout == ""


def test_compare_takes_python(run, shell, calls):
    shell.user_ns.update(samples=object(), k=4)
    made = run("%whisper compare {samples, 8000} --draft-length $k").result
    assert made.source == "samples, 8000"
    assert calls()[0] == ((shell.user_ns["samples"], 8000), calls()[0][1])
    assert calls()[0][1].draft_length == 4


def test_compare_has_the_demo(run, calls):
    assert run("%whisper compare demo --repeats 1").result.source.endswith("sample.ogg")
    assert SESSION.resident.choice.target == "demo"
    run("%whisper compare ./demo")
    assert sources(calls)[-1] == "./demo"


def test_compare_has_its_own_help(run):
    page = run("%whisper compare -h").stdout
    assert page.startswith("usage: %whisper compare SOURCE [options]")
    assert f"timed runs of each (default: {REPEATS})" in page
    assert "--draft-length N" in page
    assert "--save" not in page


@pytest.mark.parametrize("cell", ["%whisper", "%whisper help", "%whisper -h", "%whisper --help", "%transcribe -h"])
def test_help(run, cell):
    ran = run(cell)
    assert ran.result is None
    assert ran.stdout.startswith("usage: %")
    assert "--draft-length N" in ran.stdout


def test_load_has_its_own_help(run):
    assert "--attention {flash_attention_2,sdpa,eager}" in run("%whisper load -h").stdout


def test_question_mark_shows_the_same_help(shell):
    for magic in ("whisper", "transcribe"):
        documented = shell.find_line_magic(magic).__doc__
        assert documented.startswith(f"usage: %{magic} ")
        assert "-l LANG, --language LANG" in documented


def test_help_names_every_command(shell):
    page = shell.find_line_magic("whisper").__doc__
    assert set(re.findall(r"^  %whisper (\w+) ", page, re.MULTILINE)) >= {
        "load",
        "unload",
        "status",
        "compare",
        "demo",
        "help",
    }


def test_a_file_named_like_a_command(run, calls):
    run("%whisper ./load")
    run("%transcribe load")
    run("%whisper 'status'")
    assert sources(calls) == ["./load", "load", "status"]


# -- the cell magic ----------------------------------------------------------------------------------------------------


def test_cell_lists_sources_one_a_line(run, calls, shell):
    shell.user_ns.update(takes=["d.wav", "e.wav"], samples=object())
    ran = run(
        "%%transcribe --language en -o made\n"
        "# the morning\n"
        "a.wav   # the first\n\n"
        "  my talk.wav\n"
        '"b # not a comment.wav"\n'
        "{takes}\n"
        "{samples, 8000}\n"
        "https://example.org/c.wav#t=3\n"
    )
    named = ["a.wav", "my talk.wav", "b # not a comment.wav", "d.wav", "e.wav"]
    named += [(shell.user_ns["samples"], 8000), "https://example.org/c.wav#t=3"]
    assert sources(calls) == named
    assert shell.user_ns["made"] is ran.result
    assert all(options.language == "en" for _, options in calls())


def test_cell_body_is_never_formatted(run, calls):
    run("%%transcribe\n100% {'{}'} %s.wav\n'{not python'\nit's.wav")
    assert sources(calls) == ["100% {} %s.wav", "{not python", "it's.wav"]


def test_an_expression_may_run_over_lines(run, calls):
    run("%%transcribe\n{[\n  'a.wav',  # one\n  'b}.wav',\n]}")
    assert sources(calls) == ["a.wav", "b}.wav"]


def test_cell_with_one_source_gives_its_transcript(run):
    assert isinstance(run("%%transcribe\ntalk.wav").result, Transcript)


def test_cell_with_a_semicolon_shows_nothing(run, shell):
    assert run("%%transcribe -o made;\ntalk.wav").stdout == ""
    assert isinstance(shell.user_ns["made"], Transcript)


# -- options -----------------------------------------------------------------------------------------------------------


def test_every_option_reaches_the_engine(run, calls):
    run(
        "%whisper talk.wav -l de --task translate --no-timestamps --prompt 'Dr \"No\"' --condition-on-previous "
        "--draft none --draft-length 3 --max-tokens 99 --channel 1 --start 1:02.5 --end 1:00:00"
    )
    options = calls()[0][1]
    assert (options.language, options.task, options.timestamps, options.prompt) == ("de", "translate", False, 'Dr "No"')
    assert (options.condition_on_previous, options.draft, options.draft_length) == (True, "none", 3)
    assert (options.max_tokens, options.channel, options.start, options.end) == (99, 1, 62.5, 3600.0)


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("--clips 10-20,35-40.5", "clips", ((10.0, 20.0), (35.0, 40.5))),
        ("--clips 0-1:05,1:00:00-1:00:30", "clips", ((0.0, 65.0), (3600.0, 3630.0))),
        ("--clips {[(1, 2.5)]}", "clips", ((1.0, 2.5),)),
        ("--vad", "vad", True),
        ("--mode batched", "mode", "batched"),
        ('--hotwords "Ada, Lovelace"', "hotwords", "Ada, Lovelace"),
        ("--acceptance rejection", "acceptance", "rejection"),
        ("--suppress-tokens -1", "suppress_tokens", (-1,)),
        ("--suppress-tokens -1,220", "suppress_tokens", (-1, 220)),
        ("--suppress-tokens 5,7", "suppress_tokens", (5, 7)),
        ("--suppress-tokens {[5, 7]}", "suppress_tokens", (5, 7)),
        ("--language per-window", "language", "per-window"),
    ],
)
@pytest.mark.parametrize("command", ["", "compare "])
def test_options_with_values_of_their_own(run, calls, command, line, field, value):
    run(f"%whisper {command}talk.wav {line}")
    assert getattr(calls()[0][1], field) == value


def test_every_option_is_on_the_line_or_meant_not_to_be():
    on_the_line = {action.dest for action in WHISPER._actions}
    assert {field.name for field in fields(TranscribeOptions)} - on_the_line == NOT_ON_THE_LINE


def test_samples_are_called_what_they_were_called(run, shell):
    shell.user_ns.update(samples=object(), takes=[object(), "b.wav"])
    made = run("%whisper {samples} {samples, 8000} {takes}").result
    assert [transcript.source for transcript in made] == ["samples", "samples, 8000", "takes[0]", "b.wav"]


def test_values_may_be_python(run, calls, shell):
    shell.user_ns.update(names="Ångström, 'O’Neill' {x} $y", k=4)
    run("%whisper talk.wav --prompt {names} --draft-length $k --start={k / 2}")
    options = calls()[0][1]
    assert (options.prompt, options.draft_length, options.start) == (shell.user_ns["names"], 4, 2.0)


def test_save_one(run, tmp_path):
    assert run("%whisper talk.wav --save out.srt;").stdout == "Saved out.srt\n"
    assert "00:00:00,000 --> 00:00:04,000" in (tmp_path / "out.srt").read_text()


def test_save_many(run, tmp_path):
    ran = run("%whisper x/a.wav y/a.wav {object()} --save out/*.json")
    assert ran.stdout.startswith("Saved out/a.json and 2 more\n")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a-2.json", "a.json", "object.json"]
    assert json.loads((tmp_path / "out" / "a.json").read_text())


def test_what_was_finished_is_saved_whatever_comes_after(run, tmp_path):
    run("%whisper a.wav bad.wav stop.wav --save *.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]  # a partial transcript would pass for a whole one


def test_what_cannot_be_saved_is_not_lost(run, tmp_path):
    (tmp_path / "talk.txt").mkdir()
    ran = run("%whisper talk.wav --save *.txt")
    assert ran.stderr.startswith("not saved: cannot write talk.txt")
    assert ran.result.text


def test_the_endings_that_save_takes_are_those_of_formats(tmp_path):
    for ending in ENDINGS:
        assert formats.save(fake_engine.transcript("x"), tmp_path / f"x{ending}").exists()
    assert len(ENDINGS) == len(formats._WRITERS)


# -- %config -----------------------------------------------------------------------------------------------------------


def test_config_shows_the_defaults(run):
    shown = run("%config WhisperMagics").stdout
    assert "WhisperMagics.model=<Unicode>" in shown
    assert "Current: 'openai/whisper-large-v3'" in shown


def test_config_chooses_the_model(run):
    run("%config WhisperMagics.model = 'one'")
    run("%config WhisperMagics.draft = 'none'")
    run("%whisper talk.wav")
    assert (SESSION.resident.choice.target, SESSION.resident.choice.draft) == ("one", "none")


def test_config_changes_one_setting_of_what_is_loaded(run):
    run("%whisper load one")
    run("%config WhisperMagics.device = 'cuda'")
    run("%whisper talk.wav")
    assert (SESSION.resident.choice.target, SESSION.resident.choice.device) == ("one", "cuda")


def test_config_options_are_the_defaults_of_each_call(run, calls):
    run("%config WhisperMagics.options = {'language': 'fr', 'timestamps': False}")
    run("%whisper talk.wav --timestamps")
    assert (calls()[0][1].language, calls()[0][1].timestamps) == ("fr", True)


def test_config_with_an_unknown_option_says_so_at_the_next_use(run):
    run("%config WhisperMagics.options = {'langauge': 'fr'}")
    ran = run("%whisper talk.wav")
    message = "UsageError: %config WhisperMagics.options: no option is called 'langauge'; did you mean language?\n"
    assert ran.stderr == message
