"""What the page may ask: everything else is refused in one line."""

from __future__ import annotations

import pytest

from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.messages import BadRequest, PeaksRequest, parse

PEAKS = {"id": "a-1", "kind": "peaks", "level": 0, "start": 10, "count": 5}


def test_a_request() -> None:
    assert parse(PEAKS) == PeaksRequest("a-1", 0, 10, 5)
    assert parse({**PEAKS, "start": 10.0}) == PeaksRequest("a-1", 0, 10, 5)  # JavaScript has no whole numbers


def test_no_message_asks_for_more_than_a_part() -> None:
    request = parse({**PEAKS, "count": 10**9})
    assert isinstance(request, PeaksRequest)
    assert request.count == messages.MAX_PEAKS


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "peaks",
        {},
        {"id": "a"},
        {"id": "a", "kind": "no-such"},
        {"id": "a", "kind": ["peaks"]},
        {"id": 1, "kind": "document"},
        {"id": "a" * 65, "kind": "document"},
        {"id": "a", "kind": "document", "more": 1},
        {"id": "a", "kind": "peaks"},
        {**PEAKS, "start": -1},
        {**PEAKS, "start": 0.5},
        {**PEAKS, "start": True},
        {**PEAKS, "start": float("nan")},
        {**PEAKS, "start": float("inf")},
        {**PEAKS, "start": 2**60},
        {**PEAKS, "start": 10**400},
        {"id": "\ud800", "kind": "document"},
        {"id": "a", "kind": "edit", "segment": 0, "text": "half \ud83d"},
        {**PEAKS, "start": "0"},
        {"id": "a", "kind": "file", "format": 3},
        {"id": "a", "kind": "file", "format": "x" * 100},
        {"id": "a", "kind": "__class__"},
    ],
)
def test_anything_else_is_refused_in_a_line(content: object) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(content)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 150


def test_a_chunk_is_the_first_buffer_of_its_message() -> None:
    chunk = {"id": "a", "kind": "chunk"}
    assert parse(chunk, messages.RECORDER, [memoryview(b"sound"), b"more"]) == messages.ChunkRequest("a", b"sound")
    for content, buffers in ((chunk, []), (chunk, [b""]), ({**chunk, "piece": "sound"}, [b"sound"])):
        with pytest.raises(BadRequest):
            parse(content, messages.RECORDER, buffers)


@pytest.mark.parametrize("content", [None, {}, {"id": 1}, {"id": "a" * 65}, {"id": "\ud800"}])
def test_an_id_that_cannot_be_sent_back_is_none(content: object) -> None:
    assert messages.id_of(content) is None
    assert messages.id_of({"id": "a", "kind": "no-such"}) == "a"
