"""The links of chained Ogg files."""

from __future__ import annotations

import io

import numpy as np

from tests.support.media import chirp, encoded
from whisper_magic.audio.ogg import Link, links

VORBIS, OPUS = (encoded(chirp(3), 16_000, "OGG", coding) for coding in ("VORBIS", "OPUS"))


def found(content: bytes) -> tuple[list[Link], bool]:
    return links(io.BytesIO(content), len(content))


def test_one_two_and_three_links() -> None:
    one, two = len(VORBIS), len(VORBIS) + len(OPUS)
    assert found(VORBIS) == ([Link(0, one)], False)
    assert found(VORBIS + OPUS) == ([Link(0, one), Link(one, two)], False)
    assert found(VORBIS + OPUS + VORBIS) == ([Link(0, one), Link(one, two), Link(two, two + one)], False)


def test_streams_that_play_together_are_one_link() -> None:
    def page(first: bool, serial: int) -> bytes:
        return b"OggS\0" + bytes([2 if first else 0]) + bytes(8) + bytes([serial]) + bytes(11) + b"\1\5" + b"12345"

    together = page(True, 1) + page(True, 2) + page(False, 1) + page(False, 2)
    assert found(together + together)[0] == [Link(0, len(together)), Link(len(together), 2 * len(together))]


def test_a_page_that_is_cut() -> None:
    assert found(VORBIS[:-10]) == ([Link(0, len(VORBIS) - 10)], True)


def test_damage_between_pages_is_passed_over() -> None:
    junk = np.random.default_rng(0).bytes(100_000)
    content = VORBIS + junk + OPUS
    assert found(content)[0] == [Link(0, len(VORBIS) + len(junk)), Link(len(VORBIS) + len(junk), len(content))]


def test_what_is_not_ogg_has_no_links() -> None:
    for content in (b"", b"Ogg", b"RIFF" + bytes(100), b"ID3" + VORBIS):
        assert found(content) == ([], False)


def test_a_file_that_begins_in_the_middle_of_a_stream() -> None:
    second_page = VORBIS.index(b"OggS", 4)
    content = VORBIS[second_page:] + OPUS
    cut = len(VORBIS) - second_page
    assert found(content)[0] == [Link(0, cut), Link(cut, len(content))]
