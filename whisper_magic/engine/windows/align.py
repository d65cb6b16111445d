"""Forced alignment: when each word of a given text is said, in a window of sound.

The text is not decoded: one pass of the target over it gives the attention that word timestamps are read from
(`decode/word_timestamps.py`), whoever wrote the text.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from whisper_magic.audio.sound import Audio
from whisper_magic.engine.decode.word_timestamps import attention_of, loudness, token_spans, word_spans, words_of
from whisper_magic.engine.runtime.loaded_model import LoadedModel
from whisper_magic.engine.windows.plan import STRIDE
from whisper_magic.engine.windows.prompt import forced_prompt
from whisper_magic.errors import OptionError
from whisper_magic.options import TranscribeOptions
from whisper_magic.transcript import Word


def align(model: LoadedModel, audio: Audio, text: str, language: str | None) -> tuple[Word, ...]:
    """Find when each word of a text is said.

    Args:
        model: The target.
        audio: One window of sound at most.
        text: What is said in it, in the language that is spoken.
        language: Its code; None for English, or an English-only checkpoint.

    Returns:
        The words, their times in seconds of the audio's source, their probability 1: nobody doubted them.

    Raises:
        OptionError: Sound beyond one window, text that does not fit in the context, a checkpoint without alignment
            heads, a language that it does not know.
    """
    target, runner, special = model.target, model.runner, model.target.special
    if not special.alignment_heads:
        raise OptionError("this checkpoint names no alignment_heads in generation_config.json: it cannot align a text")
    frames = round(audio.duration / model.front_end.frame_seconds)
    if frames > target.window_frames:
        most = target.window_frames * model.front_end.frame_seconds
        raise OptionError(f"a text can be aligned with at most {most:g} s of audio, got {audio.duration:.1f} s")
    asked = language if special.languages else None
    prompt = forced_prompt(special, TranscribeOptions(language=asked or "en", timestamps=False), target.name)
    ids = target.tokenizer(text, add_special_tokens=False)["input_ids"] if text.strip() else []
    if len(prompt) + len(ids) >= runner.context:
        raise OptionError(
            f"a text of {len(ids)} tokens does not fit in the context of {runner.context}: align a shorter text"
        )
    if not ids:
        return ()
    features = model.front_end(audio.samples)[:, : target.window_frames]
    spans = _token_spans(model, features, [*prompt, *ids, special.eot], len(prompt), frames)[: len(ids)]
    words = words_of(
        target.tokenizer, ids, [(a * STRIDE, b * STRIDE) for a, b in spans], [1.0] * len(ids), asked or "en"
    )
    timed = word_spans([(word.start, word.end) for word in words], loudness(features), frames)
    step = model.front_end.frame_seconds
    return tuple(
        Word(word.text, audio.start + start * step, audio.start + end * step, word.probability)
        for word, (start, end) in zip(words, timed, strict=True)
    )


def _token_spans(
    model: LoadedModel, features: torch.Tensor, tokens: list[int], num_prompt: int, frames: int
) -> list[tuple[int, int]]:
    """(start, end) of each token after the prompt, in encoder states."""
    runner, special = model.runner, model.target.special
    runner.allocate(1)
    missing = model.target.window_frames - features.shape[1]
    target = runner.backend.target
    with torch.inference_mode():
        runner.encode([0], F.pad(features, (0, missing))[None])
        attention = attention_of(target.network, tokens, target.cross_kv(0), special.alignment_heads)
        # The last of the prompt attends to where the text begins.
        spans = token_spans(attention[:, num_prompt - 1 :], max(1, frames // STRIDE), runner.median_width)
    return spans[1:]
