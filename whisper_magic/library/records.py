"""What a library keeps of recordings and models, as it is passed to and from the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SourceInfo:
    """A place where a recording lies, as it was last seen.

    Attributes:
        name: A path, or the label of what is in no file.
        content: Digest of its sound; None where it could not be read.
        size: Bytes; None of what is in no file.
        modified: Nanoseconds since 1970, likewise.
        duration: Seconds, where its container says so.
        error: Why it could not be read.
    """

    name: str
    content: str | None = None
    size: int | None = None
    modified: int | None = None
    duration: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class RecordingKey:
    """What identifies a recording: its sound, and which part of it.

    Attributes:
        content: Digest of the sound.
        start: Seconds; None for the beginning.
        end: Seconds; None for the end.
    """

    content: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class RecordingInfo:
    """What a recording has beside its sound; None leaves what is there.

    Attributes:
        name: Its path, or a label.
        duration: Seconds.
        reference: Its reference text.
        speaker: Who speaks.
        metadata: Other columns of a table or manifest.
        tags: Added to those that it has.
    """

    name: str
    duration: float | None = None
    reference: str | None = None
    speaker: str | None = None
    metadata: Mapping[str, Any] | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelConfig:
    """The models and the options that decide a text. One that has written something is a run (`Library.runs`).

    Attributes:
        target: Name of the target.
        weights: Digest of its weights.
        dtype: Such as "float32".
        options: JSON of the options that decide the text.
        draft: Name of the draft, which the text does not depend on.
    """

    target: str
    weights: str
    dtype: str
    options: str
    draft: str | None = None
