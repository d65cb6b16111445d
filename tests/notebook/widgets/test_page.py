"""Every request of a page is answered once, whatever happens to it: of each widget that has a page."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.support import fake_engine, made_library
from tests.support.talk import write
from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.library.library import Library
from whisper_magic.notebook.views.lesson import Content
from whisper_magic.notebook.views.tables import Table
from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.explorer import Explorer
from whisper_magic.notebook.widgets.lesson import Lesson
from whisper_magic.notebook.widgets.messages import Answer, DocumentRequest, Request, StopRequest, TraceRequest
from whisper_magic.notebook.widgets.page import PageWidget, answers
from whisper_magic.notebook.widgets.player import Player
from whisper_magic.notebook.widgets.recorder import Recorder

UNIONS = {Player: messages.PLAYER, Explorer: messages.EXPLORER, Recorder: messages.RECORDER, Lesson: messages.LESSON}
VALUES = {"int": 1, "float": 1.0, "bool": False, "str": "{}", "tuple[int, ...]": [1]}


@pytest.fixture(params=UNIONS, ids=lambda kind: kind.__name__.lower())
def widget(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PageWidget]:
    """Each widget that has a page."""
    talk = write(tmp_path / "talk.flac")
    if request.param is Player:
        yield Player(fake_engine.transcript(str(talk)), Excerpt(str(talk)))
    elif request.param is Lesson:
        yield Lesson(Content("bench", "A bench", "", Table("", (), ()), {"notes": []}), None, Excerpt(str(talk)))
    elif request.param is Recorder:
        recorder = Recorder()
        yield recorder
        recorder.capture.end()
    else:
        with Library(made_library.make(tmp_path / "made.db", 3)) as library:
            yield Explorer(library)


class Asker:
    """Sends a widget messages as its page does, and keeps what it answers. Notices have no id."""

    def __init__(self, widget: PageWidget) -> None:
        self.widget, self.answers = widget, list[dict[str, Any]]()
        widget.send = self._receive

    def _receive(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
        if "id" in content:
            self.answers.append(content)

    def __call__(self, content: object) -> dict[str, Any]:
        """The one answer to a message."""
        self.answers.clear()
        self.widget._on_message(self.widget, content, [b"sound"])
        (answer,) = self.answers
        return answer


@pytest.fixture
def ask(widget: PageWidget) -> Asker:
    return Asker(widget)


def message(request: type[Request]) -> dict[str, Any]:
    """A well-formed message of a type."""
    types = {field.name: str(field.type) for field in fields(request)}
    return {"kind": request.kind, **{name: VALUES[kind] for name, kind in types.items() if kind != "bytes"}, "id": "7"}


def handled_by(monkeypatch: pytest.MonkeyPatch, widget: PageWidget, handler: Callable[..., Answer]) -> None:
    """Let a function handle every request of a widget."""
    monkeypatch.setattr(type(widget), "_handlers", dict.fromkeys(widget.requests, handler))


def test_each_widget_handles_all_that_its_page_may_ask(widget: PageWidget) -> None:
    assert widget.requests in [union for kind, union in UNIONS.items() if isinstance(widget, kind)]
    assert set(widget._handlers) == set(widget.requests)
    assert len({request.kind for request in widget.requests}) == len(widget.requests)


def test_an_unexpected_error_is_answered_once_and_raised(
    widget: PageWidget, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(widget: PageWidget, request: Request) -> Answer:
        raise RuntimeError("something\nbroke")

    handled_by(monkeypatch, widget, fail)
    for request in widget.requests:
        with pytest.raises(RuntimeError, match="broke"):
            ask(message(request))
        assert ask.answers == [{"id": "7", "error": "internal error: RuntimeError: something broke"}]


def test_an_interrupt_is_answered_and_goes_on(widget: PageWidget, ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(widget: PageWidget, request: Request) -> Answer:
        raise KeyboardInterrupt

    handled_by(monkeypatch, widget, interrupt)
    with pytest.raises(KeyboardInterrupt):
        ask(message(widget.requests[0]))
    assert ask.answers == [{"id": "7", "error": "interrupted"}]


@pytest.mark.parametrize(
    "value",
    [{"p": float("nan")}, [float("-inf")], {"name": "half \ud83d"}, {1: {2, 3}}, b"bytes", {(1, 2): 3}],
    ids=["nan", "inf", "surrogate", "set", "bytes", "key"],
)
def test_an_answer_that_cannot_be_sent_is_an_error(
    widget: PageWidget, ask: Asker, monkeypatch: pytest.MonkeyPatch, value: object
) -> None:
    handled_by(monkeypatch, widget, lambda widget, request: Answer(value))
    with pytest.raises((TypeError, ValueError)):
        ask(message(widget.requests[0]))
    (answer,) = ask.answers
    assert answer["id"] == "7"
    assert answer["error"].startswith("internal error: ")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (None, None),
        ([], None),
        ({"kind": "stop"}, None),
        ({"id": "\ud800", "kind": "document"}, None),
        ({"id": "7", "kind": "no-such"}, "7"),
        ({"id": "7", "kind": "\ud800"}, "7"),
        ({"id": "7", "kind": float("nan")}, "7"),
        ({"id": "7"}, "7"),
    ],
)
def test_what_is_no_request_is_answered_with_one_line(
    widget: PageWidget, ask: Asker, content: object, name: str | None
) -> None:
    answer = ask(content)
    assert answer["id"] == name
    assert answer["error"]
    assert "\n" not in answer["error"]


@pytest.mark.parametrize(
    "value",
    ["half \ud83d", float("nan"), float("inf"), 10**400, None, {"a": 1}],
    ids=["surrogate", "nan", "inf", "huge", "null", "dict"],
)
def test_a_field_that_makes_no_sense_is_answered_with_one_line(widget: PageWidget, ask: Asker, value: object) -> None:
    for request in widget.requests:
        for name in message(request).keys() - {"id", "kind"}:
            answer = ask({**message(request), name: value})
            assert answer["id"] == "7"
            assert "error" in answer, (request, name)


def test_every_request_gets_one_answer(widget: PageWidget, ask: Asker) -> None:
    """Most are refused: the made widgets have no engine. None raises, and none is left unanswered."""
    for request in widget.requests:
        answer = ask(message(request))
        assert answer.keys() in ({"id", "value"}, {"id", "error"})
        assert "internal error" not in answer.get("error", ""), answer


def test_a_request_without_a_handler_makes_no_class() -> None:
    with pytest.raises(TypeError, match=r"^Deaf must handle what it is asked, and nothing else: StopRequest$"):

        class Deaf(PageWidget):
            requests: ClassVar = (DocumentRequest, StopRequest)

            @answers(DocumentRequest)
            def _document(self, request: DocumentRequest) -> Answer:
                return Answer()


def test_nor_does_a_handler_of_what_is_not_asked_or_two_of_the_same() -> None:
    def give(self: PageWidget, request: Request) -> Answer:
        return Answer()

    def give_again(self: PageWidget, request: Request) -> Answer:
        return Answer()

    asked = {"requests": (TraceRequest,), "give": answers(TraceRequest)(give)}
    with pytest.raises(TypeError, match=r"Odd must handle .*: DocumentRequest"):
        type("Odd", (PageWidget,), {**asked, "give_again": answers(DocumentRequest)(give_again)})
    with pytest.raises(TypeError, match="Double handles TraceRequest twice"):
        type("Double", (PageWidget,), {**asked, "give_again": answers(TraceRequest)(give_again)})


class Slow(PageWidget):
    """Answers a request when the test lets it."""

    requests: ClassVar = (TraceRequest, StopRequest)

    def __init__(self) -> None:
        self.begun, self.go_on, self.at_once = threading.Semaphore(0), threading.Event(), [0]
        self.stopped = False
        super().__init__()

    @answers(TraceRequest)
    def _trace(self, request: TraceRequest) -> Answer:
        self.at_once.append(self.at_once[-1] + 1)
        self.begun.release()
        assert self.go_on.wait(10)
        self.at_once.append(self.at_once[-1] - 1)
        return Answer()

    @answers(StopRequest)
    def _stop(self, request: StopRequest) -> Answer:
        self.stopped = True
        return Answer()


def test_two_shells_are_answered_one_after_the_other_and_a_stop_at_once() -> None:
    slow, sent = Slow(), list[Any]()
    slow.send = lambda content, buffers=None: sent.append(content)
    asking = [
        threading.Thread(target=slow._on_message, args=(None, {"id": name, "kind": "trace"}, [])) for name in "ab"
    ]
    for thread in asking:
        thread.start()
    assert slow.begun.acquire(timeout=10)
    slow._on_message(None, {"id": "c", "kind": "stop"}, [])
    assert slow.stopped
    assert [content["id"] for content in sent] == ["c"]
    slow.go_on.set()
    for thread in asking:
        thread.join(10)
    assert sorted(content["id"] for content in sent) == ["a", "b", "c"]
    assert max(slow.at_once) == 1


def test_both_sides_know_the_same_requests() -> None:
    protocol = Path(__file__).parents[3] / "frontend" / "src" / "shared" / "protocol.ts"
    text = protocol.read_text("utf-8")
    for name, union in (("", messages.PLAYER), ("Recorder", messages.RECORDER), ("Explorer", messages.EXPLORER)):
        block = re.search(rf"interface {name}Answers \{{(.*?)\n\}}", text, re.DOTALL)
        assert block is not None
        assert re.findall(r"^  (\w+): \{ ask", block[1], re.MULTILINE) == [request.kind for request in union]
