"""The bundled pair reads the bundled recording: with our engine, and with transformers' own pipeline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from whisper_magic import Engine
from whisper_magic.audio.load import load
from whisper_magic.engine.hub import demo_folder

DEMO = demo_folder()
SAMPLE = DEMO / "sample.ogg"


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
    assert transcript.duration > 30, "longer than one window, so that long form is exercised"
    assert transcript.language == "en"
    assert words(transcript.text) == words(truth["text"])


def test_segments_stand_where_the_sentences_do(engine: Engine, truth: dict[str, Any]) -> None:
    segments = engine.transcribe(SAMPLE).segments
    sentences = truth["segments"]
    assert len(segments) == len(sentences)
    misses = [max(abs(s.start - t["start"]), abs(s.end - t["end"])) for s, t in zip(segments, sentences, strict=True)]
    assert float(np.median(misses)) < 0.2


def test_speculation_changes_nothing_and_is_used(engine: Engine) -> None:
    speculative = engine.transcribe(SAMPLE, draft="model")
    alone = engine.transcribe(SAMPLE, draft="none")
    assert [s.tokens for s in speculative.segments] == [s.tokens for s in alone.segments]
    rate = speculative.trace.acceptance_rate
    assert rate is not None
    assert 0.4 < rate < 1, "often right, but not always: a lesson needs rejections to show"


@pytest.mark.slow
@pytest.mark.parametrize("assisted", [False, True])
def test_transformers_pipeline_reads_it_too(engine: Engine, truth: dict[str, Any], assisted: bool) -> None:
    from transformers import WhisperForCausalLM, pipeline

    reader = pipeline("automatic-speech-recognition", model=str(DEMO / "target"), device="cpu")
    samples = load(SAMPLE).samples
    extra: dict[str, Any] = {}
    if assisted:
        extra["assistant_model"] = WhisperForCausalLM.from_pretrained(DEMO / "draft")
        samples = samples[: round(truth["segments"][2]["end"] * 16000)]  # assisted generation takes one window
    heard = reader(
        {"raw": samples, "sampling_rate": 16000}, return_timestamps=True, generate_kwargs={"language": "en", **extra}
    )
    expected = truth["text"] if not assisted else " ".join(s["text"] for s in truth["segments"][:3])
    assert words(heard["text"]) == words(expected)
