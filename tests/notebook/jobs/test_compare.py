"""%whisper compare."""

from __future__ import annotations

import pytest

from whisper_magic.errors import Interrupted
from whisper_magic.notebook.jobs.session import SESSION


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


def test_compare_has_the_demo(run, sources):
    assert run("%whisper compare demo --repeats 1").result.source.endswith("sample.ogg")
    assert SESSION.resident.choice.target == "demo"
    run("%whisper compare ./demo")
    assert sources()[-1] == "./demo"


def test_ctrl_c_in_a_comparison_is_one_line(run):
    ran = run("%whisper compare stop.wav")
    assert type(ran.error) is Interrupted
    assert (ran.stdout + ran.stderr).strip() == "Interrupted: the comparison was stopped; there is no result"
    assert run("%whisper compare talk.wav").result.identical


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "nothing to compare: name a recording, or write demo for the bundled one"),
        ("a.wav b.wav", "%whisper compare takes one recording at a time, got 2"),
        ("a.wav --draft none", "--draft none leaves nothing to compare the target with: use model"),
        ("a.wav --channel split", "%whisper compare takes one channel at a time: --channel left"),
        ("a.wav --repeats 0", "--repeats must be a whole number from 1, got 0"),
    ],
)
def test_a_mistake_is_one_line(usage_error, line, message):
    assert message in usage_error(f"%whisper compare {line}")
