"""Word times against transformers' own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import WhisperForConditionalGeneration
from transformers.models.whisper.generation_whisper import _dynamic_time_warping

from whisper_magic import Engine, TranscribeOptions
from whisper_magic.engine.decode.drafters import NoDrafter
from whisper_magic.engine.decode.speculator import Decoded, Speculator
from whisper_magic.engine.decode.word_timestamps import warp, word_spans
from whisper_magic.engine.model.checkpoint import read_target
from whisper_magic.engine.model.device import place
from whisper_magic.engine.runtime.model_runner import ModelRunner
from whisper_magic.engine.runtime.slots import Window
from whisper_magic.engine.sample.logits_processor import LogitsProcessor
from whisper_magic.errors import OptionError

PLAIN = TranscribeOptions(temperature=0.0, no_speech_threshold=None, language="en", words=True)


def noise(seconds: float, seed: int = 0) -> tuple[np.ndarray, int]:
    return (np.random.default_rng(seed).standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32), 16000


@pytest.mark.parametrize("seed", range(5))
def test_warping_takes_the_same_path(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 40, 2)
    cost = rng.standard_normal(shape) if seed % 2 else rng.integers(0, 3, shape).astype(float)  # the latter has ties
    text, time = warp(cost)
    expected_text, expected_time = _dynamic_time_warping(cost)
    assert text.tolist() == expected_text.tolist()
    assert time.tolist() == expected_time.tolist()


@pytest.mark.parametrize("seed", [3, 6, 7, 15, 18])  # whose random weights come to an end by themselves
def test_token_times_equal_transformers(seed: int, make_pair: Callable[[Any], Any], shape: Any) -> None:
    drawn = shape(seed=seed, d_model=128, decoder_layers=2 + seed % 3, heads=4, mels=[80, 128][seed % 2], eot_pull=3.0)
    pair = make_pair(drawn)
    features = torch.randn(drawn.mels, 200, generator=torch.Generator().manual_seed(seed))
    model = WhisperForConditionalGeneration.from_pretrained(pair.target, attn_implementation="eager")
    out = model.generate(
        input_features=features[None], language="en", task="transcribe", return_timestamps=True,
        return_token_timestamps=True, return_segments=True,
    )  # fmt: skip
    target = read_target(str(pair.target), place("cpu", "float32", "sdpa").placement)
    special = target.special
    prompt = (special.sot, special.languages["en"], special.tasks["transcribe"])
    window = Window(0, features, prompt, special.max_length, 200)
    processor = LogitsProcessor.build(special, torch.device("cpu"), timestamps=True)
    queue = iter([window])
    speculator = Speculator(ModelRunner(target, None), processor, NoDrafter(), align=True)
    (decoded,) = (e for e in speculator.run(lambda: next(queue, None)) if isinstance(e, Decoded))
    first = out["segments"][0][0]["result"]
    generated = first["sequences"][len(prompt) :].tolist()
    assert tuple(t for t in generated if t != special.eot) == decoded.tokens
    assert generated[-1] == special.eot, "transformers never feeds the last token of a text without end"
    theirs = first["token_timestamps"][len(prompt) : len(prompt) + len(decoded.tokens)].tolist()
    assert [end * 0.02 for _, end in decoded.times] == pytest.approx(theirs, abs=0.02)


def test_words_spell_the_text_and_stand_in_order(pair: Any) -> None:
    with Engine.load(str(pair.target), str(pair.drafts["sometimes"]), device="cpu") as engine:
        t = engine.transcribe(noise(4.3), PLAIN)
        assert t.words
        assert t.timing.align > 0
        for segment in t.segments:
            assert "".join(word.text for word in segment.words) == segment.text
            assert all(0 <= w.start <= w.end <= 4.3 + 0.02 for w in segment.words)
            assert all(0 <= w.probability <= 1 for w in segment.words)
        alone = engine.transcribe(noise(4.3), PLAIN, draft="none")
        assert [(w.text, w.start, w.end) for w in alone.words] == [(w.text, w.start, w.end) for w in t.words]
        many = engine.transcribe_many([noise(1, 3), noise(4.3)], PLAIN)
        assert [(w.text, w.start, w.end) for w in many[1].words] == [(w.text, w.start, w.end) for w in t.words]


def test_a_checkpoint_without_alignment_heads_says_so(pair: Any, tmp_path: Any) -> None:
    import json
    import shutil

    shutil.copytree(pair.target, tmp_path / "x")
    path = tmp_path / "x" / "generation_config.json"
    config = json.loads(path.read_text())
    del config["alignment_heads"]
    path.write_text(json.dumps(config))
    with (
        Engine.load(str(tmp_path / "x"), device="cpu") as engine,
        pytest.raises(OptionError, match="alignment_heads"),
    ):
        engine.transcribe(noise(1), words=True)


def loud(frames: int, *spans: tuple[int, int]) -> np.ndarray:
    """A level of 0 dB in the spans, -40 elsewhere."""
    level = np.full(frames, -40.0)
    for start, end in spans:
        level[start:end] = 0.0
    return level


def test_silence_belongs_to_no_word() -> None:
    level = loud(300, (40, 80), (200, 240))
    assert word_spans([(0, 100), (100, 300)], level, 300) == [(40, 80), (200, 240)]


def test_a_word_reaches_a_quarter_into_the_gap_but_not_into_a_pause() -> None:
    level = loud(300, (0, 300))
    assert word_spans([(0, 20), (40, 60)], level, 300) == [(0, 25), (40, 60)]
    assert word_spans([(0, 20), (140, 160)], level, 300) == [(0, 20), (140, 160)]


def test_what_is_left_of_a_click_is_long_enough_to_see() -> None:
    ((start, end),) = word_spans([(0, 100)], loud(100, (50, 51)), 100)
    assert end - start == 6
    assert start <= 50 < end


@pytest.mark.parametrize("seed", range(200))
def test_words_of_any_times_are_in_order_and_have_a_length(seed: int) -> None:
    """Passed-over tokens, times beyond the end, more words than frames, quiet and loud."""
    rng = np.random.default_rng(seed)
    until = float(rng.integers(1, 400))
    ends = np.sort(rng.integers(0, 420, rng.integers(1, 60)))
    spoken = [(float(max(0, end - rng.integers(0, 30))), float(end)) for end in ends]
    found = word_spans(spoken, rng.normal(-30, 15, int(until) + 1), until)
    assert len(found) == len(spoken)
    edges = [edge for span in found for edge in span]
    assert all(start < end for start, end in found)
    assert all(before <= after + 1e-9 for before, after in zip(edges[1::2], edges[2::2], strict=False))
    assert edges[0] >= 0
    assert edges[-1] <= until
