"""Measures the exported pair on sentences and voices that are not in the training data; writes ``figures.json``.

Transcripts are plain transformers' in fp32 on CPU, greedy. Only the rows about silence and the sample use
``whisper_magic``, since they depend on default thresholds.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from recipes.demo_pair import spoken_digits
from recipes.demo_pair.checkpoints import Checkpoints
from recipes.demo_pair.corpus import SpokenSentence, speak_digits, speak_sentences
from recipes.demo_pair.figures import Figures, write_figures
from recipes.demo_pair.pair import Encoded, Pair
from recipes.demo_pair.recipe import ASSETS, CACHE, Recipe
from recipes.demo_pair.scores import share, word_error_rate, words
from recipes.demo_pair.sounds import sound
from recipes.demo_pair.speak import SAMPLE_RATE
from recipes.demo_pair.train import branch_folder
from whisper_magic import Engine

Samples = NDArray[np.float32]
_SEED = 900_000
_LEAD = 0.2
"""Seconds of silence before a sentence in its window."""
_TOLERANCE = 0.2
"""Seconds by which a timestamp may differ from the truth."""
_WINDOW = 30.0
_NO_SPEECH = 0.6
"""The engine's default threshold."""


@dataclass(frozen=True)
class EvaluationSet:
    """Recordings of one language, encoded.

    Attributes:
        spoken: The recordings.
        encoded: Their encoder states.
        start: Probabilities of the token after the start token, (recordings, vocabulary).
    """

    spoken: Sequence[SpokenSentence]
    encoded: Encoded
    start: torch.Tensor

    @property
    def references(self) -> list[str]:
        """The true texts."""
        return [utterance.sentence.text for utterance in self.spoken]

    def first(self, count: int) -> "EvaluationSet":
        """The first ``count`` recordings."""
        return EvaluationSet(self.spoken[:count], self.encoded.first(count), self.start[:count])


def evaluate(recipe: Recipe, folder: Path = ASSETS) -> Figures:
    """Measure everything, and write ``figures.json`` and the model card beside the weights."""
    torch.set_num_threads(recipe.threads)
    figures = _Evaluation(recipe, folder).figures()
    write_figures(figures, folder)
    print(json.dumps(asdict(figures), indent=1))
    return figures


