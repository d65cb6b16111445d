"""What Tab offers, through IPython's own completer."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter

from whisper_magic.lessons.exercises import EXERCISES
from whisper_magic.notebook.line.parsers import LESSONS


@pytest.fixture
def offered(shell, tmp_path):
    """The whole cell as each completion at its end would leave it."""
    for name in ("a.wav", "b c.wav", ".hidden.wav", "sub/d.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    shell.user_ns.update(my_audio=1, my_rate=2, _private=3)

    def complete(cell):
        with provisionalcompleter():
            return [cell[: found.start] + found.text for found in shell.Completer.completions(cell, len(cell))]

    return complete


@pytest.mark.parametrize(
    ("cell", "completed"),
    [
        ("%whisper st", ["%whisper status"]),
        ("%whisper de", ["%whisper demo"]),
        ("%whisper a", ["%whisper a.wav"]),
        ("talk = %whisper a", ["talk = %whisper a.wav"]),
        ("%transcribe a", ["%transcribe a.wav"]),
        ("%whisper b", [r"%whisper b\ c.wav"]),
        (r"%whisper b\ c", [r"%whisper b\ c.wav"]),
        ("%whisper 'b c", ["%whisper 'b c.wav"]),
        ('%whisper "b', ['%whisper "b c.wav']),
        ("%whisper su", ["%whisper sub/"]),
        ("%whisper sub/", ["%whisper sub/d.wav"]),
        ("%whisper .h", ["%whisper .hidden.wav"]),
        ("%whisper --draft-", ["%whisper --draft-length"]),
        ("%whisper a.wav --cond", ["%whisper a.wav --condition-on-previous"]),
        ("%%transcribe --la", ["%%transcribe --language"]),
        ("%whisper --task ", ["%whisper --task transcribe", "%whisper --task translate"]),
        ("%whisper --draft no", ["%whisper --draft none"]),
        ("%whisper --mode b", ["%whisper --mode batched"]),
        ("%whisper --language p", ["%whisper --language per-window"]),
        ("%whisper --cl", ["%whisper --clips"]),
        ("%whisper --hot", ["%whisper --hotwords"]),
        ("%whisper --channel s", ["%whisper --channel split"]),
        ("%whisper --save sub/", ["%whisper --save sub/d.wav"]),
        ("%whisper load --dev", ["%whisper load --device"]),
        ("%whisper load --device c", ["%whisper load --device cpu", "%whisper load --device cuda"]),
        ("%whisper load --dtype b", ["%whisper load --dtype bfloat16"]),
        (
            "%whisper load --attention ",
            ["%whisper load --attention flash_attention_2", "%whisper load --attention sdpa"],
        ),
        ("%whisper co", ["%whisper compare"]),
        ("%whisper compare de", ["%whisper compare demo"]),
        ("%whisper compare a", ["%whisper compare a.wav"]),
        ("%whisper compare a.wav --rep", ["%whisper compare a.wav --repeats"]),
        ("%whisper compare a.wav --draft ng", ["%whisper compare a.wav --draft ngram"]),
        ("%whisper load openai/whisper-t", ["%whisper load openai/whisper-tiny"]),
        ("%whisper {my_", ["%whisper {my_audio", "%whisper {my_rate"]),
        ("%whisper {my_audio, my_r", ["%whisper {my_audio, my_rate"]),
        ("%%transcribe\na.wav\nb ", ["%%transcribe\na.wav\nb c.wav"]),
        ("%%transcribe\nsu", ["%%transcribe\nsub/"]),
    ],
)
def test_tab(offered, cell, completed):
    assert offered(cell) == completed


def test_at_the_start_commands_come_before_files(offered):
    found = offered("%whisper ")
    names = ("load", "unload", "status", "record", "library", "search", "lesson", "exercise", "compare", "demo")
    assert found[:10] == [f"%whisper {name}" for name in names]
    assert "%whisper a.wav" in found
    assert not any("hidden" in line for line in found)


def test_exercises_and_lessons_are_offered(offered):
    assert offered("%whisper exercise ")[: len(EXERCISES)] == [f"%whisper exercise {name}" for name in EXERCISES]
    assert offered("%whisper lesson ")[:4] == [f"%whisper lesson {name}" for name in LESSONS]


def test_languages_are_those_of_the_loaded_model(offered, run):
    run("%whisper load one")
    assert offered("%whisper --language ") == [
        f"%whisper --language {code}" for code in ("de", "en", "fr", "per-window")
    ]


def test_magics_themselves_complete(offered):
    assert "%whisper" in offered("%whis")


def test_other_lines_are_left_alone(offered):
    assert "my_audio" in offered("my_a")
    assert offered("x = 3 % whis") == offered("x = 3 % whis")
