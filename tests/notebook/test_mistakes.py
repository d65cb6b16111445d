"""Mistakes and interruptions: one line, of the right class, and nothing that was done is lost."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from whisper_magic.errors import AudioNotFound, CheckpointError, Interrupted
from whisper_magic.notebook.jobs.session import SESSION


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%whisper talk.wav --langage en", "no option is called --langage; did you mean --language?"),
        ("%whisper talk.wav --zzz", "no option is called --zzz (%whisper -h lists the options)"),
        ("%whisper talk.wav --draft-length many", "--draft-length: this takes a whole number or auto, got 'many'"),
        ("%whisper talk.wav --draft-length 99", "--draft-length must be 'auto' or a whole number from 1 to 7, got 99"),
        ("%whisper talk.wav --start 5 --end 4", "--start must come before end"),
        ("%whisper talk.wav --task sing", "--task: invalid choice: 'sing'"),
        ("%whisper talk.wav --language", "-l/--language: expected one argument"),
        ("%whisper talk.wav -o 2x", "-o/--output: this takes a variable's name, got '2x'"),
        ("%whisper talk.wav -o for", "-o/--output: this takes a variable's name, got 'for'"),
        (
            "%whisper talk.wav --save out.doc",
            "--save takes a name ending in .txt, .srt, .vtt, .tsv, .json, got out.doc",
        ),
        ("%whisper a.wav b.wav --save out.srt", "--save with several transcripts takes a name for each, such as *.srt"),
        ("%whisper a.wav --save /dev/null/x/out.srt", "--save cannot make the folder /dev/null/x: "),
        ("%whisper *.wav", "no file matches *.wav"),
        ("%whisper {[]}", "{[]} is empty: there is nothing to transcribe"),
        ("%whisper {missing}", "{missing}: NameError: name 'missing' is not defined"),
        ("%whisper {1 +}", "{1 +}: SyntaxError: "),
        ("%whisper $missing_one", "$missing_one: no variable is called 'missing_one'"),
        ("%whisper 'talk.wav", "this quote is never closed: 'talk.wav"),
        ("%whisper {talk", "this brace is never closed: {talk"),
        ("%whisper --language en", "nothing to transcribe: name a file"),
        ("%transcribe", "nothing to transcribe: name a file"),
        ("%%transcribe\n# nothing", "nothing to transcribe: name a file"),
        ("%%transcribe\n", "the cell body is empty"),
        ("%whisper load a b", "one model at a time, got a, b"),
        ("%whisper load a --dtype int3", "--dtype: invalid choice: 'int3'"),
        ("%whisper unload now", "%whisper unload takes nothing after it, got now"),
        ("%whisper demo talk.wav", "%whisper demo reads its own recording, got talk.wav ("),
        ("%whisper demo --words maybe", "%whisper demo reads its own recording, got maybe; --words takes no value ("),
        ("%whisper demo -q --seed 3 x", "%whisper demo reads its own recording, got x ("),
        (
            "%whisper a.wav --clips 10",
            "--clips: this takes from-to in seconds or h:mm:ss, several with commas, got '10'",
        ),
        ("%whisper a.wav --clips 20-10", "--clips must be (start, end) pairs of seconds"),
        ("%whisper a.wav --clips 10-20,15-30", "--clips must be in order and not overlap"),
        ("%whisper a.wav --mode fast", "--mode: invalid choice: 'fast'"),
        ("%whisper a.wav --acceptance all", "--acceptance: invalid choice: 'all'"),
        (
            "%whisper a.wav --suppress-tokens the",
            "--suppress-tokens: this takes token ids with commas, or -1, got 'the'",
        ),
        ("%whisper a.wav --suppress-tokens -2", "--suppress-tokens must be token ids"),
        ("%whisper a.wav --mode batched --condition-on-previous", "mode='batched' has no previous text"),
        ("%whisper compare", "nothing to compare on: name a recording, or write demo for the bundled one"),
        ("%whisper compare a.wav b.wav", "%whisper compare takes one recording at a time, got 2"),
        ("%whisper compare a.wav --draft none", "--draft none leaves nothing to compare the target with: take model"),
        ("%whisper compare a.wav --channel split", "%whisper compare takes one channel at a time: --channel left"),
        ("%whisper compare a.wav --repeats 0", "--repeats must be a whole number from 1, got 0"),
        ("%whisper compare a.wav --repeats x", "--repeats: this takes a whole number, got 'x' (%whisper compare -h"),
        ("%whisper compare a.wav --save x.srt", "no option is called --save"),
        ("%whisper a.wav --repeats 3", "no option is called --repeats"),
        ("made = 3\n%whisper made", "no file is called 'made'; for the Python variable write {made}"),
    ],
)
def test_a_usage_mistake_is_one_line(run, calls, cell, message):
    ran = run(cell)
    assert type(ran.error) is UsageError
    assert message in str(ran.error)
    assert ran.stderr == f"UsageError: {ran.error}\n"
    assert "\n" not in str(ran.error)
    assert ran.stdout == ""
    assert calls() == []


def test_a_run_time_error_is_one_line_and_keeps_its_class(run, shell):
    ran = run("%whisper bad.wav")
    assert type(ran.error) is AudioNotFound
    assert (ran.stdout + ran.stderr).strip() == "AudioNotFound: no such file: bad.wav"
    assert type(run("%whisper load no-such-model").error) is CheckpointError


def test_a_failed_load_keeps_what_was_wanted(run):
    run("%whisper load one")
    run("%whisper load no-such-model")
    assert SESSION.resident is None
    run("%whisper talk.wav")
    assert SESSION.resident.choice.target == "one"


def test_one_bad_file_among_many(run):
    ran = run("%whisper a.wav bad.wav b.wav")
    assert [transcript.source for transcript in ran.result] == ["a.wav", "b.wav"]
    assert ran.stderr == "AudioNotFound: no such file: bad.wav\n"
    assert ran.result.failures[0].source == "bad.wav"
    assert "1 failed" in ran.stdout


def test_only_bad_files(run):
    ran = run("%whisper bad1.wav bad2.wav")
    assert str(ran.error) == "no such file: bad1.wav"


def test_ctrl_c_gives_what_there_is(run, shell):
    ran = run("%whisper stop.wav -o made")
    assert ran.error is None
    assert ran.stderr == "Interrupted: this is what was transcribed until then.\n"
    assert not ran.result.complete
    assert "partial: interrupted after 0:04 of 0:20" in ran.stdout
    assert shell.user_ns["made"] is ran.result
    assert run("%whisper talk.wav").result.complete


def test_ctrl_c_in_a_comparison_is_one_line(run):
    ran = run("%whisper compare stop.wav")
    assert type(ran.error) is Interrupted
    assert (ran.stdout + ran.stderr).strip() == "Interrupted: the comparison was stopped; there is no result"
    assert run("%whisper compare talk.wav").result.identical


def test_ctrl_c_among_many_keeps_the_finished(run):
    made = run("%whisper a.wav stop.wav b.wav").result
    assert [(transcript.source, transcript.complete) for transcript in made] == [("a.wav", True), ("stop.wav", False)]


def test_ctrl_c_before_anything_is_raised(run, monkeypatch):
    run("%whisper load one")
    monkeypatch.setattr(SESSION.resident, "transcribe_many", _interrupt)
    assert type(run("%whisper talk.wav").error) is KeyboardInterrupt


def _interrupt(*arguments, **more):
    raise KeyboardInterrupt


def test_a_misspelt_name_is_said_before_any_model_loads(run, tmp_path, monkeypatch):
    monkeypatch.undo()  # the real look-up
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SESSION, "loader", lambda choice: pytest.fail("loaded a model"))
    (tmp_path / "talk.wav").touch()
    ran = run("%whisper tlak.wav")
    assert str(ran.error) == "no such file: tlak.wav; did you mean talk.wav?"
    assert run("%whisper none.wav {samples} --quiet").error is not None
