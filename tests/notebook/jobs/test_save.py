"""--save."""

from __future__ import annotations

import json
import sys

import pytest

from tests.support import fake_engine
from whisper_magic.formats import ENDINGS
from whisper_magic.notebook.jobs.save import Saver


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


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_can_be_saved(tmp_path, ending):
    saver = Saver(f"{tmp_path}/new/*{ending.upper()}")
    saver.check(several=True)
    saver.save(fake_engine.transcript("https://example.org/a b.mp3?x=1"))
    assert saver.problems == []
    assert [path.name for path in saver.saved] == [f"a_b{ending.upper()}"]


def test_without_a_pattern_nothing_is_saved():
    saver = Saver(None)
    saver.check(several=True)
    saver.save(fake_engine.transcript("a.mp3"))
    assert saver.summary() is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("talk.wav --save out.doc", f"--save takes a name ending in {', '.join(ENDINGS)}, got out.doc"),
        ("a.wav b.wav --save out.srt", "--save with several transcripts takes a name for each, such as *.srt"),
        (
            "a.wav --channel split --save out.srt",
            "--save with several transcripts takes a name for each, such as *.srt",
        ),
        ("a.wav --save /dev/null/x/out.srt", "--save cannot make the folder /dev/null/x: "),
    ],
)
def test_a_mistake_is_one_line(usage_error, line, message):
    assert message in usage_error(f"%whisper {line}")


def test_a_format_whose_package_is_missing_is_refused_before_the_work(run, calls, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    ran = run("%whisper talk.wav --save talk.docx")
    assert "pip install 'whisper-magic[docx]'" in str(ran.error)
    assert calls() == []
