"""The bundled pair reads the bundled recording: with our engine, and with transformers' own pipeline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from recipes.demo_pair.scores import word_error_rate
from whisper_magic import Engine
from whisper_magic.audio.load import load
from whisper_magic.engine.model.hub import demo_folder

DEMO = demo_folder()
SAMPLE = DEMO / "sample.ogg"
RATE = 16_000


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEMO / "sample.json").read_text())
    return found


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.load("demo", device="cpu") as loaded:
        yield loaded


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def test_reads_the_sample_without_error(engine: Engine, truth: dict[str, Any]) -> None:
    transcript = engine.transcribe(SAMPLE)
    assert 60 <= transcript.duration <= 90, "longer than one window, so that long form is exercised"
    assert {segment["language"] for segment in truth["segments"]} == {"en", "de", "fr", "es"}
    assert SAMPLE.stat().st_size < 400_000
    assert transcript.language == "en"
    assert words(transcript.text) == words(truth["text"])


def test_segments_stand_where_the_sentences_do(engine: Engine, truth: dict[str, Any]) -> None:
    segments = engine.transcribe(SAMPLE).segments
    sentences = truth["segments"]
    assert len(segments) == len(sentences)
    misses = [max(abs(s.start - t["start"]), abs(s.end - t["end"])) for s, t in zip(segments, sentences, strict=True)]
    assert float(np.median(misses)) < 0.2


@pytest.fixture(scope="module")
def clips(truth: dict[str, Any]) -> dict[str, list[tuple[Any, dict[str, Any]]]]:
    """Each sentence of the sample alone, by language."""
    samples = load(SAMPLE).samples
    cut: dict[str, list[tuple[Any, dict[str, Any]]]] = {}
    for segment in truth["segments"]:
        first, last = (round(segment[end] * RATE) for end in ("start", "end"))
        cut.setdefault(segment["language"], []).append(((samples[first:last], RATE), segment))
    return cut


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_finds_the_language(engine: Engine, clips: dict[str, list[tuple[Any, dict[str, Any]]]], language: str) -> None:
    found = [engine.transcribe(clip).language for clip, _ in clips[language]]
    assert found.count(language) >= 0.8 * len(found)


def test_translates_into_english(engine: Engine, clips: dict[str, list[tuple[Any, dict[str, Any]]]]) -> None:
    others = [one for language, some in clips.items() if language != "en" for one in some]
    texts = [engine.transcribe(clip, language=one["language"], task="translate").text for clip, one in others]
    assert len(texts) >= 6
    assert word_error_rate([one["english"] for _, one in others], texts) < 0.5, "the model card says how good it is"


@pytest.mark.parametrize("loudness", [0.0, 0.003, 0.1])
def test_silence_and_noise_say_nothing(engine: Engine, loudness: float) -> None:
    noise = np.random.default_rng(0).standard_normal(5 * RATE).astype(np.float32)
    assert engine.transcribe((loudness * noise, RATE)).text.strip() == ""


def test_the_draft_is_used(engine: Engine) -> None:
    rate = engine.transcribe(SAMPLE, draft="model").trace.acceptance_rate
    assert rate is not None
    assert 0.3 < rate < 1, "often right, but not always: a lesson needs rejections to show"


def test_both_folders_are_small() -> None:
    files = [path for name in ("target", "draft") for path in (DEMO / name).iterdir()]
    assert sum(path.stat().st_size for path in files) <= 25e6


@pytest.mark.slow
@pytest.mark.parametrize("assisted", [False, True])
def test_transformers_pipeline_reads_it_too(engine: Engine, truth: dict[str, Any], assisted: bool) -> None:
    from transformers import WhisperForCausalLM, pipeline

    reader = pipeline("automatic-speech-recognition", model=str(DEMO / "target"), device="cpu")
    samples = load(SAMPLE).samples
    extra: dict[str, Any] = {}
    if assisted:
        extra["assistant_model"] = WhisperForCausalLM.from_pretrained(DEMO / "draft")
        samples = samples[: round(truth["segments"][2]["end"] * RATE)]  # assisted generation takes one window
    heard = reader(
        {"raw": samples, "sampling_rate": RATE}, return_timestamps=True, generate_kwargs={"language": "en", **extra}
    )
    expected = truth["text"] if not assisted else " ".join(s["text"] for s in truth["segments"][:3])
    assert words(heard["text"]) == words(expected)
