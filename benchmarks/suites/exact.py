"""The text tokens of ours beside transformers' and openai/whisper's, on every recording with speech.

Given the same samples and the same weights, float32, greedy, unassisted; each task, the language detected, and given
where it is not the one that transformers detects (else the prompt is the same). openai/whisper is asked to transcribe
alone. No figure here is a time. What the references wrote is kept in the folder --work, so that a run that was stopped,
or one after a change to whisper_magic, need not wait for them again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks.peers.reference import (
    OpenAIReference,
    Text,
    TransformersReference,
    openai_features,
    why_no_openai_whisper,
)
from benchmarks.probe import checkpoint_folder, read_recording
from benchmarks.report.report import Finding, SuiteResult
from benchmarks.settings import GREEDY, Settings
from benchmarks.sound import RATE, Samples
from whisper_magic import Engine
from whisper_magic.errors import WhisperMagicError

SUFFIXES = (".flac", ".mp3", ".wav", ".ogg", ".opus", ".aiff")
NO_SPEECH = ("nonspeech/", "silent")
LANGUAGES = {  # of those that are not English, by what their path contains
    "fleurs-de": "de",
    "fleurs-es": "es",
    "fleurs-fr": "fr",
    "fleurs-pt": "pt",
    "librivox_fr": "fr",
    "librivox_multi/de": "de",
    "librivox_multi/es": "es",
    **{f"test_{code}": code for code in ("de", "es", "fr", "it", "ja", "ko", "pt")},
    "chinese": "zh",
    "french": "fr",
}
TRANSFORMERS, OPENAI = "transformers", "openai/whisper"
Write = Callable[[Samples, str, str | None], Text]


@dataclass(frozen=True)
class Clip:
    """A recording. language: the code of the one that is spoken."""

    name: str
    path: Path
    language: str


def clips(folder: Path) -> list[Clip]:
    """The recordings with speech, the shortest files first."""
    paths = [path for path in folder.rglob("*") if path.suffix in SUFFIXES]
    named = [
        (path.relative_to(folder).as_posix(), path) for path in sorted(paths, key=lambda path: path.stat().st_size)
    ]
    return [
        Clip(name, path, next((code for part, code in LANGUAGES.items() if part in name), "en"))
        for name, path in named
        if not name.startswith(NO_SPEECH)
    ]


class Kept:
    """What a reference wrote, kept in a file of JSON lines."""

    def __init__(self, path: Path, write: Write) -> None:
        self._path, self._write = path, write
        self._found: dict[str, Text] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().splitlines() if path.is_file() else ():
            row = json.loads(line)
            self._found[row["key"]] = Text(tuple(row["tokens"]), row["language"])

    def write(self, clip: Clip, samples: Samples, task: str, language: str | None) -> Text:
        """What it writes of a clip."""
        key = _key(clip, task, language)
        if key not in self._found:
            self._found[key] = self._write(samples, task, language)
            with self._path.open("a") as file:
                file.write(json.dumps({"key": key, **asdict(self._found[key])}) + "\n")
        return self._found[key]


def _key(clip: Clip, task: str, language: str | None) -> str:
    return f"{clip.name} {clip.path.stat().st_size} {task} {language}"


class _Tally:
    """Counts of clips, and what is to be said of those that differ."""

    def __init__(self, settings: Settings) -> None:
        self.equal, self.total, self.reasons = Counter[str](), Counter[str](), Counter[str]()
        self.notes: list[str] = []
        self._log = settings.log

    def add(self, case: str, clip: Clip, ours: Text, theirs: Text, why: Callable[[], str]) -> None:
        """Count one clip. why: finds the reason of a difference."""
        same = ours.tokens == theirs.tokens
        self.total[case] += 1
        self.equal[case] += same
        if not same:
            reason = why()
            self.reasons[f"{case}: {reason}"] += 1
            self.notes.append(f"{case}: {clip.name}: {_difference(ours, theirs)}; {reason}")
        self._log(f"same  {case}  {clip.name}" if same else f"DIFFERENT  {self.notes[-1]}")

    def findings(self) -> Iterator[Finding]:
        """How many are equal, and why others are not."""
        for case, count in self.total.items():
            goal = count if case.startswith(TRANSFORMERS) else None
            yield Finding(f"{case}: equal clips", self.equal[case], f"of {count}", required=goal)
        for reason, count in self.reasons.items():
            yield Finding(reason, count, "clips")


def run(settings: Settings) -> SuiteResult:
    """Compare every recording."""
    chosen = clips(settings.recordings)[: settings.windows]
    if not chosen:
        raise WhisperMagicError(f"there are no recordings in {settings.recordings}; --recordings names the folder")
    folder = checkpoint_folder(settings.model)
    kept, tally = settings.work / "exact" / folder.name, _Tally(settings)
    reference = TransformersReference(folder)
    transformers = Kept(kept / "transformers.jsonl", reference.write)
    missing = why_no_openai_whisper() if settings.peers else "openai/whisper is left out, as asked for"
    openai = None if missing else Kept(kept / "openai-whisper.jsonl", OpenAIReference(folder).write)
    with Engine.load(str(folder), "none", dtype="float32", device=settings.device) as engine:
        for clip in chosen:
            samples = read_recording(clip.path)
            for task in ("transcribe", "translate") if engine.status.languages else ("transcribe",):
                theirs = transformers.write(clip, samples, task, None)
                ours = _ours(engine, samples, task, None, reference.text_tokens)
                tally.add(f"{TRANSFORMERS}: {task}, language detected", clip, ours, theirs, lambda: "a bug")
                if openai is not None and task == "transcribe":
                    other = openai.write(clip, samples, task, None)
                    why = partial(_why, reference, samples, task, ours, other)
                    tally.add(f"{OPENAI}: {task}, language detected", clip, ours, other, why)
                if theirs.language not in (None, clip.language):
                    theirs = transformers.write(clip, samples, task, clip.language)
                    ours = _ours(engine, samples, task, clip.language, reference.text_tokens)
                    tally.add(f"{TRANSFORMERS}: {task}, language given", clip, ours, theirs, lambda: "a bug")
    return SuiteResult(findings=tuple(tally.findings()), notes=tuple([missing] * bool(missing) + tally.notes))


def _ours(engine: Engine, samples: Samples, task: str, language: str | None, text_tokens: int) -> Text:
    options = GREEDY.override(draft="none", task=task, language=language)
    written = engine.transcribe((samples, RATE), options)
    tokens = (token for segment in written.segments for token in segment.tokens)
    return Text(tuple(token for token in tokens if token < text_tokens), written.language)


def _why(reference: TransformersReference, samples: Samples, task: str, ours: Text, theirs: Text) -> str:
    """Why openai/whisper wrote something else."""
    if ours.language != theirs.language:
        return f"it detected {theirs.language} where we detect {ours.language}"
    features = openai_features(samples, reference.extractor.feature_size)
    if reference.write_features(features, task, ours.language).tokens == theirs.tokens:
        return "its features: given them, transformers writes the same"
    return "its reading"


def _difference(ours: Text, theirs: Text) -> str:
    pairs = zip(ours.tokens, theirs.tokens, strict=False)
    at = next(
        (i for i, (ours_token, their_token) in enumerate(pairs) if ours_token != their_token),
        min(len(ours.tokens), len(theirs.tokens)),
    )
    return f"from token {at} on, of {len(ours.tokens)} (ours) and {len(theirs.tokens)}"
