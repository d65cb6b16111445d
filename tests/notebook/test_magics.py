"""The magics through a real shell: what they return and show, what `?` says, what %config changes."""

from __future__ import annotations

import pytest

from whisper_magic.notebook.jobs.session import SESSION
from whisper_magic.transcript import Transcript

# -- %whisper and %transcribe ------------------------------------------------------------------------------------------


def test_a_result_is_returned_and_shown(run):
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


def test_transcribe_is_the_same(run):
    assert run("%transcribe talk.wav").result.text == run("%whisper talk.wav").result.text


def test_inside_a_function_local_variables_are_used(run, shell):
    run("def read(name):\n    text = %whisper {name + '.wav'}\n    return text\nmade = read('talk')")
    assert shell.user_ns["made"].source == "talk.wav"


def test_a_file_named_like_a_command(run, sources):
    run("%whisper ./load")
    run("%transcribe load")
    run("%whisper 'status'")
    assert sources() == ["./load", "load", "status"]


# -- %%transcribe ------------------------------------------------------------------------------------------------------


def test_a_cell_lists_sources_one_a_line(run, calls, sources, shell):
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
    assert sources() == named
    assert shell.user_ns["made"] is ran.result
    assert all(options.language == "en" for _, options in calls())


def test_a_cells_body_is_never_formatted(run, sources):
    run("%%transcribe\n100% {'{}'} %s.wav\n'{not python'\nit's.wav")
    assert sources() == ["100% {} %s.wav", "{not python", "it's.wav"]


def test_an_expression_may_run_over_lines(run, sources):
    run("%%transcribe\n{[\n  'a.wav',  # one\n  'b}.wav',\n]}")
    assert sources() == ["a.wav", "b}.wav"]


# -- help --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["%whisper", "%whisper help", "%whisper -h", "%whisper --help", "%transcribe -h"])
def test_help_is_printed(run, cell):
    ran = run(cell)
    assert ran.result is None
    assert ran.stdout.startswith("usage: %")
    assert "--draft-length N" in ran.stdout


@pytest.mark.parametrize("magic", ["whisper", "transcribe"])
def test_question_mark_shows_the_same_help(run, shell, magic):
    documented = shell.find_line_magic(magic).__doc__
    assert documented == run(f"%{magic} -h").stdout.removesuffix("\n")
    assert documented.startswith(f"usage: %{magic} ")
    assert "-l LANG, --language LANG" in documented


# -- %config -----------------------------------------------------------------------------------------------------------


def test_config_shows_the_defaults(run):
    shown = run("%config WhisperMagics").stdout
    assert "WhisperMagics.model=<Unicode>" in shown
    assert "Current: 'auto'" in shown
    assert "flash_attention_2 or sdpa; None for the fastest that works here." in shown


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
