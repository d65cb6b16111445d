"""Measures the exported pair with plain transformers, in fp32 on CPU, on sentences training never saw."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from transformers import WhisperForCausalLM, WhisperForConditionalGeneration, WhisperProcessor

from training.corpus import Spoken, spoken
from training.domain import Split
from training.recipe import ASSETS, Recipe
from training.speak import SAMPLE_RATE

_EVALUATION_SEED = 900_000
_BATCH = 20
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Figures:
    """What the model card states. Rates are fractions; WER ignores case and punctuation."""

    sentences: int
    wer_unseen_sentences: float
    wer_unseen_voices: float
    wer_timestamp_mode: float
    timestamps_within_0_2_s: float
    acceptance_at_4: float
    tokens_per_round_at_4: float
    wer_long_form: float
    sample_read_exactly: bool


class Pair:
    """The exported pair, as transformers loads it."""

    def __init__(self, folder: Path) -> None:
        self.processor = WhisperProcessor.from_pretrained(str(folder / "target"))
        self.target = WhisperForConditionalGeneration.from_pretrained(str(folder / "target"), dtype=torch.float32)
        self.draft = WhisperForCausalLM.from_pretrained(str(folder / "draft"), dtype=torch.float32)
        self.target.eval()
        self.draft.eval()
        self.timestamp_begin = self.target.generation_config.no_timestamps_token_id + 1

    def features(self, recordings: Sequence[Samples]) -> torch.Tensor:
        """(windows, n_mels, 3000) of recordings of at most 30 s, padded with silence."""
        extracted = self.processor.feature_extractor(list(recordings), sampling_rate=SAMPLE_RATE, return_tensors="pt")
        return torch.as_tensor(extracted.input_features)

    @torch.no_grad()
    def read(self, features: torch.Tensor, timestamps: bool) -> list[list[int]]:
        """Greedy tokens of each window, prompt and padding gone."""
        rows = self.target.generate(
            features, language="en", task="transcribe", return_timestamps=timestamps, num_beams=1, do_sample=False
        )
        first_special = self.processor.tokenizer.eos_token_id
        return [
            [token for token in row if token < first_special or token >= self.timestamp_begin] for row in rows.tolist()
        ]

    def text(self, tokens: Sequence[int]) -> str:
        """Text alone, timestamps dropped."""
        return str(self.processor.tokenizer.decode([token for token in tokens if token < self.timestamp_begin]))

    @torch.no_grad()
    def read_long(self, samples: Samples) -> list[tuple[float, float, str]]:
        """transformers' own sequential long form: (start, end, text) of each segment."""
        inputs = self.processor.feature_extractor(
            samples, sampling_rate=SAMPLE_RATE, return_tensors="pt", truncation=False, padding="longest"
        )
        result = self.target.generate(
            inputs.input_features,
            language="en",
            task="transcribe",
            return_timestamps=True,
            return_segments=True,
            num_beams=1,
            do_sample=False,
        )
        return [
            (float(segment["start"]), float(segment["end"]), self.text(segment["tokens"].tolist()))
            for segment in result["segments"][0]
        ]


def words(text: str) -> list[str]:
    """Lower-case words, punctuation dropped."""
    return re.findall(r"[\w']+", text.lower())


def edit_distance(truth: Sequence[str], said: Sequence[str]) -> int:
    """Fewest words to substitute, insert and delete."""
    row = list(range(len(said) + 1))
    for number, true_word in enumerate(truth, 1):
        diagonal, row[0] = row[0], number
        for place, word in enumerate(said, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (word != true_word))
    return row[-1]


def word_error_rate(truths: Sequence[str], readings: Sequence[str]) -> float:
    """Errors by true words, over all sentences."""
    errors = sum(edit_distance(words(truth), words(said)) for truth, said in zip(truths, readings, strict=True))
    return errors / sum(len(words(truth)) for truth in truths)


def evaluate(recipe: Recipe, folder: Path = ASSETS) -> Figures:
    """Measure everything and write ``figures.json`` beside the weights."""
    torch.set_num_threads(recipe.threads)
    pair = Pair(folder)
    known = _recordings(recipe, unseen_voices=False)
    unknown = _recordings(recipe, unseen_voices=True)
    plain = _read_all(pair, known, timestamps=False)
    timed = _read_all(pair, known, timestamps=True)
    accepted, proposed, rounds = acceptance(pair, known[:60])
    wanted = [one.sentence.text for one in known]
    figures = Figures(
        sentences=len(known),
        wer_unseen_sentences=word_error_rate(wanted, [pair.text(tokens) for tokens in plain]),
        wer_unseen_voices=word_error_rate(
            [one.sentence.text for one in unknown],
            [pair.text(tokens) for tokens in _read_all(pair, unknown, timestamps=False)],
        ),
        wer_timestamp_mode=word_error_rate(wanted, [pair.text(tokens) for tokens in timed]),
        timestamps_within_0_2_s=_well_timed(pair, known, timed),
        acceptance_at_4=accepted / proposed,
        tokens_per_round_at_4=(accepted + rounds) / rounds,
        wer_long_form=_long_form(pair, known[:60]),
        sample_read_exactly=sample_read_exactly(pair, folder),
    )
    (folder / "figures.json").write_text(json.dumps(asdict(figures), indent=1) + "\n")
    print(json.dumps(asdict(figures), indent=1))
    return figures


