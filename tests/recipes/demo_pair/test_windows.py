"""Windows give the timestamps that were laid out, and a cut sentence is left for the next window."""

import random

import pytest

from recipes.demo_pair.recipe import FULL, MEDIUM, SHORT, WindowKind
from recipes.demo_pair.tokenizer import SpecialIds
from recipes.demo_pair.windows import IGNORED, Asked, Layout, Placed, Said, lay_out, token_row

IDS = SpecialIds(
    eot=100,
    sot=101,
    languages={"en": 102, "de": 103, "fr": 104, "es": 105},
    translate=106,
    transcribe=107,
    startoflm=108,
    startofprev=109,
    nospeech=110,
    notimestamps=111,
    space=32,
)
ZERO = IDS.timestamp_begin
ONE = Said(0, positions=50, tokens=(1, 2), english=(11,))
TWO = Said(1, positions=80, tokens=(3, 4, 5), english=(12, 13))
DREI = Said(2, positions=40, tokens=(6,), english=(14, 15), language="de")
TIMED = Asked(timestamps=True)


def test_each_sentence_stands_between_its_timestamps() -> None:
    layout = Layout(1500, (Placed(ONE, 10), Placed(TWO, 90)))
    row = token_row(layout, IDS, TIMED)
    assert row.tokens == (101, 102, 107, ZERO + 10, 1, 2, ZERO + 60, ZERO + 90, 3, 4, 5, ZERO + 170)
    assert row.heard_from == row.heard_to == (-1, -1, 10, 22, 47, 60, 90, 103, 130, 156, 170, -1)
    assert row.labels == (102, IGNORED, *row.tokens[3:], IDS.eot)
    assert row.text == (1, 2, 3, 4, 5)


def test_a_cut_sentence_gives_its_start_and_nothing_else() -> None:
    layout = Layout(160, (Placed(ONE, 10), Placed(TWO, 90)))
    row = token_row(layout, IDS, TIMED)
    assert row.tokens[3:] == (ZERO + 10, 1, 2, ZERO + 60, ZERO + 90)
    assert row.labels[-1] == IDS.eot
    assert row.text == (1, 2)


def test_without_timestamps_the_prompt_is_given_and_the_text_asked() -> None:
    row = token_row(Layout(1500, (Placed(ONE, 10),)), IDS, Asked(timestamps=False, previous=(7, 8)))
    assert row.tokens == (109, 7, 8, 101, 102, 107, 111, 1, 2)
    assert row.labels == (IGNORED, IGNORED, IGNORED, 102, IGNORED, IGNORED, 1, 2, IDS.eot)


def test_an_offset_moves_every_timestamp() -> None:
    row = token_row(Layout(160, (Placed(ONE, 10),), offset=300), IDS, TIMED)
    assert [token - ZERO for token in row.tokens if token >= ZERO] == [310, 360]


def test_translation_writes_english_and_still_hears_the_language_spoken() -> None:
    row = token_row(Layout(1500, (Placed(DREI, 10),)), IDS, Asked(timestamps=True, task="translate"))
    assert row.tokens == (101, 103, 106, ZERO + 10, 14, 15, ZERO + 50)
    assert row.heard_from == (-1, -1, 10, 10, 10, 50, -1), "a translated word may be heard anywhere in its sentence"
    assert row.heard_to == (-1, -1, 10, 50, 50, 50, -1)
    assert row.text == (6,)


def test_a_window_of_two_languages_is_named_for_the_first_and_written_as_it_is_said() -> None:
    row = token_row(Layout(1500, (Placed(DREI, 10), Placed(ONE, 90))), IDS, Asked(timestamps=False))
    assert row.tokens == (101, 103, 107, 111, 6, 1, 2)


def test_the_prompt_may_name_another_language_than_the_start_token_finds() -> None:
    row = token_row(Layout(1500, (Placed(DREI, 10),)), IDS, Asked(timestamps=False, language="en"))
    assert row.tokens == (101, 102, 107, 111, 6)
    assert row.labels[0] == IDS.languages["de"]


@pytest.mark.parametrize("timestamps", [True, False])
def test_an_empty_window_is_no_speech_and_then_nothing(timestamps: bool) -> None:
    row = token_row(Layout(1500, ()), IDS, Asked(timestamps, language="es"))
    assert row.tokens[:2] == (101, 105)
    assert row.labels[0] == IDS.nospeech
    assert row.labels[1] == IGNORED
    assert row.labels[-1] == IDS.eot
    assert row.text == ()


@pytest.mark.parametrize("kind", [SHORT, MEDIUM, FULL])
def test_layouts_keep_sentences_apart_and_cut_only_the_last_of_a_full_window(kind: WindowKind) -> None:
    rng = random.Random(0)
    for _ in range(300):
        layout = lay_out(kind, lambda: rng.choice([ONE, TWO]), FULL.positions, rng)
        for before, after in zip(layout.placed, layout.placed[1:], strict=False):
            assert before.end < after.start
            assert before.end <= kind.positions
        if kind != FULL:
            assert all(placed.end <= kind.positions for placed in layout.placed)
        assert 0 <= layout.offset <= FULL.positions - kind.positions
        assert len(token_row(layout, IDS, TIMED).tokens) <= kind.tokens


def test_full_windows_are_crowded_or_nearly_empty_and_speech_begins_anywhere_in_some() -> None:
    rng = random.Random(0)
    layouts = [lay_out(FULL, lambda: rng.choice([ONE, TWO]), FULL.positions, rng) for _ in range(400)]
    counts = [len(layout.placed) for layout in layouts]
    assert sum(count > 7 for count in counts) > 100
    assert sum(count == 1 for count in counts) > 60
    assert sum(bool(layout.placed) and layout.placed[0].start > 500 for layout in layouts) > 10
