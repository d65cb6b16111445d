"""The kernel's side of a page: each request is handled by the method for its type, and answered exactly once.

    class Clock(PageWidget):
        requests = (TimeRequest, StopRequest)

        @answers(TimeRequest)
        def _time(self, request: TimeRequest) -> Answer: ...

A class without a handler for each of its requests is not made. The page waits for every answer (kernel.ts there), so
that what goes wrong is answered too, with one line.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, TypeVar

import anywidget
import traitlets

from whisper_magic.errors import WhisperMagicError
from whisper_magic.notebook.widgets import messages
from whisper_magic.notebook.widgets.messages import Answer, Request
from whisper_magic.wording import one_line

WidgetT = TypeVar("WidgetT", bound="PageWidget")
RequestT = TypeVar("RequestT", bound=Request)
Handler = Callable[[WidgetT, RequestT], Answer]


def answers(request: type[RequestT]) -> Callable[[Handler[WidgetT, RequestT]], Handler[WidgetT, RequestT]]:
    """Let a method handle a type of request.

    Args:
        request: of `messages`.
    """

    def register(method: Handler[WidgetT, RequestT]) -> Handler[WidgetT, RequestT]:
        vars(method)["answered_request"] = request
        return method

    return register


class PageWidget(anywidget.AnyWidget):  # type: ignore[misc] # anywidget is untyped here
    """A widget whose page asks by messages. It holds one trait, so that a notebook's file has nothing else of it.

    Attributes:
        requests: what the page may ask.
        anchor: of the static view whose place the widget takes.
    """

    requests: ClassVar[tuple[type[Request], ...]] = ()
    _handlers: ClassVar[Mapping[type[Request], Callable[[Any, Any], Answer]]] = {}
    anchor = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Collect the handlers.

        Raises:
            TypeError: where a request has none, or more than one, or a handler is of another request.
        """
        super().__init_subclass__(**kwargs)
        own: dict[type[Request], Callable[[Any, Any], Answer]] = {}
        for method in [method for method in vars(cls).values() if hasattr(method, "answered_request")]:
            if own.setdefault(method.answered_request, method) is not method:
                raise TypeError(f"{cls.__name__} handles {method.answered_request.__name__} twice")
        cls._handlers = {**cls._handlers, **own}
        if odd := sorted(request.__name__ for request in set(cls.requests) ^ cls._handlers.keys()):
            raise TypeError(f"{cls.__name__} must handle what it is asked, and nothing else: {', '.join(odd)}")

    def __init__(self) -> None:
        """Open the widget: from now on the page may ask. What handlers need is there before."""
        self._lock = threading.RLock()
        self.set_trait("anchor", secrets.token_hex(8))
        super().__init__()
        if (comm := getattr(self, "comm", None)) is not None:
            # The thread that the page names (a subshell) takes its messages, also while a cell runs. ipykernel 7.4 has
            # them taken by the one that last sent through the widget: the cell's, where they would wait for its end.
            comm._reply_subshell_for = None
        self.on_msg(self._on_message)

    def _held(self, request: Request) -> AbstractContextManager[object]:
        """What is held until a request is answered: two shells may ask at once. A stop waits for nothing."""
        return nullcontext() if isinstance(request, messages.StopRequest) else self._lock

    def _on_message(self, _: Any, content: Any, buffers: Any) -> None:
        """Answer the page. An error goes back as its line; what is unexpected is reported in the kernel too."""
        name = messages.id_of(content)
        try:
            request = messages.parse(content, self.requests, buffers)
            with self._held(request):
                answer = self._handlers[type(request)](self, request)
                _check(answer)
                self.send({"id": name, "value": answer.value}, list(answer.buffers))
        except (WhisperMagicError, OSError) as error:
            self._refuse(name, error)
        except KeyboardInterrupt:
            self._refuse(name, "interrupted")
            raise
        except Exception as error:
            self._refuse(name, f"internal error: {type(error).__name__}: {error}".removesuffix(": "))
            raise

    def _refuse(self, name: str | None, reason: object) -> None:
        line = one_line(reason).encode("utf-8", "backslashreplace").decode()
        self.send({"id": name, "error": line})


def _check(answer: Answer) -> None:
    """Whether it can be sent: before, as what fails in between is sent neither whole nor as an error.

    Raises:
        TypeError: for what JSON has no form of.
        ValueError: for numbers that are not finite, or half a character. The bytes of a file's name that are not UTF-8
            (PEP 383) go as they are, as Jupyter sends them.
    """
    json.dumps(answer.value, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogateescape")
