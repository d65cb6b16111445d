"""Word error rates: what is counted, what differs, and when it was said."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from whisper_magic.errors import OptionError, PackageMissing
from whisper_magic.scoring import Stretch, WordErrors
from whisper_magic.transcript import Models, Segment, Transcript, Word


def saying(*parts: tuple[float, float, str], language: str | None = "en", **fields: Any) -> Transcript:
    segments = tuple(Segment(start, end, text) for start, end, text in parts)
    return Transcript(segments, language, "transcribe", 9.0, "talk.mp3", **fields)


def with_words(text: str, language: str = "en") -> Transcript:
    """A word a second, the first at 0 s."""
    words = tuple(Word(f" {word}", i, i + 0.8, 1.0) for i, word in enumerate(text.split()))
    segment = Segment(0, len(words), f" {text}", words=words)
    return Transcript((segment,), language, "transcribe", float(len(words)), "talk.mp3")


def counts(found: WordErrors) -> tuple[int, int, int, int]:
    return found.hits, found.substitutions, found.deletions, found.insertions


def test_the_counts() -> None:
    found = saying((0, 3, " the cat sat on a mat today")).wer("the cat sat down on the mat")
    assert counts(found) == (5, 1, 1, 1)
    assert found.rate == pytest.approx(3 / 7)
    assert (found.errors, found.words, found.unit) == (3, 7, "word")


def test_one_readable_line() -> None:
    found = saying((0, 3, " the cat sat on a mat")).wer("The cat sat on the mat.")
    assert str(found) == (
        "Word error rate 16.7%: 1 error in 6 words (1 substituted, 0 missing, 0 extra; "
        "Whisper's English normalizer without its table of spellings)"
    )


def test_the_same_text_has_no_errors() -> None:
    found = saying((0, 3, " It's 25 dollars, um, Mister Smith!")).wer("it is twenty-five dollars mr smith")
    assert found.rate == 0
    assert found.differences == ()
    assert [stretch.kind for stretch in found.stretches] == ["equal"]


def test_the_stretches_hold_both_texts() -> None:
    found = saying((0, 3, " ash bay dew elm elm fig")).wer("ash bay cob elm fig gum")
    assert [word for s in found.stretches for word in s.reference] == ["ash", "bay", "cob", "elm", "fig", "gum"]
    assert [word for s in found.stretches for word in s.written] == ["ash", "bay", "dew", "elm", "elm", "fig"]
    assert {s.kind for s in found.differences} == {"substitution", "insertion", "deletion"}


def test_the_times_are_those_of_the_words() -> None:
    found = with_words("the cat sat on a mat today").wer("the cat sat down on the mat")
    assert found.differences == (
        Stretch("deletion", ("down",), (), 2.8, 3),
        Stretch("substitution", ("the",), ("a",), 4, 4.8),
        Stretch("insertion", (), ("today",), 6, 6.8),
    )


def test_words_that_the_normalizer_joins_keep_their_times() -> None:
    found = with_words("well um it's twenty five cats here").wer("well it is twenty six cats here")
    (difference,) = found.differences
    assert (difference.reference, difference.written) == (("26",), ("25",))
    assert (difference.start, difference.end) == (3, 4.8)
    assert found.stretches[-1].start == 5


def test_without_words_the_times_are_the_segments() -> None:
    transcript = saying((0, 2, " the cat sat"), (2.5, 4, " on a mat"))
    assert [(d.start, d.end) for d in transcript.wer("the cat sat on the mat").differences] == [(2.5, 4)]
    assert [(d.start, d.end) for d in transcript.wer("the cat sat down on a mat").differences] == [(2, 2.5)]
    assert [(d.start, d.end) for d in transcript.wer("the black cat sat on a mat").differences] == [(0, 2)]


def test_a_transcript_as_reference() -> None:
    transcript = saying((0, 3, " The cat, sat."))
    assert transcript.wer(transcript).rate == 0
    assert transcript.wer(saying((5, 6, " the dog sat"))).substitutions == 1


def test_other_languages() -> None:
    found = saying((0, 1, " Übung macht den Meister"), language="de").wer("übung, macht die Meister")
    assert counts(found) == (3, 1, 0, 0)
    assert found.normalizer == "Whisper's basic normalizer"
    assert saying((0, 1, " one colour"), language=None).wer("one colour").normalizer == "Whisper's basic normalizer"


def test_characters_are_counted_where_no_spaces_are_written() -> None:
    found = saying((0, 1, "今日は晴れです"), language="ja").wer("今日も晴れです。")
    assert (found.unit, found.words, found.substitutions) == ("character", 7, 1)
    assert str(found).startswith("Character error rate 14.3%: 1 error in 7 characters")


def test_a_translation_is_english() -> None:
    transcript = replace(saying((0, 1, " it's"), language="de"), task="translate")
    assert transcript.wer("it is").rate == 0


def test_the_checkpoints_own_spellings(tmp_path: Path) -> None:
    transcript = saying((0, 1, " a colour"), models=Models(str(tmp_path)))
    assert transcript.wer("a color").rate == 0.5
    (tmp_path / "normalizer.json").write_text(json.dumps({"colour": "color"}))
    found = transcript.wer("a color")
    assert (found.rate, found.normalizer) == (0, "Whisper's English normalizer")


@pytest.mark.parametrize("target", ["demo", "openai/whisper-none", "/no/such folder", "\0", "x" * 300])
def test_no_table_of_spellings(target: str) -> None:
    assert "without its table" in saying((0, 1, " a"), models=Models(target)).wer("a").normalizer


def test_nothing_said() -> None:
    assert saying().wer("").rate == 0
    assert saying().wer("um").rate == 0  # which the English normalizer drops
    assert saying().wer("two words").rate == 1
    found = saying((0, 1, " two words")).wer("")
    assert (found.rate, found.insertions) == (math.inf, 2)
    assert str(found).startswith("Word error rate infinite: 2 errors in 0 words")
    assert [(s.start, s.end) for s in saying().wer("two words").differences] == [(None, None)]


@pytest.mark.parametrize("reference", [None, 3, b"text", ["text"], Path("x.txt")])
def test_what_is_no_reference(reference: Any) -> None:
    with pytest.raises(OptionError, match=r"^a reference is text or a Transcript, got \w+; read a file first$"):
        saying().wer(reference)


def test_without_jiwer_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(PackageMissing, match=r"^word error rates need jiwer: pip install 'whisper-magic\[score\]'$"):
        saying((0, 1, " a")).wer("a")


def test_an_hour_is_quick() -> None:
    names = ["".join(pair) for pair in itertools.product("bcdfghjklmnprstvwxz", "bcdfghjklmnprstvwxz")]
    spoken = [names[i % len(names)] for i in range(9000)]
    found = with_words(" ".join(spoken), "de").wer(" ".join(name for i, name in enumerate(spoken) if i % 10))
    assert found.insertions == 900
    assert found.differences[4].start == 40


def test_it_takes_no_torch() -> None:
    code = (
        "import sys; from whisper_magic import Transcript\n"
        "from whisper_magic.transcript import Segment\n"
        "print(Transcript((Segment(0, 1, ' a b'),), 'en', 'transcribe', 1.0, 'x').wer('a c').rate)\n"
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["0.5", "False"]
