"""`%whisper lesson` and `%whisper exercise`: what teaches speculative decoding, on the learner's own recording."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from IPython.core.error import UsageError

from whisper_magic.audio.encode import CODINGS, encode
from whisper_magic.audio.excerpt import Excerpt
from whisper_magic.audio.load import find, load
from whisper_magic.engine.engine import Engine
from whisper_magic.lessons.exercises import EXERCISES, Exercise, Verdict
from whisper_magic.lessons.measure import replay, study_lengths
from whisper_magic.notebook.jobs.context import Context
from whisper_magic.notebook.jobs.session import SESSION, ModelChoice
from whisper_magic.notebook.jobs.transcribe import DEMO_RECORDING, options_of
from whisper_magic.notebook.line.parsers import LESSONS
from whisper_magic.notebook.line.requests import ExerciseRequest, LessonRequest
from whisper_magic.notebook.line.sources import Source
from whisper_magic.notebook.views import facts
from whisper_magic.notebook.widgets import lesson_contents as contents
from whisper_magic.notebook.widgets.lesson import Lesson
from whisper_magic.options import TranscribeOptions
from whisper_magic.wording import near

WINDOW = 30.0  # seconds: as much as a lesson shows well


def lesson(request: LessonRequest, context: Context) -> Lesson | None:
    """Make a lesson of a recording; without a name, list the lessons.

    Raises:
        UsageError: for options that make no sense, or models without a draft.
        AudioError: for a recording that cannot be read.
        Interrupted: after Ctrl-C.
    """
    if request.name is None:
        print("\n".join(f"%whisper lesson {name:<8} {what}" for name, what in LESSONS.items()))
        return None
    source = request.source or Source(DEMO_RECORDING, DEMO_RECORDING)
    find(source.value)
    options = _options(request, context)
    models = _models(request, context)
    with context.progress(quiet=request.quiet) as progress, SESSION.using(models, progress.stage) as engine:
        if engine.status.draft is None:
            raise UsageError(f"{engine.status.target} has no draft here, and a lesson shows one: %whisper load demo")
        progress.stage(f"Decoding {facts.name(source.label)} several times, in turns")
        lesson = _Maker(engine, source, options, request.embed, progress.stage).make(request.name)
    context.assign(request.output, lesson)
    return lesson


def exercise(request: ExerciseRequest, context: Context) -> Verdict | None:
    """List the exercises; show one, with its beginning in the next cell; or check the function of its name.

    Raises:
        UsageError: where there is no such exercise.
    """
    if request.name is None:
        print("\n".join(f"%whisper exercise {exercise.name:<8} {exercise.task}" for exercise in EXERCISES.values()))
        return None
    if (chosen := EXERCISES.get(request.name)) is None:
        hint = near(request.name, EXERCISES) or f"; there are {', '.join(EXERCISES)}"
        raise UsageError(f"no exercise is called {request.name}{hint}")
    function = context.shell.user_ns.get(chosen.name)
    if callable(function):
        return chosen.check(function)
    _begin(chosen, context)
    return None


def _begin(chosen: Exercise, context: Context) -> None:
    contracts = ", ".join(chosen.contracts)
    print(f"{chosen.task}\nChecked: {contracts}.\nRun the next cell, then %whisper exercise {chosen.name} again.")
    context.shell.set_next_input(chosen.start)


def _options(request: LessonRequest, context: Context) -> TranscribeOptions:
    given = options_of(request.overrides, context.options)
    return replace(given, channel="mix") if given.channel == "split" else given


def _models(request: LessonRequest, context: Context) -> ModelChoice | None:
    """Those that are loaded; where none is, and no recording is named, the bundled pair."""
    return context.demo_models if request.source is None and SESSION.resident is None else None


class _Maker:
    """Makes one lesson of one recording."""

    def __init__(
        self, engine: Engine, source: Source, options: TranscribeOptions, embed: bool, on_stage: Callable[[str], None]
    ) -> None:
        self.engine, self.source, self.embed, self.on_stage = engine, source, embed, on_stage
        part: dict[str, Any] = {"start": options.start, "end": options.end}
        audio = load(source.value, channel=options.channel, stream=options.stream, **part)
        self.audio = replace(audio if options.end is not None else audio.clip(0, WINDOW), source=source.label)
        self.excerpt = Excerpt(self.audio)
        self.draft_length = 5 if options.draft_length == "auto" else options.draft_length
        self.overrides: dict[str, Any] = {"language": options.language, "task": options.task}

    def make(self, name: str) -> Lesson:
        """name: of `parsers.LESSONS`."""
        if name == "lab":
            study = study_lengths(self.engine, self.audio, on_stage=self.on_stage, **self.overrides)
            status = self.engine.status
            pair = f"{status.target} with {status.draft}"
            return Lesson(contents.lab(study, self.engine.pass_costs, self.source.label, pair), study)
        played = replay(self.engine, self.audio, draft_length=self.draft_length, **self.overrides)
        if name == "bench":
            return Lesson(contents.bench(played, self.engine.token_text), played)
        make = {"race": contents.race, "stepper": contents.stepper}[name]
        return Lesson(make(played, self._sound(), self.engine.token_text), played, self.excerpt)

    def _sound(self) -> contents.PageSound:
        url = None
        if self.embed:
            mime = CODINGS["opus"].mime.partition(";")[0]
            url = f"data:{mime};base64,{base64.b64encode(encode(self.excerpt)).decode()}"
        info = {"path": None, "home": "", "size": 0, "mime": None}  # the kernel encodes what is in memory
        return contents.PageSound(self.audio, self.audio.start, info, url)
