"""The model card shows the figures beside their goals."""

import json
from pathlib import Path

from recipes.demo_pair.figures import Figures, model_card, read_figures, write_figures
from recipes.demo_pair.recipe import ASSETS

FOUR = {"en": 0.01, "de": 0.02, "fr": 0.03, "es": 0.04}
FIGURES = Figures(
    target_steps=12,
    branch_steps=[5, 7],
    draft_steps=3,
    sentences=5,
    wer_seen_voices=FOUR,
    wer_unseen_voices=FOUR,
    wer_timestamps=FOUR,
    wer_late={language: rate + 0.1 for language, rate in FOUR.items()},
    human_digit_error_rate=None,
    language_detection=1.0,
    translation_exact={"de": 0.5, "fr": 0.6, "es": 0.7},
    times_within_0_2_s=0.9,
    nothing_transcribed=0.8,
    speech_never_skipped=1.0,
    acceptance_at_4=0.765,
    tokens_per_round_at_4=3.9,
    long_form_seconds=dict.fromkeys(FOUR, 180.0),
    wer_long_form={language: rate + 0.005 for language, rate in FOUR.items()},
    wer_one_by_one=FOUR,
    fp16_texts_equal=0.99,
    sample_word_error_rate=0.0,
)


def test_the_card_is_written_from_the_figures(tmp_path: Path) -> None:
    sample = {
        "duration": 72.5,
        "segments": [{"voice": "a"}, {"voice": "b"}, {"voice": "a"}],
        "sentences_skipped": 4,
    }
    (tmp_path / "sample.json").write_text(json.dumps(sample))
    write_figures(FIGURES, tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert "| WER, unseen sentences, seen voices: English | 1.0% | 3% |" in card
    assert "| the same: German, French, Spanish | 2.0%, 3.0%, 4.0% | 5% |" in card
    assert "anywhere in the 30 s: English, German, French, Spanish | 11.0%, 12.0%, 13.0%, 14.0% |  |" in card
    assert "strings of 3 to 8 by an unseen speaker | not measured | 10% |" in card
    assert "in points | +0.5, +0.5, +0.5, +0.5 | 1 |" in card
    assert "over 3.0 minutes" in card
    assert "(72.5 s, Opus) holds 3 held-out sentences" in card
    assert "(`a`, `b`)" in card
    assert "fixed order; 4 that this pair" in card
    assert read_figures(tmp_path) == FIGURES


def test_the_bundled_card_agrees_with_the_bundled_figures() -> None:
    assert (ASSETS / "README.md").read_text() == model_card(read_figures(ASSETS), ASSETS)
