"""Voices are drawn from the right set."""

import random

from recipes.demo_pair.voices import ACCENTS, HELD_OUT_VARIANTS, VARIANTS, draw_voice


def test_held_out_variants_are_not_in_the_training_data() -> None:
    assert not set(VARIANTS) & set(HELD_OUT_VARIANTS)


def test_held_out_voices_are_drawn_from_held_out_variants_alone() -> None:
    rng = random.Random(0)
    for language in ACCENTS:
        names = {draw_voice(language, rng, held_out=True).name.partition("+")[2] for _ in range(100)}
        assert names == set(HELD_OUT_VARIANTS)


def test_training_voices_are_of_their_language_and_not_held_out() -> None:
    rng = random.Random(0)
    drawn = [draw_voice("en", rng) for _ in range(400)]
    assert {voice.synthesizer for voice in drawn} == {"espeak-ng", "flite"}
    assert not {voice.name.partition("+")[2] for voice in drawn} & set(HELD_OUT_VARIANTS)
    assert {draw_voice("de", rng).name.partition("+")[0] for _ in range(50)} == {"de"}
