"""Token rows have the timestamps of their layout, and leave a cut sentence to the next window."""

import random

import pytest

from recipes.demo_pair.recipe import FULL, MEDIUM, SHORT, WindowKind
from recipes.demo_pair.windows import (
    IGNORE_INDEX,
    Layout,
    PlacedUtterance,
    PromptOptions,
    TokenizedUtterance,
    draw_layout,
    token_row,
)
from tests.support.demo_pair import IDS

ZERO = IDS.timestamp_begin
ONE = TokenizedUtterance(0, positions=50, tokens=(1, 2), english=(11,))
TWO = TokenizedUtterance(1, positions=80, tokens=(3, 4, 5), english=(12, 13))
DREI = TokenizedUtterance(2, positions=40, tokens=(6,), english=(14, 15), language="de")
TIMED = PromptOptions(timestamps=True)


def test_each_sentence_stands_between_its_timestamps() -> None:
    layout = Layout(1500, (PlacedUtterance(ONE, 10), PlacedUtterance(TWO, 90)))
    row = token_row(layout, IDS, TIMED)
    assert row.tokens == (101, 102, 107, ZERO + 10, 1, 2, ZERO + 60, ZERO + 90, 3, 4, 5, ZERO + 170)
    assert row.attend_from == row.attend_to == (-1, -1, 10, 22, 47, 60, 90, 103, 130, 156, 170, -1)
    assert row.labels == (102, IGNORE_INDEX, *row.tokens[3:], IDS.eot)
    assert row.ctc_tokens == (1, 2, 3, 4, 5)


def test_a_cut_sentence_gives_its_start_and_nothing_else() -> None:
    layout = Layout(160, (PlacedUtterance(ONE, 10), PlacedUtterance(TWO, 90)))
    row = token_row(layout, IDS, TIMED)
    assert row.tokens[3:] == (ZERO + 10, 1, 2, ZERO + 60, ZERO + 90)
    assert row.labels[-1] == IDS.eot
    assert row.ctc_tokens == (1, 2)


def test_without_timestamps_the_prompt_is_given_and_the_text_predicted() -> None:
    row = token_row(Layout(1500, (PlacedUtterance(ONE, 10),)), IDS, PromptOptions(timestamps=False, previous=(7, 8)))
    assert row.tokens == (109, 7, 8, 101, 102, 107, 111, 1, 2)
    assert row.labels == (IGNORE_INDEX, IGNORE_INDEX, IGNORE_INDEX, 102, IGNORE_INDEX, IGNORE_INDEX, 1, 2, IDS.eot)


def test_an_offset_moves_every_timestamp() -> None:
    row = token_row(Layout(160, (PlacedUtterance(ONE, 10),), offset=300), IDS, TIMED)
    assert [token - ZERO for token in row.tokens if token >= ZERO] == [310, 360]


def test_a_translation_is_english_and_its_ctc_text_is_not() -> None:
    row = token_row(Layout(1500, (PlacedUtterance(DREI, 10),)), IDS, PromptOptions(timestamps=True, task="translate"))
    assert row.tokens == (101, 103, 106, ZERO + 10, 14, 15, ZERO + 50)
    assert row.attend_from == (-1, -1, 10, 10, 10, 50, -1), "a translated word may render any part of its sentence"
    assert row.attend_to == (-1, -1, 10, 50, 50, 50, -1)
    assert row.ctc_tokens == (6,)


def test_a_window_of_two_languages_is_labelled_with_the_first() -> None:
    row = token_row(
        Layout(1500, (PlacedUtterance(DREI, 10), PlacedUtterance(ONE, 90))), IDS, PromptOptions(timestamps=False)
    )
    assert row.tokens == (101, 103, 107, 111, 6, 1, 2)


def test_the_prompt_may_name_another_language_than_the_start_token_predicts() -> None:
    row = token_row(Layout(1500, (PlacedUtterance(DREI, 10),)), IDS, PromptOptions(timestamps=False, language="en"))
    assert row.tokens == (101, 102, 107, 111, 6)
    assert row.labels[0] == IDS.languages["de"]


@pytest.mark.parametrize("timestamps", [True, False])
def test_a_window_without_speech_predicts_no_speech_and_no_text(timestamps: bool) -> None:
    row = token_row(Layout(1500, ()), IDS, PromptOptions(timestamps, language="es"))
    assert row.tokens[:2] == (101, 105)
    assert row.labels[0] == IDS.nospeech
    assert row.labels[1] == IGNORE_INDEX
    assert row.labels[-1] == IDS.eot
    assert row.ctc_tokens == ()


@pytest.mark.parametrize("kind", [SHORT, MEDIUM, FULL])
def test_layouts_keep_sentences_apart_and_cut_only_the_last_of_a_full_window(kind: WindowKind) -> None:
    rng = random.Random(0)
    for _ in range(300):
        layout = draw_layout(kind, lambda: rng.choice([ONE, TWO]), FULL.positions, rng)
        for before, after in zip(layout.placed, layout.placed[1:], strict=False):
            assert before.end < after.start
            assert before.end <= kind.positions
        if kind != FULL:
            assert all(placed.end <= kind.positions for placed in layout.placed)
        assert 0 <= layout.offset <= FULL.positions - kind.positions
        assert len(token_row(layout, IDS, TIMED).tokens) <= kind.tokens


def test_full_windows_are_packed_or_nearly_empty_and_speech_starts_anywhere_in_some() -> None:
    rng = random.Random(0)
    layouts = [draw_layout(FULL, lambda: rng.choice([ONE, TWO]), FULL.positions, rng) for _ in range(400)]
    counts = [len(layout.placed) for layout in layouts]
    assert sum(count > 7 for count in counts) > 100
    assert sum(count == 1 for count in counts) > 60
    assert sum(bool(layout.placed) and layout.placed[0].start > 500 for layout in layouts) > 10
