"""What a source may be, and what reaches the engine of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from IPython.core.error import UsageError

from whisper_magic.notebook.line.sources import Source, find_sources


def test_globs_are_sorted_and_spread(run, sources, tmp_path):
    for name in ("b.wav", "a.wav", "c.mp3", "sub/d.wav"):
        Path(tmp_path, name).parent.mkdir(exist_ok=True)
        Path(tmp_path, name).touch()
    run("%whisper *.wav")
    run("%whisper **/*.wav;")
    assert sources() == ["a.wav", "b.wav", "a.wav", "b.wav", "sub/d.wav"]


def test_files_are_sorted_as_people_count(run, sources, tmp_path):
    for name in ("take10.wav", "take2.wav", "take1b.wav", "intro.wav"):
        (tmp_path / name).touch()
    run("%whisper *.wav")
    assert sources() == ["intro.wav", "take1b.wav", "take2.wav", "take10.wav"]


def test_a_file_with_glob_characters_in_its_name(run, sources, tmp_path):
    (tmp_path / "talk [1].wav").touch()
    run("%whisper 'talk [1].wav'")
    run(r"%whisper talk\ [1].wav")
    assert sources() == ["talk [1].wav"] * 2


def test_home_and_environment(run, sources, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    run("%whisper ~/a.wav $HOME/b.wav")
    assert sources() == [f"{tmp_path}/a.wav", f"{tmp_path}/b.wav"]


def test_python_objects_go_through_whole(run, sources, shell):
    array = object()
    shell.user_ns.update(array=array, name="-my talk.wav", path=Path("x y.wav"), row={"audio": {"array": array}})
    run("%whisper {array} $array {name} {path} {row} {(array, 16000)} {[name, path]} 'pre {name}'")
    assert sources() == [
        array,
        array,
        "-my talk.wav",
        Path("x y.wav"),
        {"array": array},
        (array, 16000),
        "-my talk.wav",
        Path("x y.wav"),
        "pre {name}",
    ]


@pytest.mark.parametrize("name", ["~no-such-user/a.wav", "x" * 5000, "a\0b", "*" * 300])
def test_names_that_no_file_can_have_go_to_the_loader_or_say_so(run, sources, shell, name):
    shell.user_ns["name"] = name
    ran = run("%whisper {name}")
    assert ran.error is None or type(ran.error) is UsageError
    assert sources() in ([name], [])


def test_bytes_are_one_source(run, sources, shell):
    shell.user_ns["raw"] = memoryview(b"RIFF")
    assert run("%whisper {raw} {bytes(raw)}").error is None
    assert sources() == [shell.user_ns["raw"], b"RIFF"]


def test_double_quotes_expand_and_keep_spaces(run, sources, shell):
    shell.user_ns["folder"] = "my talks"
    run('%whisper "{folder}/a.wav" $folder/b.wav')
    assert sources() == ["my talks/a.wav", "my talks/b.wav"]


def test_arrays_are_one_source_and_columns_of_paths_are_many(run, sources, shell):
    import numpy as np
    import pandas as pd

    shell.user_ns.update(samples=np.zeros(8), paths=pd.Series(["a.wav", "b.wav"]), rate=np.int64(8000))
    run("%whisper {samples} {samples, rate} {paths} {[0.0, 0.5]}")
    assert len(sources()) == 5
    assert sources()[0] is shell.user_ns["samples"]
    assert sources()[2:] == ["a.wav", "b.wav", [0.0, 0.5]]


def test_samples_are_named_by_their_expression(run, shell):
    shell.user_ns.update(samples=object(), takes=[object(), "b.wav"])
    made = run("%whisper {samples} {samples, 8000} {takes}").result
    assert [transcript.source for transcript in made] == ["samples", "samples, 8000", "takes[0]", "b.wav"]


def test_a_long_expression_is_cut_in_names(run, shell):
    shell.user_ns["samples"] = object()
    made = run("%whisper {[samples][0] if 'a very long condition' else samples or samples}").result
    assert made.source == "[samples][0] if 'a very long condition' else sa…"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%whisper *.wav", "no file matches *.wav"),
        ("%whisper {[]}", "{[]} is empty: there is nothing to transcribe"),
        ("made = 3\n%whisper made", "no file is called 'made'; for the Python variable write {made}"),
    ],
)
def test_a_mistake_is_one_line(usage_error, cell, message):
    assert message in usage_error(cell)


def test_an_address_is_labelled_without_its_secrets():
    address = "https://me:secret@host/talk.mp3?X-Amz-Signature=secret"
    assert find_sources([address], {}) == [Source(address, "https://host/talk.mp3?…")]
