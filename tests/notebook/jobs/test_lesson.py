"""%whisper lesson and %whisper exercise, with the bundled pair."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
import soundfile
from IPython.core.error import UsageError

from tests.support.html import Page
from whisper_magic.audio.load import load
from whisper_magic.errors import AudioInvalid, AudioNotFound, WhisperMagicError
from whisper_magic.lessons import measure
from whisper_magic.lessons.exercises import EXERCISES
from whisper_magic.lessons.measure import LengthStudy, Replay
from whisper_magic.notebook.jobs import lesson as job
from whisper_magic.notebook.jobs.session import SESSION, load_engine
from whisper_magic.notebook.jobs.transcribe import DEMO_RECORDING
from whisper_magic.notebook.line.commands import parse_whisper
from whisper_magic.notebook.line.parsers import LESSONS
from whisper_magic.notebook.line.requests import ExerciseRequest, LessonRequest
from whisper_magic.notebook.line.scanner import split
from whisper_magic.notebook.line.sources import Source
from whisper_magic.notebook.widgets.lesson import Lesson

RIGHT = """\
def verify(proposed, choice):
    place = 0
    while place < len(proposed) and proposed[place] == choice[place]:
        place += 1
    return choice[: place + 1]
"""
HOSTILE = "</script><img onerror=x>.wav"  # a file in a folder called <


@pytest.fixture
def real(shell, monkeypatch):
    """Engines are real ones, and everything is measured once."""
    monkeypatch.setattr(SESSION, "loader", lambda choice: load_engine(choice))
    monkeypatch.setattr(measure, "REPEATS", 1)
    monkeypatch.setattr(job, "study_lengths", partial(measure.study_lengths, lengths=(1, 4), repeats=1))


@pytest.fixture
def written(shell, tmp_path):
    """Writes samples into the shell's folder."""

    def write(name, samples):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, samples, 16_000)

    return write


def page_data(html):
    """What a page reads out of a lesson's HTML."""
    begin = '<script type="application/json" class="wm-lesson-data">'
    assert html.count(begin) == 1
    return json.loads(html.partition(begin)[2].partition("</script")[0], parse_constant=pytest.fail)


def asked(made, **request):
    """What a lesson answers its page."""
    sent = []
    made.send = lambda content, buffers=None: sent.append((content, buffers))
    made._on_message(made, {"id": "1", **request}, [])
    (answer,) = sent
    return answer


def in_the_sound(rounds, sound):
    """Whether every round is where there is sound."""
    begin, end = sound["start"], sound["start"] + sound["duration"]
    return all(begin <= one["start"] <= one["end"] <= end for one in rounds)


# -- lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("lesson", LessonRequest(None, None, {})),
        ("lesson lab", LessonRequest("lab", None, {})),
        ("lesson race demo", LessonRequest("race", None, {})),
        ("lesson race ./demo", LessonRequest("race", Source("./demo", "./demo"), {})),
        ("lesson race {sound}", LessonRequest("race", Source(7, "sound"), {})),
        (
            "lesson stepper talk.wav --start 0:30 --end 50 -l de --draft-length 3 -o made -q --embed",
            LessonRequest(
                "stepper",
                Source("talk.wav", "talk.wav"),
                {"start": 30.0, "end": 50.0, "language": "de", "draft_length": 3},
                output="made",
                quiet=True,
                embed=True,
            ),
        ),
        ("exercise", ExerciseRequest(None)),
        ("exercise verify", ExerciseRequest("verify")),
    ],
)
def test_lines_and_their_requests(line, request_):
    assert parse_whisper(split(line), {"sound": 7}).request == request_


# -- lesson ----------------------------------------------------------------------------------------------------------


def test_lessons_are_listed(run, calls):
    ran = run("%whisper lesson")
    assert ran.result is None
    lines = ran.stdout.splitlines()
    assert [line.split()[:3] for line in lines] == [["%whisper", "lesson", name] for name in LESSONS]
    assert all(line.endswith(what) for line, what in zip(lines, LESSONS.values(), strict=True))
    assert calls() == []


