"""Measures the exported pair on sentences and voices that training never saw; ``figures.json`` holds what came out.

Reading is plain transformers' in fp32 on CPU, greedy. Only the row about silence asks ``whisper_magic``, because
default thresholds are the reader's to apply.
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

from recipes.demo_pair import human
from recipes.demo_pair.checkpoints import Checkpoints
from recipes.demo_pair.corpus import Spoken, human_digits, spoken
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
_NEAR = 0.2
_WINDOW = 30.0


@dataclass(frozen=True)
class Heard:
    """Recordings of one language, encoded; start: what the start token foretells (recordings, vocabulary)."""

    spoken: Sequence[Spoken]
    encoded: Encoded
    start: torch.Tensor

    @property
    def truth(self) -> list[str]:
        """What was said."""
        return [one.sentence.text for one in self.spoken]

    def first(self, count: int) -> "Heard":
        """The first ``count`` of them."""
        return Heard(self.spoken[:count], self.encoded.first(count), self.start[:count])


def evaluate(recipe: Recipe, folder: Path = ASSETS) -> Figures:
    """Measure everything and write ``figures.json`` and the model card beside the weights."""
    torch.set_num_threads(recipe.threads)
    figures = _Readings(recipe, folder).figures()
    write_figures(figures, folder)
    print(json.dumps(asdict(figures), indent=1))
    return figures


class _Readings:
    """Everything that is read more than once: sentences by language, their plain texts, and the first few timed."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        pair, sizes = Pair(folder), recipe.evaluation
        self.recipe, self.folder, self.pair = recipe, folder, pair
        self.known = {one: _heard(pair, _drawn(recipe, one, sizes.seen)) for one in recipe.languages}
        self.unknown = {one: _heard(pair, _drawn(recipe, one, sizes.unseen, True)) for one in recipe.languages}
        self.plain = {one: pair.texts(heard.encoded) for one, heard in self.known.items()}
        self.few = {one: heard.first(sizes.few) for one, heard in self.known.items()}
        self.timed = {one: pair.read(heard.encoded, timestamps=True) for one, heard in self.few.items()}

    def figures(self) -> Figures:
        """All that the card states."""
        pair, timed, few = self.pair, self.timed, self.few
        everything = [*self.known.values(), *self.unknown.values()]
        wer = {one: self._wer(one, self.recipe.evaluation.seen) for one in self.known}
        print(wer, flush=True)
        accepted, proposed, rounds = acceptance(pair, few, self.plain)
        nothing, never_skipped = silence_and_speech(self.recipe, self.folder, pair, everything)
        count = self.recipe.evaluation.long_form
        joined = {one: long_form(pair, heard.first(count)) for one, heard in self.known.items()}
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
                one: word_error_rate(heard.truth, pair.texts(heard.encoded)) for one, heard in self.unknown.items()
            },
            wer_timestamps={one: word_error_rate(few[one].truth, map(pair.text, rows)) for one, rows in timed.items()},
            wer_late={one: self._late(heard) for one, heard in few.items()},
            human_digit_error_rate=_human_digits(self.recipe, pair),
            language_detection=_detected(pair, everything),
            translation_exact={one: self._translated(one) for one in self.known if one != "en"},
            times_within_0_2_s=share([near for one in few for near in _on_time(pair, few[one], timed[one])]),
            nothing_transcribed=nothing,
            speech_never_skipped=never_skipped,
            acceptance_at_4=accepted / proposed,
            tokens_per_round_at_4=(accepted + rounds) / rounds,
            long_form_seconds={one: seconds for one, (_, seconds) in joined.items()},
            wer_long_form={one: rate for one, (rate, _) in joined.items()},
            wer_one_by_one={one: self._wer(one, count) for one in self.known},
            fp16_texts_equal=_same_in_half(self.folder, few, self.plain),
            sample_word_error_rate=sample_word_error_rate(self.folder),
        )

    def _wer(self, language: str, count: int) -> float:
        return word_error_rate(self.known[language].truth[:count], self.plain[language][:count])

    def _late(self, heard: Heard) -> float:
        """Word error rate of sentences that begin anywhere in their window, silence before and after."""
        rng = random.Random(f"late {self.recipe.seed} {heard.encoded.language}")
        starts = [rng.uniform(0, _WINDOW - len(one.samples) / SAMPLE_RATE) for one in heard.spoken]
        late = _heard(self.pair, heard.spoken, starts)
        return word_error_rate(late.truth, self.pair.texts(late.encoded))

    def _translated(self, language: str) -> float:
        """Share of sentences whose English is right to the letter, punctuation included."""
        heard = self.known[language].first(self.recipe.evaluation.translated)
        texts = self.pair.texts(heard.encoded, task="translate")
        return share([said == one.sentence.english for one, said in zip(heard.spoken, texts, strict=True)])


def _drawn(recipe: Recipe, language: str, count: int, unseen_voices: bool = False) -> list[Spoken]:
    return list(spoken(language, count, _SEED + recipe.seed + unseen_voices, "held_out", unseen_voices))


def _heard(pair: Pair, recordings: Sequence[Spoken], starts: Sequence[float] | None = None) -> Heard:
    """starts: seconds of silence before each; a little where they are not given."""
    leads = [np.zeros(int(start * SAMPLE_RATE), np.float32) for start in starts or [_LEAD] * len(recordings)]
    samples = [np.concatenate([lead, one.samples]) for lead, one in zip(leads, recordings, strict=True)]
    encoded = pair.encode(recordings[0].language, samples)
    return Heard(recordings, encoded, pair.first_probabilities(encoded))


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
        best = heard.start[:, ids].argmax(-1)
        right += [names[place] == f"<|{heard.encoded.language}|>" for place in best.tolist()]
    return share(right)


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
            doubted = heard.start[:, _nospeech(pair)] > 0.6
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


def sample_word_error_rate(folder: Path) -> float:
    """Word error rate of the bundled sample, read as ``%whisper demo`` reads it; a difference is printed."""
    truth = json.loads((folder / "sample.json").read_text())
    samples, _ = soundfile.read(folder / "sample.ogg", dtype="float32")
    with Engine.load(str(folder / "target"), "none", device="cpu") as engine:
        said = engine.transcribe((samples, SAMPLE_RATE)).text
    if words(said) != words(truth["text"]):
        print(f"sample: read as\n{said}\ntrue text is\n{truth['text']}")
    return word_error_rate([truth["text"]], [said])