class _Evaluation:
    """What several figures share: sentences by language, their plain texts, and the first few with timestamps."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        pair, sizes = Pair(folder), recipe.evaluation
        self.recipe, self.folder, self.pair = recipe, folder, pair
        self.seen = {language: _encoded(pair, _drawn(recipe, language, sizes.seen)) for language in recipe.languages}
        self.unseen = {
            language: _encoded(pair, _drawn(recipe, language, sizes.unseen, True)) for language in recipe.languages
        }
        self.plain = {language: pair.texts(some.encoded) for language, some in self.seen.items()}
        self.few = {language: some.first(sizes.few) for language, some in self.seen.items()}
        self.timed = {language: pair.transcribe(some.encoded, timestamps=True) for language, some in self.few.items()}

    def figures(self) -> Figures:
        """All figures of the model card."""
        pair, timed, few = self.pair, self.timed, self.few
        everything = [*self.seen.values(), *self.unseen.values()]
        wer = {language: self._wer(language, self.recipe.evaluation.seen) for language in self.seen}
        print(wer, flush=True)
        accepted, proposed, rounds = acceptance(pair, few, self.plain)
        empty, not_skipped = silence_and_speech(self.recipe, self.folder, pair, everything)
        count = self.recipe.evaluation.long_form
        joined = {language: long_form(pair, some.first(count)) for language, some in self.seen.items()}
        return Figures(
            target_steps=Checkpoints(CACHE / "target").last_step(),
            branch_steps=[
                Checkpoints(branch_folder(CACHE / "target", turn, 0)).last_step()
                for turn in range(len(self.recipe.rounds))
            ],
            draft_steps=Checkpoints(CACHE / "draft").last_step(),
            sentences=self.recipe.evaluation.seen,
            wer_seen_voices=wer,
            wer_unseen_voices={
                language: word_error_rate(some.references, pair.texts(some.encoded))
                for language, some in self.unseen.items()
            },
            wer_timestamps={
                language: word_error_rate(few[language].references, map(pair.text, rows))
                for language, rows in timed.items()
            },
            wer_late={language: self._wer_late(some) for language, some in few.items()},
            human_digit_error_rate=_digit_error_rate(self.recipe, pair),
            language_detection=_detected(pair, everything),
            translation_exact={language: self._translated(language) for language in self.seen if language != "en"},
            times_within_0_2_s=share(
                [near for language in few for near in _on_time(pair, few[language], timed[language])]
            ),
            nothing_transcribed=empty,
            speech_never_skipped=not_skipped,
            acceptance_at_4=accepted / proposed,
            tokens_per_round_at_4=(accepted + rounds) / rounds,
            long_form_seconds={language: seconds for language, (_, seconds) in joined.items()},
            wer_long_form={language: rate for language, (rate, _) in joined.items()},
            wer_one_by_one={language: self._wer(language, count) for language in self.seen},
            fp16_texts_equal=_same_in_fp16(self.folder, few, self.plain),
            sample_word_error_rate=sample_word_error_rate(self.folder),
        )

    def _wer(self, language: str, count: int) -> float:
        return word_error_rate(self.seen[language].references[:count], self.plain[language][:count])

    def _wer_late(self, some: EvaluationSet) -> float:
        """Word error rate of sentences that start anywhere in their window, silence before and after."""
        rng = random.Random(f"late {self.recipe.seed} {some.encoded.language}")
        starts = [rng.uniform(0, _WINDOW - len(utterance.samples) / SAMPLE_RATE) for utterance in some.spoken]
        late = _encoded(self.pair, some.spoken, starts)
        return word_error_rate(late.references, self.pair.texts(late.encoded))

    def _translated(self, language: str) -> float:
        """Share of sentences whose translation is right to the letter, punctuation included."""
        some = self.seen[language].first(self.recipe.evaluation.translated)
        texts = self.pair.texts(some.encoded, task="translate")
        return share([text == utterance.sentence.english for utterance, text in zip(some.spoken, texts, strict=True)])


def _drawn(recipe: Recipe, language: str, count: int, unseen_voices: bool = False) -> list[SpokenSentence]:
    seed = _SEED + recipe.seed + unseen_voices
    return list(speak_sentences(language, count, seed, "held_out", unseen_voices))


def _encoded(pair: Pair, recordings: Sequence[SpokenSentence], starts: Sequence[float] | None = None) -> EvaluationSet:
    """starts: seconds of silence before each recording; None puts `_LEAD` before all."""
    leads = [np.zeros(int(start * SAMPLE_RATE), np.float32) for start in starts or [_LEAD] * len(recordings)]
    samples = [np.concatenate([lead, utterance.samples]) for lead, utterance in zip(leads, recordings, strict=True)]
    encoded = pair.encode(recordings[0].language, samples)
    return EvaluationSet(recordings, encoded, pair.start_probabilities(encoded))


def _digit_error_rate(recipe: Recipe, pair: Pair) -> float | None:
    """Over strings by the speaker that is held out; None where the archive is missing."""
    if not spoken_digits.available():
        return None
    drawn = speak_digits(recipe.evaluation.human, _SEED + recipe.seed, "held_out", held_out_speaker=True)
    some = _encoded(pair, list(drawn))
    return word_error_rate(some.references, pair.texts(some.encoded))


def _detected(pair: Pair, everything: Sequence[EvaluationSet]) -> float:
    """Share of recordings whose language has the highest probability of all."""
    names = list(pair.settings.lang_to_id)
    ids = list(pair.settings.lang_to_id.values())
    right = []
    for some in everything:
        best = some.start[:, ids].argmax(-1)
        right += [names[place] == f"<|{some.encoded.language}|>" for place in best.tolist()]
    return share(right)


def _on_time(pair: Pair, some: EvaluationSet, rows: Sequence[Sequence[int]]) -> list[bool]:
    """Whether first starts and last ends are near the truth; a missing one counts as wrong."""
    right = []
    for utterance, tokens in zip(some.spoken, rows, strict=True):
        times = [(token - pair.timestamp_begin) * 0.02 for token in tokens if token >= pair.timestamp_begin]
        end = _LEAD + len(utterance.samples) / SAMPLE_RATE
        right.append(bool(times) and abs(times[0] - _LEAD) <= _TOLERANCE)
        right.append(len(times) > 1 and abs(times[-1] - end) <= _TOLERANCE)
    return right


@torch.no_grad()
def acceptance(
    pair: Pair, recordings: dict[str, EvaluationSet], texts: dict[str, list[str]], length: int = 4
) -> tuple[int, int, int]:
    """Count accepted draft tokens without decoding speculatively.

    An accepted prefix is by definition the target's own text, so the draft's choices given the target's own tokens show
    which proposals each round accepts.

    Args:
        pair: Target and draft.
        recordings: Encoded recordings by language.
        texts: The target's greedy texts, without timestamps, by language.
        length: Draft length.

    Returns:
        Tokens accepted, tokens proposed, and rounds.
    """
    settings = pair.settings
    accepted = proposed = rounds = 0
    for language, some in recordings.items():
        ids = [settings.lang_to_id[f"<|{language}|>"], settings.task_to_id["transcribe"]]
        prompt = [settings.decoder_start_token_id, *ids, settings.no_timestamps_token_id]
        for audio, text in zip(some.encoded.audio, texts[language], strict=False):
            written = pair.processor.tokenizer(f" {text}", add_special_tokens=False).input_ids
            tokens = [*prompt, *written, settings.eos_token_id]
            logits = pair.draft(input_ids=torch.tensor([tokens]), encoder_outputs=(audio[None],)).logits[0]
            choices = logits.argmax(-1).tolist()
            right = [choices[place - 1] == tokens[place] for place in range(len(prompt), len(tokens))]
            counts = _rounds(right, length)
            accepted += sum(count for count, _ in counts)
            proposed += sum(tried for _, tried in counts)
            rounds += len(counts)
    return accepted, proposed, rounds


def _rounds(right: Sequence[bool], length: int) -> list[tuple[int, int]]:
    """Accepted and proposed tokens of each round, from whether the draft is right at each place."""
    counts, place = [], 0
    while place < len(right):
        tried = right[place : place + length]
        run = next((number for number, good in enumerate(tried) if not good), len(tried))
        counts.append((run, len(tried)))
        place += run + 1
    return counts


def silence_and_speech(
    recipe: Recipe, folder: Path, pair: Pair, speech: Sequence[EvaluationSet]
) -> tuple[float, float]:
    """Measure silence detection in the engine, with its default thresholds.

    A sentence can be skipped only where the start token predicts no-speech, so only those are transcribed.

    Returns:
        Share of recordings without speech whose transcript is empty, and share of sentences whose transcript is not.
    """
    recordings = [np.zeros(12 * SAMPLE_RATE, np.float32)] + [
        sound(12.0, f"evaluation {recipe.seed} {number}") for number in range(recipe.evaluation.sounds)
    ]
    no_speech = int(pair.processor.tokenizer.convert_tokens_to_ids("<|nospeech|>"))
    with Engine.load(str(folder / "target"), "none", device="cpu") as engine:
        empty = [not engine.transcribe((recording, SAMPLE_RATE)).text.strip() for recording in recordings]
        kept: list[bool] = []
        for some in speech:
            doubtful = some.start[:, no_speech] > _NO_SPEECH
            for utterance, doubt in zip(some.spoken, doubtful.tolist(), strict=True):
                kept.append(not doubt or bool(engine.transcribe((utterance.samples, SAMPLE_RATE)).text.strip()))
    return share(empty), share(kept)


def long_form(pair: Pair, some: EvaluationSet) -> tuple[float, float]:
    """Word error rate of the recordings joined, half a second apart, by sequential long form; and its seconds."""
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    joined = np.concatenate([part for utterance in some.spoken for part in (utterance.samples, pause)])
    text = pair.transcribe_long(some.encoded.language, joined)
    seconds = len(joined) / SAMPLE_RATE
    rate = word_error_rate([" ".join(some.references)], [text])
    print(f"long form, {some.encoded.language}, {seconds:.0f} s: {rate:.4f}", flush=True)
    return rate, seconds


def _same_in_fp16(folder: Path, recordings: dict[str, EvaluationSet], texts: dict[str, list[str]]) -> float:
    """Share of sentences whose text is the same with everything computed in fp16."""
    half = Pair(folder, torch.float16)
    same = []
    for language, some in recordings.items():
        again = half.texts(_encoded(half, some.spoken).encoded)
        same += [text == other for text, other in zip(again, texts[language], strict=False)]
    return share(same)


def sample_word_error_rate(folder: Path) -> float:
    """Word error rate of the bundled sample, transcribed as ``%whisper demo`` does; a difference is printed."""
    truth = json.loads((folder / "sample.json").read_text())
    samples, _ = soundfile.read(folder / "sample.ogg", dtype="float32")
    with Engine.load(str(folder / "target"), "none", device="cpu") as engine:
        text = engine.transcribe((samples, SAMPLE_RATE)).text
    if words(text) != words(truth["text"]):
        print(f"sample: transcribed as\n{text}\nthe true text is\n{truth['text']}")
    return word_error_rate([truth["text"]], [text])