@pytest.mark.parametrize("name", ["race", *(pytest.param(n, marks=pytest.mark.slow) for n in LESSONS if n != "race")])
def test_a_lesson_is_made_of_the_bundled_recording(run, shell, real, name):
    ran = run(f"x = %whisper lesson {name} --end 8 -l en -o made --embed -q")
    assert ran.error is None
    made = shell.user_ns["made"]
    assert shell.user_ns["x"] is made
    assert isinstance(made, Lesson)
    assert SESSION.resident.status.target == "demo", "no recording was named: the bundled models stay"
    bundle = made._repr_mimebundle_()
    assert bundle["text/plain"] == repr(made)
    data = page_data(bundle["text/html"])
    assert data == data | json.loads(json.dumps(made.content.data)), "all that the lesson shows"
    assert data["kind"] == made.content.kind == name
    assert f'data-whisper-lesson="{name}"' in bundle["text/html"]
    assert made.anchor in bundle["text/html"]
    if name == "lab":
        assert isinstance(made.made_from, LengthStudy)
        assert [one.length for one in made.made_from.lengths] == [1, 4]
    else:
        assert isinstance(made.made_from, Replay)
        assert made.made_from.same
        assert made.made_from.drafted.language == "en"
        assert max(len(one.proposed) for one in made.made_from.drafted.trace.rounds) == 5, "unless it is said"
    if name in ("race", "stepper"):
        assert data["sound"]["duration"] == 8
        assert data["sound"]["url"].startswith("data:audio/")
        value, (part,) = asked(made, kind="sound", offset=0)
        assert value["value"]["mime"].startswith("audio/")
        assert isinstance(part, bytes)
    else:
        assert asked(made, kind="sound", offset=0)[0] == {"id": "1", "error": "this lesson has no sound"}
    assert "error" in asked(made, kind="nonsense")[0]


@pytest.mark.slow
def test_a_recording_of_ones_own_cannot_break_out_of_the_page(run, real, written):
    written(HOSTILE, load(DEMO_RECORDING, end=7.0).samples)
    assert run("%whisper load demo").error is None
    ran = run(f"%whisper lesson race '{HOSTILE}' --start 1 --end 7 --draft-length 2")
    assert ran.error is None
    assert f"The race: {HOSTILE} · " in ran.stdout
    assert "times as fast as the target alone, the same text" in ran.stdout
    html = ran.result._repr_mimebundle_()["text/html"]
    page = Page(html)
    assert page.tags.count("script") == 2
    assert "img" not in page.tags
    assert not {name for name, _ in page.attributes if name.startswith("on")}
    data = page_data(html)
    assert HOSTILE in data["title"]
    assert (data["sound"]["start"], data["sound"]["duration"], data["sound"]["url"]) == (1, 6, None)
    assert max(one["proposed"] for one in data["lanes"][1]["rounds"]) == 2
    assert all(in_the_sound(lane["rounds"], data["sound"]) for lane in data["lanes"])


@pytest.mark.parametrize("name", LESSONS)
def test_of_silence_there_is_a_lesson_or_one_line(run, real, written, name):
    written("silence.wav", np.zeros(16_000))
    run("%whisper load demo")
    ran = run(f"%whisper lesson {name} silence.wav")
    assert ran.error is None or isinstance(ran.error, UsageError | WhisperMagicError)


@pytest.mark.slow
def test_the_page_does_not_say_whose_machine_it_was(run, real, written):
    run("%whisper load demo")
    html = run("%whisper lesson stepper demo --end 4").result._repr_mimebundle_()["text/html"]
    assert page_data(html)["sound"]["info"] == {"path": None, "home": "", "size": 0, "mime": None}


def test_of_a_part_in_a_variable_rounds_and_sound_have_the_same_clock(run, shell, real):
    shell.user_ns["part"] = load(DEMO_RECORDING, start=3.0, end=7.0)
    run("%whisper load demo")
    data = run("%whisper lesson stepper {part} -l en").result.content.data
    assert in_the_sound(data["rounds"], data["sound"])


