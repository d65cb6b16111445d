"""What a page shows during a transcription of several recordings; of one: tests/notebook/widgets/test_player.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import fake_engine
from whisper_magic.notebook.live.player import LivePlayer, LiveRecordings
from whisper_magic.notebook.live.progress import Frame
from whisper_magic.notebook.results import TranscriptList
from whisper_magic.notebook.widgets.players import PLAYERS
from whisper_magic.transcript import Finished, Started

FRAME = Frame("1 of 3 recordings", "settled", " tail", 0.4)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What goes to the page."""
    messages: list[dict[str, Any]] = []
    begin = PLAYERS.several

    def several(stop: Any) -> Any:
        player = begin(stop)
        player.send = lambda content, buffers=None: messages.append(content)
        return player

    monkeypatch.setattr(PLAYERS, "several", several)
    return messages


def test_a_page_shows_how_far_they_are_once_it_asks(sent: list[dict[str, Any]]) -> None:
    live = LiveRecordings()
    assert live.anchor is None
    live.update(Started("a.wav", 20.0))
    assert live.anchor
    assert not live.draw(FRAME)
    assert live._player is not None
    live._player._on_message(live._player, {"id": "1", "kind": "document"}, [])
    document = sent.pop()["value"]
    assert (document["several"], document["writing"], document["sound"]) == (True, True, None)
    assert live.draw(FRAME)
    notice = sent.pop()
    assert (notice["state"], notice["fraction"], notice["tail"]) == ("1 of 3 recordings", 0.4, "settled tail")


def test_the_stop_button_is_ctrl_c_at_the_next_event(sent: list[dict[str, Any]]) -> None:
    live = LiveRecordings()
    live.update(Started("a.wav", 20.0))
    assert live._player is not None
    live._player._on_message(live._player, {"id": "1", "kind": "stop"}, [])
    live.update(Finished(fake_engine.transcript("a.wav")))  # which is kept
    with pytest.raises(KeyboardInterrupt):
        live.update(Started("b.wav", 20.0))


def test_what_went_wrong_is_the_static_output_s(sent: list[dict[str, Any]]) -> None:
    live = LiveRecordings()
    live.update(Started("a.wav", 20.0))
    live.fail("no sound")
    assert live.anchor is None
    assert not live.draw(FRAME)


@pytest.mark.parametrize(("line", "kind"), [("a.wav", LivePlayer), ("a.wav b.wav", LiveRecordings)])
def test_one_recording_shows_its_words_and_several_how_far_they_are(
    run: Any, monkeypatch: pytest.MonkeyPatch, line: str, kind: type
) -> None:
    monkeypatch.setattr("whisper_magic.notebook.jobs.context.in_notebook", lambda shell: True)
    monkeypatch.setattr("whisper_magic.notebook.jobs.context.wanted", lambda *arguments, **more: True)
    job = run(f"%whisper {line} --background").result
    assert type(job._live) is kind
    assert isinstance(job.result(10), TranscriptList) == (kind is LiveRecordings)
    assert type(run(f"%whisper {line} --background --quiet").result._live) is type(None)
