"""What the page may ask: everything else is refused in one line."""

from __future__ import annotations

import re
from pathlib import Path

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
    assert request.count == messages.MOST_PEAKS


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


def test_both_sides_know_the_same_requests() -> None:
    protocol = Path(__file__).parents[3] / "frontend" / "src" / "shared" / "protocol.ts"
    answers = re.search(r"interface Answers \{(.*?)\n\}", protocol.read_text("utf-8"), re.DOTALL)
    assert answers is not None
    assert re.findall(r"^  (\w+): \{ ask", answers[1], re.MULTILINE) == [one.kind for one in messages.PLAYER]