def test_models_without_a_draft_have_no_lesson(run, real):
    run("%whisper load demo --draft none")
    ran = run("%whisper lesson race --end 2")
    assert type(ran.error) is UsageError
    assert str(ran.error) == "demo has no draft here, and a lesson shows one: %whisper load demo"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rase", "no lesson is called rase; did you mean race?"),
        ("talk.wav", "no lesson is called talk.wav; there are race, stepper, lab, bench"),
        ("{samples}", "no lesson is called samples; there are race, stepper, lab, bench"),
        ("race a.wav b.wav", "a lesson takes one recording, got 2"),
        ("race --draft-length 9", "--draft-length must be"),
        ("race --start 9 --end 8", "--start must come before end, got start=9.0 and end=8.0"),
        ("race --start x", "--start: this takes seconds or h:mm:ss, got 'x'"),
        ("race", "demo has no draft here, and a lesson shows one: %whisper load demo"),
    ],
)
def test_a_mistake_is_one_line(usage_error, shell, line, message):
    shell.user_ns["samples"] = object()
    assert message in usage_error(f"%whisper lesson {line}")


def test_a_recording_that_is_not_there_is_one_line(run, calls):
    ran = run("%whisper lesson race no-such.wav")
    assert type(ran.error) is AudioNotFound
    assert "no-such.wav" in str(ran.error)
    assert (ran.stdout + ran.stderr).count("\n") == 1
    assert calls() == []


def test_a_part_that_is_not_there_is_one_line(run, real):
    ran = run("%whisper lesson race --start 500 -q")
    assert type(ran.error) is AudioInvalid
    assert (ran.stdout + ran.stderr).count("\n") == 1


def test_help_has_every_lesson(run):
    shown = run("%whisper lesson -h").stdout
    assert shown.startswith("usage: %whisper lesson [NAME] [SOURCE] [options]")
    assert all(name in shown for name in LESSONS)
    assert run("%whisper exercise -h").stdout.startswith("usage: %whisper exercise [NAME]")


# -- exercise --------------------------------------------------------------------------------------------------------


def test_exercises_are_listed(run):
    ran = run("%whisper exercise")
    assert ran.result is None
    assert [line.split()[2] for line in ran.stdout.splitlines()] == [*EXERCISES]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_an_exercise_begins_in_the_next_cell(run, shell, monkeypatch, exercise):
    inputs = []
    monkeypatch.setattr(shell, "set_next_input", lambda text, replace=False: inputs.append(text))
    ran = run(f"%whisper exercise {exercise.name}")
    assert ran.result is None
    assert inputs == [exercise.start]
    assert ran.stdout.startswith(f"{exercise.task}\nChecked: {', '.join(exercise.contracts)}.\n")
    begun = run(exercise.start)
    assert begun.error is None
    assert not run(f"%whisper exercise {exercise.name}").result.passed


def test_a_function_is_checked(run, calls):
    run(RIGHT)
    ran = run("%whisper exercise verify")
    assert ran.result.passed
    assert str(ran.result).startswith("verify: passed. 1,000 rounds, ")
    run("def verify(proposed, choice): return proposed")
    assert run("%whisper exercise verify").result.contract == "lossless"
    run("def verify(proposed, choice): return choice[5]")
    assert run("%whisper exercise verify").result.contract == "it runs"
    assert calls() == [], "no models are needed"


def test_a_verdict_is_shown_as_people_read_it(run):
    run(RIGHT)
    assert "verify: passed. 1,000 rounds, " in run("%whisper exercise verify").stdout


def test_a_variable_of_that_name_is_no_function(run, shell, monkeypatch):
    inputs = []
    monkeypatch.setattr(shell, "set_next_input", lambda text, replace=False: inputs.append(text))
    shell.user_ns["sample"] = 3
    assert run("%whisper exercise sample").result is None
    assert inputs == [EXERCISES["sample"].start]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("verfy", "no exercise is called verfy; did you mean verify?"),
        ("nothing", "no exercise is called nothing; there are verify, accept, sample"),
        ("verify accept", "one exercise at a time, got verify, accept"),
        ("verify --end 8", "no option is called --end"),
    ],
)
def test_a_mistaken_exercise_is_one_line(usage_error, line, message):
    assert message in usage_error(f"%whisper exercise {line}")
