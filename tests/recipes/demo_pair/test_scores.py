"""Word error rates."""

from recipes.demo_pair.scores import edit_distance, share, word_error_rate


def test_word_error_rate_counts_words_only() -> None:
    assert edit_distance(["a", "b", "c"], ["a", "c", "d"]) == 2
    assert word_error_rate(["Turn on the lamp."], ["turn on a lamp"]) == 0.25


def test_share_of_true_values() -> None:
    assert share([True, False, True, True]) == 0.75
