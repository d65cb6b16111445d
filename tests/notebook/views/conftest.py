"""A sample of every type that has a view, and one whose names and texts hold markup and control characters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from tests.support import fake_engine
from whisper_magic.comparison import Candidate
from whisper_magic.errors import AudioNotFound
from whisper_magic.library.library import Library
from whisper_magic.library.records import ModelConfig, RecordingInfo, RecordingKey, SourceInfo
from whisper_magic.notebook.results import Failure, TranscriptList
from whisper_magic.transcript import Models, Segment, Trace, Transcript, Word

NASTY = "</style></td><script>alert('&amp;')</script>\"><img src=x onerror=1>\x1b[2J\r\n\x07"
TEXT = "the quick brown fox jumps over the lazy dog and sits by the long wide river to rest"


def spoken(words=()):
    """A transcript with a word every half second."""
    words = words or TEXT.split()
    timed = tuple(Word(f" {word}", i / 2, i / 2 + 0.4, 1.0) for i, word in enumerate(words))
    segment = Segment(0, len(words) / 2, " ".join(words), words=timed)
    return Transcript((segment,), "de", "transcribe", len(words) / 2, "talk.mp3")


@pytest.fixture(scope="session", name="spoken")
def spoken_fixture():
    return spoken


@pytest.fixture
def word_errors():
    """One word of each kind: substituted, missing, extra."""
    return spoken().wer(TEXT.replace("fox", "box").replace("lazy ", "").replace("rest", "rest here"))


@pytest.fixture
def kept(tmp_path) -> Iterator[Callable[[Transcript], Library]]:
    """Keeps a transcript in a library of its own."""
    with ExitStack() as stack:

        def keep(transcript: Transcript) -> Library:
            library = stack.enter_context(Library(tmp_path / "whisper.db"))
            store, name = library.store, transcript.source
            run = store.add_run(ModelConfig(transcript.models.target, "weights", "float32", "{}"))
            recording = store.add_recording(RecordingKey("sound"), RecordingInfo(name), SourceInfo(name, "sound"))
            store.save(recording, run, transcript)
            store.tag([recording], [name])
            return library

        yield keep


@pytest.fixture
def samples(word_errors, kept) -> dict[str, Any]:
    """Module of the view -> what it shows."""
    transcript = fake_engine.transcript("talk.mp3")
    library = kept(transcript)
    return {
        "transcript": transcript,
        "trace": transcript.trace,
        "transcript_list": TranscriptList([transcript], [Failure("b.mp3", AudioNotFound("b.mp3"))]),
        "status": fake_engine.FakeStatus("big", "small"),
        "comparison": fake_engine.comparison("talk.mp3", divergence=fake_engine.APART),
        "library": library,
        "hits": library.hits(transcript.text.split()[0]),
        "word_errors": word_errors,
    }


@pytest.fixture
def nasty(word_errors, kept) -> dict[str, Any]:
    """Module of the view -> what it shows, with NASTY in every name and text."""
    models = Models(NASTY, NASTY, NASTY, "float32", NASTY)
    segment = Segment(0, 1, NASTY, flags=(NASTY,), language=NASTY)
    transcript = replace(fake_engine.transcript(NASTY, [segment], models=models), skipped=(segment,), notes=(NASTY,))
    candidate = Candidate(3, NASTY, 1.0)
    divergence = replace(fake_engine.APART, before=NASTY, target_only=candidate)
    comparison = replace(fake_engine.comparison(NASTY, divergence=divergence, models=models), notes=(NASTY,))
    library = kept(transcript)
    return {
        "transcript": transcript,
        "trace": Trace((replace(transcript.trace.rounds[0], drafter=NASTY),)),
        "transcript_list": TranscriptList([transcript], [Failure(NASTY, AudioNotFound(NASTY))]),
        "status": fake_engine.FakeStatus(NASTY, NASTY, NASTY, NASTY, NASTY, (NASTY,), (NASTY,)),
        "comparison": comparison,
        "library": library,
        "hits": library.hits("alert"),
        "word_errors": replace(
            word_errors, normalizer=NASTY, stretches=(replace(word_errors.stretches[1], reference=(NASTY,)),)
        ),
    }