def _recordings(recipe: Recipe, unseen_voices: bool, split: Split = "held_out") -> list[Spoken]:
    seed = _EVALUATION_SEED + recipe.seed + unseen_voices
    return [
        one
        for language in recipe.languages
        for one in spoken(language, recipe.evaluation_sentences, seed, split, unseen_voices)
    ]


def _read_all(pair: Pair, recordings: Sequence[Spoken], timestamps: bool) -> list[list[int]]:
    """Each sentence alone in its 30 s window, the rest silence, after 0.2 s of silence."""
    lead = np.zeros(int(0.2 * SAMPLE_RATE), np.float32)
    rows: list[list[int]] = []
    for some in _by(_BATCH, recordings):
        rows += pair.read(pair.features([np.concatenate([lead, one.samples]) for one in some]), timestamps)
    return rows


def _by(size: int, recordings: Sequence[Spoken]) -> Iterator[list[Spoken]]:
    rest = iter(recordings)
    while some := list(islice(rest, size)):
        yield some


def _well_timed(pair: Pair, recordings: Sequence[Spoken], rows: Sequence[Sequence[int]]) -> float:
    """Share of first starts and last ends within 0.2 s of the truth; a missing one counts as wrong."""
    right = 0
    for one, tokens in zip(recordings, rows, strict=True):
        times = [(token - pair.timestamp_begin) * 0.02 for token in tokens if token >= pair.timestamp_begin]
        end = 0.2 + len(one.samples) / SAMPLE_RATE
        if len(times) >= 2:
            right += (abs(times[0] - 0.2) <= 0.2) + (abs(times[-1] - end) <= 0.2)
    return right / (2 * len(recordings))


@torch.no_grad()
def acceptance(pair: Pair, recordings: Sequence[Spoken], length: int = 4) -> tuple[int, int, int]:
    """Draft tokens accepted and proposed, and rounds, over the target's own greedy texts, timestamps off.

    An accepted prefix is by definition what the target says, so the draft's guesses after the target's own tokens tell
    exactly which proposals each round accepts.
    """
    settings = pair.target.generation_config
    prompt = [
        settings.decoder_start_token_id,
        settings.lang_to_id["<|en|>"],
        settings.task_to_id["transcribe"],
        settings.no_timestamps_token_id,
    ]
    accepted = proposed = rounds = 0
    for one in recordings:
        features = pair.features([one.samples])
        audio = pair.target.model.encoder(features).last_hidden_state
        tokens = prompt + pair.read(features, timestamps=False)[0] + [settings.eos_token_id]
        logits = pair.draft(input_ids=torch.tensor([tokens]), encoder_outputs=(audio,)).logits[0]
        guesses = logits.argmax(-1).tolist()
        right = [guesses[place - 1] == tokens[place] for place in range(len(prompt), len(tokens))]
        place = 0
        while place < len(right):
            tried = right[place : place + length]
            run = next((number for number, good in enumerate(tried) if not good), len(tried))
            accepted, proposed, rounds = accepted + run, proposed + len(tried), rounds + 1
            place += run + 1
    return accepted, proposed, rounds


def _long_form(pair: Pair, recordings: Sequence[Spoken]) -> float:
    """Word error rate of the recordings in one, half a second apart, read by sequential long form."""
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    joined = np.concatenate([part for one in recordings for part in (one.samples, pause)])
    said = " ".join(text for _, _, text in pair.read_long(joined))
    return word_error_rate([" ".join(one.sentence.text for one in recordings)], [said])


def sample_read_exactly(pair: Pair, folder: Path) -> bool:
    """Whether long form reads the bundled sample word for word; each difference is printed."""
    truth = json.loads((folder / "sample.json").read_text())
    samples, _ = soundfile.read(folder / "sample.ogg", dtype="float32")
    segments = pair.read_long(samples)
    for start, end, text in segments:
        print(f"{start:6.2f} {end:6.2f} {text}")
    said = " ".join(text.strip() for _, _, text in segments)
    if said != truth["text"]:
        print(f"sample: true text is\n{truth['text']}")
    return said == str(truth["text"])
