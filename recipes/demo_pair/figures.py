"""The figures of the evaluation, and the model card that shows them beside their goals."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

CARD = Path(__file__).with_name("card.md")
"""The card's text, with placeholders for the table and the sample's numbers."""


@dataclass(frozen=True)
class Figures:
    """What the model card states. Rates are shares, 0 to 1; WER ignores case and punctuation; dicts are by language."""

    target_steps: int
    branch_steps: list[int]
    draft_steps: int
    sentences: int
    wer_seen_voices: dict[str, float]
    wer_unseen_voices: dict[str, float]
    wer_timestamps: dict[str, float]
    wer_late: dict[str, float]
    human_digit_error_rate: float | None
    language_detection: float
    translation_exact: dict[str, float]
    times_within_0_2_s: float
    nothing_transcribed: float
    speech_never_skipped: float
    acceptance_at_4: float
    tokens_per_round_at_4: float
    long_form_seconds: dict[str, float]
    wer_long_form: dict[str, float]
    wer_one_by_one: dict[str, float]
    fp16_texts_equal: float
    sample_word_error_rate: float


def write_figures(figures: Figures, folder: Path) -> None:
    """Write ``figures.json`` and the model card ``README.md`` beside the weights."""
    (folder / "figures.json").write_text(json.dumps(asdict(figures), indent=1) + "\n")
    (folder / "README.md").write_text(model_card(figures, folder))


def read_figures(folder: Path) -> Figures:
    """Read the ``figures.json`` beside the weights."""
    return Figures(**json.loads((folder / "figures.json").read_text()))


def model_card(figures: Figures, folder: Path) -> str:
    """The model card of the pair in ``folder``, which holds ``sample.json``."""
    truth = json.loads((folder / "sample.json").read_text())
    voices = dict.fromkeys(segment["voice"] for segment in truth["segments"])
    return CARD.read_text().format(
        table="\n".join(_rows(figures)),
        target_steps=figures.target_steps,
        branch_steps=" and ".join(map(str, figures.branch_steps)),
        draft_steps=figures.draft_steps,
        sentences=figures.sentences,
        seconds=truth["duration"],
        count=len(truth["segments"]),
        skipped=truth["sentences_skipped"],
        voices=", ".join(f"`{name}`" for name in voices),
    )


def _rows(figures: Figures) -> list[str]:
    seen, unseen, alone = figures.wer_seen_voices, figures.wer_unseen_voices, figures.wer_one_by_one
    digits = figures.human_digit_error_rate
    minutes = sum(figures.long_form_seconds.values()) / len(figures.long_form_seconds) / 60
    difference = {language: rate - alone[language] for language, rate in figures.wer_long_form.items()}
    measured = [
        ("WER, unseen sentences, seen voices: English", _percent(seen["en"]), "3%"),
        ("the same: German, French, Spanish", _each(seen), "5%"),
        ("WER, unseen sentences, unseen voices: English", _percent(unseen["en"]), "10%"),
        ("the same: German, French, Spanish", _each(unseen), "12%"),
        ("WER with timestamps on: English, German, French, Spanish", _each(figures.wer_timestamps, "en"), ""),
        (
            "WER of sentences that start anywhere in the 30 s: English, German, French, Spanish",
            _each(figures.wer_late, "en"),
            "",
        ),
        (
            "digit error rate in strings of 3 to 8 by an unseen speaker",
            "not measured" if digits is None else _percent(digits),
            "10%",
        ),
        ("language identified", _percent(figures.language_detection), "98%"),
        ("translation into English, exact sentences: German, French, Spanish", _each(figures.translation_exact), "85%"),
        ("first start and last end within 0.2 s of the truth", _percent(figures.times_within_0_2_s), "95%"),
        ("silence, noise, tones: empty transcript, default thresholds", _percent(figures.nothing_transcribed), "98%"),
        ("speech not skipped, default thresholds", _percent(figures.speech_never_skipped), "99%"),
        ("draft tokens accepted at draft length 4", _percent(figures.acceptance_at_4), "75 to 97%"),
        ("tokens per round at draft length 4", f"{figures.tokens_per_round_at_4:.1f}", ""),
        (
            f"WER of sequential long form over {minutes:.1f} minutes: English, German, French, Spanish",
            _each(figures.wer_long_form, "en"),
            "",
        ),
        ("that minus the WER of the same sentences one by one, in points", _each(difference, "en", signed=True), "1"),
        ("fp16 and fp32 texts equal", _percent(figures.fp16_texts_equal), "99%"),
        (
            "WER of the bundled sample, which was selected (see below)",
            _percent(figures.sample_word_error_rate),
            "",
        ),
    ]
    return [f"| {what} | {value} | {goal} |" for what, value, goal in measured]


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}%"


def _each(rates: dict[str, float], *first: str, signed: bool = False) -> str:
    order = [*first, *(language for language in rates if language != "en")]
    return ", ".join(f"{100 * rates[language]:+.1f}" if signed else _percent(rates[language]) for language in order)
