"""The parsers: which options there are, what help shows, what a mistake says."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from whisper_magic.comparison import REPEATS
from whisper_magic.formats import ENDINGS
from whisper_magic.notebook.line.commands import COMMANDS, WHISPER
from whisper_magic.notebook.line.parsers import ATTENTIONS, DTYPES, NOT_ON_THE_LINE
from whisper_magic.options import TranscribeOptions


def test_every_option_is_on_the_line_or_meant_not_to_be():
    on_the_line = {action.dest for action in WHISPER.parser._actions}
    assert {field.name for field in fields(TranscribeOptions)} - on_the_line == NOT_ON_THE_LINE


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
        ("--words", "words", True),
        ("--mode batched", "mode", "batched"),
        ('--hotwords "Ada, Lovelace"', "hotwords", "Ada, Lovelace"),
        ("--temperature 0,0.4", "temperature", (0.0, 0.4)),
        ("--seed 7", "seed", 7),
        ("--batch-size 3", "batch_size", 3),
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


def test_values_may_be_python(run, calls, shell):
    shell.user_ns.update(names="Ångström, 'O’Neill' {x} $y", k=4)
    run("%whisper talk.wav --prompt {names} --draft-length $k --start={k / 2}")
    options = calls()[0][1]
    assert (options.prompt, options.draft_length, options.start) == (shell.user_ns["names"], 4, 2.0)


def test_after_a_double_dash_all_are_sources(run, sources):
    run("%whisper -l en -- -a.wav --b.wav")
    assert sources() == ["-a.wav", "--b.wav"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("talk.wav --langage en", "no option is called --langage; did you mean --language?"),
        ("talk.wav --zzz", "no option is called --zzz (%whisper -h lists the options)"),
        ("talk.wav --task sing", "--task: invalid choice: 'sing'"),
        ("talk.wav --language", "-l/--language: expected one argument"),
        ("talk.wav -o 2x", "-o/--output: this takes a variable's name, got '2x'"),
        ("talk.wav -o for", "-o/--output: this takes a variable's name, got 'for'"),
        ("talk.wav --draft-length many", "--draft-length: this takes a whole number or auto, got 'many'"),
        ("a.wav --clips 10", "--clips: this takes from-to in seconds or h:mm:ss, several with commas, got '10'"),
        ("a.wav --mode fast", "--mode: invalid choice: 'fast'"),
        ("a.wav --suppress-tokens the", "--suppress-tokens: this takes token ids with commas, or -1, got 'the'"),
        ("a.wav --acceptance rejection", "no option is called --acceptance"),
        ("a.wav --repeats 3", "no option is called --repeats"),
        ("load a --dtype int3", "--dtype: invalid choice: 'int3'"),
        ("load a --attention eager", "--attention: invalid choice: 'eager'"),
        ("compare a.wav --repeats x", "--repeats: this takes a whole number, got 'x' (%whisper compare -h"),
        ("compare a.wav --save x.srt", "no option is called --save"),
    ],
)
def test_a_mistake_is_one_line(usage_error, line, message):
    assert message in usage_error(f"%whisper {line}")


def test_help_of_whisper():
    page = WHISPER.parser.format_help()
    assert page.startswith("usage: %whisper SOURCE... [options]")
    assert re.findall(r"^  %whisper (\w+) ", page.partition("examples:")[0], re.MULTILINE) == list(COMMANDS)
    assert "tokens proposed a round: 1 to 7, or auto (default: 5)" in page
    assert all(ending in page for ending in ENDINGS)
    assert max(map(len, page.splitlines())) <= 120


def test_help_of_compare():
    page = COMMANDS["compare"].parser.format_help()
    assert page.startswith("usage: %whisper compare SOURCE [options]")
    assert f"timed runs of each (default: {REPEATS})" in page
    assert "--draft-length N" in page
    assert "--save" not in page


def test_help_of_load():
    page = COMMANDS["load"].parser.format_help()
    assert f"--dtype {{{','.join(DTYPES)}}}" in page
    assert f"--attention {{{','.join(ATTENTIONS)}}}" in page
    assert ATTENTIONS == ("flash_attention_2", "sdpa")
