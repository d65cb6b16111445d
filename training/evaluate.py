"""Measures the exported pair on sentences and voices that training never saw; ``figures.json`` holds what came out.

Reading is plain transformers' in fp32 on CPU, greedy. Only the row about silence asks ``whisper_magic``, because
default thresholds are the reader's to apply.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from training import human
from training.corpus import Spoken, human_digits, spoken
from training.domain import Split
from training.pair import Encoded, Pair
from training.recipe import ASSETS, Recipe
from training.scores import share, word_error_rate, words
from training.sounds import sound
from training.speak import SAMPLE_RATE
from whisper_magic import Engine

Samples = NDArray[np.float32]
_SEED = 900_000
_LEAD = 0.2
"""Seconds of silence before a sentence in its window."""
_NEAR = 0.2


@dataclass(frozen=True)
class Figures:
    """What the model card states. Rates are shares of one; WER ignores case and punctuation; dicts go by language."""

    sentences: int
    wer_seen_voices: dict[str, float]
    wer_unseen_voices: dict[str, float]
    wer_timestamps: dict[str, float]
    human_digit_error_rate: float | None
    language_detection: float
    translation_exact: dict[str, float]
    times_within_0_2_s: float
    nothing_transcribed: float
    speech_never_skipped: float
    acceptance_at_4: float
    tokens_per_round_at_4: float
    wer_long_form: dict[str, float]
    wer_one_by_one: dict[str, float]
    fp16_texts_equal: float
    sample_word_error_rate: float


@dataclass(frozen=True)
class Heard:
    """Recordings of one language, encoded."""

    spoken: Sequence[Spoken]
    encoded: Encoded

    @property
    def truth(self) -> list[str]:
        """What was said."""
        return [one.sentence.text for one in self.spoken]

    def first(self, count: int) -> "Heard":
        """The first ``count`` of them."""
        return Heard(self.spoken[:count], self.encoded.first(count))


def evaluate(recipe: Recipe, folder: Path = ASSETS) -> Figures:
    """Measure everything and write ``figures.json`` beside the weights."""
    torch.set_num_threads(recipe.threads)
    pair, sizes = Pair(folder), recipe.evaluation
    known = {one: _heard(pair, _drawn(recipe, one, sizes.seen)) for one in recipe.languages}
    unknown = {one: _heard(pair, _drawn(recipe, one, sizes.unseen, unseen_voices=True)) for one in recipe.languages}
    plain = {language: pair.texts(heard.encoded) for language, heard in known.items()}
    print({language: word_error_rate(heard.truth, plain[language]) for language, heard in known.items()}, flush=True)
    few = {language: heard.first(sizes.few) for language, heard in known.items()}
    timed = {language: pair.read(heard.encoded, timestamps=True) for language, heard in few.items()}
    accepted, proposed, rounds = acceptance(pair, few, plain)
    nothing, never_skipped = silence_and_speech(recipe, folder, pair, [*known.values(), *unknown.values()])
    figures = Figures(
        sentences=sizes.seen,
        wer_seen_voices={language: word_error_rate(known[language].truth, plain[language]) for language in known},
        wer_unseen_voices={
            language: word_error_rate(heard.truth, pair.texts(heard.encoded)) for language, heard in unknown.items()
        },
        wer_timestamps={
            language: word_error_rate(few[language].truth, [pair.text(tokens) for tokens in rows])
            for language, rows in timed.items()
        },
        human_digit_error_rate=_human_digits(recipe, pair),
        language_detection=_detected(pair, [*known.values(), *unknown.values()]),
        translation_exact={
            language: _translated(pair, known[language].first(sizes.translated))
            for language in recipe.languages
            if language != "en"
        },
        times_within_0_2_s=share([near for one, heard in few.items() for near in _on_time(pair, heard, timed[one])]),
        nothing_transcribed=nothing,
        speech_never_skipped=never_skipped,
        acceptance_at_4=accepted / proposed,
        tokens_per_round_at_4=(accepted + rounds) / rounds,
        wer_long_form={language: long_form(pair, heard.first(sizes.long_form))[0] for language, heard in known.items()},
        wer_one_by_one={
            language: word_error_rate(heard.truth[: sizes.long_form], plain[language][: sizes.long_form])
            for language, heard in known.items()
        },
        fp16_texts_equal=_same_in_half(folder, few, plain),
        sample_word_error_rate=sample_word_error_rate(pair, folder),
    )
    (folder / "figures.json").write_text(json.dumps(asdict(figures), indent=1) + "\n")
    print(json.dumps(asdict(figures), indent=1))
    return figures


def _drawn(
    recipe: Recipe, language: str, count: int, unseen_voices: bool = False, split: Split = "held_out"
) -> list[Spoken]:
    return list(spoken(language, count, _SEED + recipe.seed + unseen_voices, split, unseen_voices))


def _heard(pair: Pair, recordings: Sequence[Spoken]) -> Heard:
    lead = np.zeros(int(_LEAD * SAMPLE_RATE), np.float32)
    samples = [np.concatenate([lead, one.samples]) for one in recordings]
    return Heard(recordings, pair.encode(recordings[0].language, samples))


def _human_digits(recipe: Recipe, pair: Pair) -> float | None:
    """Digits misread, over strings of 3 to 8 by the speaker left out; none where the archive is missing."""
    if not human.present():
        return None
    heard = _heard(pair, list(human_digits(recipe.evaluation.human, _SEED + recipe.seed, "held_out", left_out=True)))
    return word_error_rate(heard.truth, pair.texts(heard.encoded))


def _detected(pair: Pair, everything: Sequence[Heard]) -> float:
    names = list(pair.settings.lang_to_id)
    ids = list(pair.settings.lang_to_id.values())
    right = []
    for heard in everything:
        best = pair.first_probabilities(heard.encoded)[:, ids].argmax(-1)
        right += [names[place] == f"<|{heard.encoded.language}|>" for place in best.tolist()]
    return share(right)


def _translated(pair: Pair, heard: Heard) -> float:
    """Share of sentences whose English is right to the letter, punctuation included."""
    texts = pair.texts(heard.encoded, task="translate")
    return share([said == one.sentence.english for one, said in zip(heard.spoken, texts, strict=True)])


def _on_time(pair: Pair, heard: Heard, rows: Sequence[Sequence[int]]) -> list[bool]:
    """Whether first starts and last ends are near the truth; a missing one counts as wrong."""
    right = []
    for one, tokens in zip(heard.spoken, rows, strict=True):
        times = [(token - pair.timestamp_begin) * 0.02 for token in tokens if token >= pair.timestamp_begin]
        end = _LEAD + len(one.samples) / SAMPLE_RATE
        right += [bool(times) and abs(times[0] - _LEAD) <= _NEAR, len(times) > 1 and abs(times[-1] - end) <= _NEAR]
    return right


@torch.no_grad()
def acceptance(
    pair: Pair, recordings: dict[str, Heard], texts: dict[str, list[str]], length: int = 4
) -> tuple[int, int, int]:
    """Draft tokens accepted and proposed, and rounds, over the target's own greedy texts, timestamps off.

    An accepted prefix is by definition what the target says, so the draft's guesses after the target's own tokens tell
    exactly which proposals each round accepts.
    """
    settings = pair.settings
    accepted = proposed = rounds = 0
    for language, heard in recordings.items():
        ids = [settings.lang_to_id[f"<|{language}|>"], settings.task_to_id["transcribe"]]
        prompt = [settings.decoder_start_token_id, *ids, settings.no_timestamps_token_id]
        for audio, text in zip(heard.encoded.audio, texts[language], strict=False):
            said = pair.processor.tokenizer(f" {text}", add_special_tokens=False).input_ids
            tokens = [*prompt, *said, settings.eos_token_id]
            logits = pair.draft(input_ids=torch.tensor([tokens]), encoder_outputs=(audio[None],)).logits[0]
            guesses = logits.argmax(-1).tolist()
            right = [guesses[place - 1] == tokens[place] for place in range(len(prompt), len(tokens))]
            place = 0
            while place < len(right):
                tried = right[place : place + length]
                run = next((number for number, good in enumerate(tried) if not good), len(tried))
                accepted, proposed, rounds = accepted + run, proposed + len(tried), rounds + 1
                place += run + 1
    return accepted, proposed, rounds


def silence_and_speech(recipe: Recipe, folder: Path, pair: Pair, speech: Sequence[Heard]) -> tuple[float, float]:
    """Share of speechless recordings in which nothing is written, and share of sentences of which something is, by
    the engine with its default thresholds. A sentence can only be skipped where the start token says no-speech."""
    recordings = [np.zeros(12 * SAMPLE_RATE, np.float32)] + [
        sound(12.0, f"evaluation {recipe.seed} {number}") for number in range(recipe.evaluation.sounds)
    ]
    with Engine.load(str(folder / "target"), "none", device="cpu") as engine:
        empty = [not engine.transcribe((one, SAMPLE_RATE)).text.strip() for one in recordings]
        kept: list[bool] = []
        for heard in speech:
            doubted = pair.first_probabilities(heard.encoded)[:, _nospeech(pair)] > 0.6
            for one, doubt in zip(heard.spoken, doubted.tolist(), strict=True):
                kept.append(not doubt or bool(engine.transcribe((one.samples, SAMPLE_RATE)).text.strip()))
    return share(empty), share(kept)


def _nospeech(pair: Pair) -> int:
    return int(pair.processor.tokenizer.convert_tokens_to_ids("<|nospeech|>"))


def long_form(pair: Pair, heard: Heard) -> tuple[float, float]:
    """Word error rate of the recordings in one, half a second apart, read by sequential long form; and its seconds."""
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    joined = np.concatenate([part for one in heard.spoken for part in (one.samples, pause)])
    said = " ".join(text for _, _, text in pair.read_long(heard.encoded.language, joined))
    seconds = len(joined) / SAMPLE_RATE
    rate = word_error_rate([" ".join(heard.truth)], [said])
    print(f"long form, {heard.encoded.language}, {seconds:.0f} s: {rate:.4f}", flush=True)
    return rate, seconds


def _same_in_half(folder: Path, recordings: dict[str, Heard], texts: dict[str, list[str]]) -> float:
    """Share of sentences that read the same with everything computed in fp16."""
    half = Pair(folder, torch.float16)
    same = []
    for language, heard in recordings.items():
        again = half.texts(_heard(half, heard.spoken).encoded)
        same += [one == other for one, other in zip(again, texts[language], strict=False)]
    return share(same)


def sample_word_error_rate(pair: Pair, folder: Path) -> float:
    """Word error rate of long form on the bundled sample, each part in its own language; differences are printed."""
    truth = json.loads((folder / "sample.json").read_text())
    samples, _ = soundfile.read(folder / "sample.ogg", dtype="float32")
    with Engine.load(str(folder / "target"), "none", device="cpu") as engine:
        said = engine.transcribe((samples, SAMPLE_RATE)).text
    if words(said) != words(truth["text"]):
        print(f"sample: read as\n{said}\ntrue text is\n{truth['text']}")
    return word_error_rate([truth["text"]], [said])
